"""Worker configurations and the queue of scheduled runs."""

from __future__ import annotations

from collections.abc import Sequence

from lightly_airflow.contract.endpoint import TEAM, Endpoint
from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.runs import Priority, ScheduledRun, ScheduleRequest, ScheduleUpdateRequest
from lightly_airflow.contract.models.worker_config import RunConfig, RunConfigCreateRequest, RunConfigData
from lightly_airflow.contract.states import ScheduledState
from lightly_airflow.contract.wire import Call

CREATE_CONFIG: Endpoint[CreatedEntity] = Endpoint(
    "POST", "/v1/docker/worker/config/vX", CreatedEntity, 201, RunConfigCreateRequest
)
GET_CONFIG: Endpoint[RunConfigData] = Endpoint("GET", "/v1/docker/worker/config/vX/{configId}", RunConfigData)
SCHEDULE: Endpoint[CreatedEntity] = Endpoint(
    "POST",
    "/v1/datasets/{datasetId}/docker/worker/schedule",
    CreatedEntity,
    201,
    ScheduleRequest,
    query={"disableConfigValidation": bool},
)
LIST_OF_DATASET: Endpoint[list[ScheduledRun]] = Endpoint(
    "GET",
    "/v1/datasets/{datasetId}/docker/worker/schedule",
    list[ScheduledRun],
    query={"state": ScheduledState, "states": list[ScheduledState]},
)
CANCEL: Endpoint[None] = Endpoint("PUT", "/v1/datasets/{datasetId}/docker/worker/schedule/{scheduledId}")
UPDATE: Endpoint[None] = Endpoint(
    "PUT", "/v1/datasets/{datasetId}/docker/worker/{workerId}/schedule/{scheduledId}", body=ScheduleUpdateRequest
)
LIST_FOR_WORKERS: Endpoint[list[ScheduledRun]] = Endpoint(
    "GET",
    "/v1/docker/worker/schedule",
    list[ScheduledRun],
    query={"state": ScheduledState, "labels": list[str], "version": str, "includeUnlockableRuns": bool, **TEAM},
)
LIST_FOR_WORKER: Endpoint[list[ScheduledRun]] = Endpoint(
    "GET", "/v1/docker/worker/{workerId}/schedule", list[ScheduledRun], query={"state": ScheduledState, **TEAM}
)


def create_config(config: RunConfig) -> Call[CreatedEntity]:
    """POST /v1/docker/worker/config/vX. Configs are immutable; an unused one costs nothing."""
    return CREATE_CONFIG.call(body=RunConfigCreateRequest(config=config, creator="USER_PIP"))


def get_config(config_id: str) -> Call[RunConfigData]:
    """GET /v1/docker/worker/config/vX/{configId}"""
    return GET_CONFIG.call(configId=config_id)


def schedule_run(dataset_id: str, config_id: str, priority: Priority, runs_on: Sequence[str]) -> Call[CreatedEntity]:
    """POST /v1/datasets/{datasetId}/docker/worker/schedule: into the queue. Not idempotent; ``config_id`` tells."""
    body = ScheduleRequest(config_id=config_id, priority=priority, runs_on=list(runs_on), creator="USER_PIP")
    return SCHEDULE.call(datasetId=dataset_id, body=body)


def scheduled_runs(dataset_id: str, states: Sequence[ScheduledState]) -> Call[list[ScheduledRun]]:
    """GET /v1/datasets/{datasetId}/docker/worker/schedule. Without ``states``: OPEN and LOCKED alone."""
    return LIST_OF_DATASET.call(datasetId=dataset_id, query={"states": list(states)})


def cancel_scheduled_run(dataset_id: str, scheduled_run_id: str) -> Call[None]:
    """PUT /v1/datasets/{datasetId}/docker/worker/schedule/{scheduledId}: refused unless the run is still OPEN."""
    return CANCEL.call(datasetId=dataset_id, scheduledId=scheduled_run_id)


def update_scheduled_run(dataset_id: str, worker_id: str, scheduled_run_id: str, state: ScheduledState) -> Call[None]:
    """PUT .../docker/worker/{workerId}/schedule/{scheduledId}: a worker locks (LOCKED) or closes (DONE) a run."""
    body = ScheduleUpdateRequest(state=state)
    return UPDATE.call(datasetId=dataset_id, workerId=worker_id, scheduledId=scheduled_run_id, body=body)


def waiting_runs(labels: Sequence[str]) -> Call[list[ScheduledRun]]:
    """GET /v1/docker/worker/schedule: what waits for a worker that has these labels, also behind another run."""
    query = {"state": "OPEN", "labels": list(labels), "includeUnlockableRuns": True}
    return LIST_FOR_WORKERS.call(query=query)


def runs_for_worker(worker_id: str, state: ScheduledState = "OPEN") -> Call[list[ScheduledRun]]:
    """GET /v1/docker/worker/{workerId}/schedule: what this worker may take now, most urgent first."""
    return LIST_FOR_WORKER.call(workerId=worker_id, query={"state": state})
