"""What a signed URL gives: artifacts that the emulator keeps, and objects in the datasources' buckets."""

from __future__ import annotations

import mimetypes
from typing import cast

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.wire import Response
from lightly_airflow.emulator.buckets import answered, open_bucket, read_bucket
from lightly_airflow.emulator.records import ArtifactRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.run_files import run_file
from lightly_airflow.emulator.world import World
from lightly_airflow.storage.objects import write_object

# Files are shown from the emulator's own address, so none of them may run as a page of it.
_HEADERS = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}


def serve_file(world: World, method: str, name: str, body: bytes | None) -> Response:
    """Read or write a file whose signature was checked.

    :param name: ``artifact/<id>`` or ``object/<dataset id>/<purpose>/<path>``.
    :param body: what to write, for ``PUT``.
    :raises Refusal: there is no such file, or its bucket refuses.
    """
    kind, _, rest = name.partition("/")
    if kind == "object":
        dataset_id, purpose, path = rest.split("/", 2)
        return _shown(path, read_bucket(world, dataset_id, cast("Purpose", purpose), path))
    artifact = world.get(ArtifactRecord, rest)
    if artifact is None:
        raise Refusal(404, "DOCKER_RUN_ARTIFACT_UNKNOWN", "the artifact is gone")
    if method == "PUT":
        _write_artifact(world, artifact, body or b"")
        return Response(200)
    return _shown(artifact.file_name, read_artifact(world, artifact))


def read_artifact(world: World, artifact: ArtifactRecord) -> bytes:
    """An artifact's bytes, from the state file or from the Lightly datasource, wherever it lies."""
    if artifact.storage_location == "DATASOURCE":
        return read_bucket(
            world, _dataset_of(world, artifact), "LIGHTLY", run_file(artifact.run_id, artifact.file_name)
        )
    content = world.get_file(artifact.id)
    if content is None:
        raise Refusal(404, "DOCKER_RUN_ARTIFACT_UNAVAILABLE", f"{artifact.file_name} was never uploaded")
    return content


def _write_artifact(world: World, artifact: ArtifactRecord, content: bytes) -> None:
    if artifact.storage_location != "DATASOURCE":
        world.put_file(artifact.id, content)
        return
    with answered("LIGHTLY"):
        write_object(
            open_bucket(world, _dataset_of(world, artifact), "LIGHTLY"),
            run_file(artifact.run_id, artifact.file_name),
            content,
        )


def _dataset_of(world: World, artifact: ArtifactRecord) -> str:
    run = world.get(Run, artifact.run_id)
    if run is None or run.dataset_id is None:
        raise Refusal(404, "DOCKER_RUN_DATASET_UNAVAILABLE", "the artifact's run has no dataset")
    return run.dataset_id


def _shown(name: str, content: bytes) -> Response:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(200, content, {"content-type": kind, **_HEADERS})
