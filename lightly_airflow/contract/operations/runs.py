"""Runs: state, logs, artifacts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from lightly_airflow.contract.endpoint import PAGING, TEAM, Endpoint
from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.runs import (
    ArtifactCreated,
    ArtifactCreateRequest,
    ArtifactType,
    ListedRun,
    LogCreateEntry,
    LogPage,
    Run,
    RunCreateRequest,
    RunUpdateRequest,
    StorageLocation,
)
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.states import RunState
from lightly_airflow.contract.wire import Call

LIST: Endpoint[list[Run]] = Endpoint(
    "GET", "/v1/docker/runs", list[Run], query={"showArchived": bool, **TEAM, **PAGING}
)
# The same operation, read in part.
LIST_STATES: Endpoint[list[ListedRun]] = cast("Any", replace(LIST, answer=list[ListedRun]))
LIST_OF_DATASET: Endpoint[list[Run]] = Endpoint(
    "GET", "/v1/docker/runs/query/datasetId/{datasetId}", list[Run], query={**TEAM, **PAGING}
)
COUNT: Endpoint[str] = Endpoint("GET", "/v1/docker/runs/count", str, query={"showArchived": bool, **TEAM}, media="text")
GET_OF_SCHEDULE: Endpoint[Run] = Endpoint("GET", "/v1/docker/runs/schedule/{scheduledId}", Run)
GET: Endpoint[Run] = Endpoint("GET", "/v1/docker/runs/{runId}", Run)
CREATE: Endpoint[CreatedEntity] = Endpoint("POST", "/v1/docker/runs", CreatedEntity, 201, RunCreateRequest)
UPDATE: Endpoint[None] = Endpoint("PUT", "/v1/docker/runs/{runId}", body=RunUpdateRequest)
TAGS: Endpoint[list[Tag]] = Endpoint("GET", "/v1/docker/runs/{runId}/tags", list[Tag])
GET_LOGS: Endpoint[LogPage] = Endpoint("GET", "/v1/docker/runs/{runId}/logs", LogPage, query={"cursor": int})
ADD_LOGS: Endpoint[None] = Endpoint("PUT", "/v1/docker/runs/{runId}/logs", body=list[LogCreateEntry])
CREATE_ARTIFACT: Endpoint[ArtifactCreated] = Endpoint(
    "POST", "/v1/docker/runs/{runId}/artifacts", ArtifactCreated, 201, ArtifactCreateRequest
)
CONFIRM_ARTIFACT: Endpoint[None] = Endpoint("PUT", "/v1/docker/runs/{runId}/artifacts/{artifactId}/confirmUpload")
ARTIFACT_READ_URL: Endpoint[str] = Endpoint(
    "GET", "/v1/docker/runs/{runId}/artifacts/{artifactId}/readurl", str, media="text"
)


def run_of_schedule(scheduled_run_id: str) -> Call[Run]:
    """GET /v1/docker/runs/schedule/{scheduledId}: 404 until a worker has started the run."""
    return GET_OF_SCHEDULE.call(scheduledId=scheduled_run_id)


def get_run(run_id: str) -> Call[Run]:
    """GET /v1/docker/runs/{runId}"""
    return GET.call(runId=run_id)


def list_run_states(page_size: int, page_offset: int = 0) -> Call[list[ListedRun]]:
    """GET /v1/docker/runs: how the account's runs stand; one page, in no order that is promised."""
    return LIST_STATES.call(query={"pageSize": page_size, "pageOffset": page_offset})


def runs_of_dataset(dataset_id: str, page_size: int = 100, page_offset: int = 0) -> Call[list[Run]]:
    """GET /v1/docker/runs/query/datasetId/{datasetId}: one page of the dataset's runs."""
    return LIST_OF_DATASET.call(datasetId=dataset_id, query={"pageSize": page_size, "pageOffset": page_offset})


def run_tags(run_id: str) -> Call[list[Tag]]:
    """GET /v1/docker/runs/{runId}/tags: newest first."""
    return TAGS.call(runId=run_id)


def get_logs(run_id: str, cursor: int = 0) -> Call[LogPage]:
    """GET /v1/docker/runs/{runId}/logs: the lines from the cursor on."""
    return GET_LOGS.call(runId=run_id, query={"cursor": cursor})


def artifact_read_url(run_id: str, artifact_id: str) -> Call[str]:
    """GET /v1/docker/runs/{runId}/artifacts/{artifactId}/readurl: a signed URL, to be asked for without the token."""
    return ARTIFACT_READ_URL.call(runId=run_id, artifactId=artifact_id)


def create_run(request: RunCreateRequest) -> Call[CreatedEntity]:
    """POST /v1/docker/runs: a worker has begun."""
    return CREATE.call(body=request)


def update_run(run_id: str, state: RunState, message: str | None = None) -> Call[None]:
    """PUT /v1/docker/runs/{runId}: a worker tells how far it is."""
    return UPDATE.call(runId=run_id, body=RunUpdateRequest(state=state, message=message))


def add_logs(run_id: str, entries: list[LogCreateEntry]) -> Call[None]:
    """PUT /v1/docker/runs/{runId}/logs: lines to append."""
    return ADD_LOGS.call(runId=run_id, body=entries)


def create_artifact(
    run_id: str, file_name: str, kind: ArtifactType, location: StorageLocation
) -> Call[ArtifactCreated]:
    """POST /v1/docker/runs/{runId}/artifacts: announces a file and asks where to put its bytes."""
    body = ArtifactCreateRequest(file_name=file_name, type=kind, storage_location=location)
    return CREATE_ARTIFACT.call(runId=run_id, body=body)


def confirm_artifact(run_id: str, artifact_id: str) -> Call[None]:
    """PUT .../artifacts/{artifactId}/confirmUpload: the bytes are there."""
    return CONFIRM_ARTIFACT.call(runId=run_id, artifactId=artifact_id)
