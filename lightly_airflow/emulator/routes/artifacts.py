"""A run's files: announced, uploaded to a signed URL, confirmed; readable from then on."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.models.runs import ArtifactCreated, ArtifactCreateRequest
from lightly_airflow.contract.operations import runs
from lightly_airflow.emulator.records import ArtifactRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.owned import the_run
from lightly_airflow.emulator.routing import Ask, Routes

ROUTES = Routes()


@ROUTES.serves(runs.CREATE_ARTIFACT)
def create_artifact(ask: Ask[ArtifactCreateRequest]) -> ArtifactCreated:
    """Announce a file; a run has each file name once."""
    world, run = ask.world, the_run(ask)
    _check_name(ask.body.file_name)
    told = ask.body.model_dump(exclude_none=True)
    artifact = ArtifactRecord(id=world.new_id(), run_id=run.id, created_at=world.milliseconds(), **told)
    with world.transaction():
        if world.count(ArtifactRecord, run_id=run.id, file_name=artifact.file_name):
            raise Refusal(409, "DOCKER_RUN_ARTIFACT_EXISTS", f"the run has an artifact {artifact.file_name!r} already")
        world.add(artifact)
    return ArtifactCreated(signed_write_url=ask.urls.artifact(artifact.id, "PUT"), artifact_id=artifact.id)


@ROUTES.serves(runs.CONFIRM_ARTIFACT)
def confirm_artifact(ask: Ask[Any]) -> None:
    """The bytes are there, where they were promised to be."""
    with ask.world.transaction():
        artifact = _the_artifact(ask)
        if artifact.storage_location != "DATASOURCE" and ask.world.get_file(artifact.id) is None:
            raise _unavailable(artifact)
        ask.world.save(artifact.model_copy(update={"confirmed": True}))


@ROUTES.serves(runs.ARTIFACT_READ_URL)
def read_url(ask: Ask[Any]) -> str:
    """A signed URL of a confirmed file."""
    artifact = _the_artifact(ask)
    if not artifact.confirmed:
        raise _unavailable(artifact)
    return ask.urls.artifact(artifact.id)


def _the_artifact(ask: Ask[Any]) -> ArtifactRecord:
    run, artifact_id = the_run(ask), ask.ids["artifactId"]
    artifact = ask.world.get(ArtifactRecord, artifact_id)
    if artifact is None or artifact.run_id != run.id:
        raise Refusal(404, "DOCKER_RUN_ARTIFACT_UNKNOWN", f"the run has no artifact {artifact_id}")
    return artifact


def _check_name(name: str) -> None:
    # It becomes part of an object's name beside those of other runs.
    if "/" in name or name in ("", ".", ".."):
        raise Refusal(400, "MALFORMED_REQUEST", "body.fileName: a plain file name, without directories")


def _unavailable(artifact: ArtifactRecord) -> Refusal:
    reason = f"{artifact.file_name} was announced, but its upload is not confirmed"
    return Refusal(404, "DOCKER_RUN_ARTIFACT_UNAVAILABLE", reason)
