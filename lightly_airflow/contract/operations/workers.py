"""The registry of workers."""

from __future__ import annotations

from collections.abc import Sequence

from lightly_airflow.contract.endpoint import TEAM, Endpoint
from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.workers import (
    LicenseInformation,
    Worker,
    WorkerCreateRequest,
    WorkerState,
    WorkerUpdateRequest,
)
from lightly_airflow.contract.wire import Call

LIST: Endpoint[list[Worker]] = Endpoint("GET", "/v1/docker/worker", list[Worker], query=TEAM)
REGISTER: Endpoint[CreatedEntity] = Endpoint(
    "POST", "/v1/docker/worker", CreatedEntity, 201, WorkerCreateRequest, query={"forUserId": str}
)
DEFAULT: Endpoint[Worker] = Endpoint("GET", "/v1/docker/worker/default", Worker)
GET: Endpoint[Worker] = Endpoint("GET", "/v1/docker/worker/{workerId}", Worker)
UPDATE: Endpoint[None] = Endpoint("PUT", "/v1/docker/worker/{workerId}", body=WorkerUpdateRequest)
DELETE: Endpoint[None] = Endpoint("DELETE", "/v1/docker/worker/{workerId}")
LICENSE: Endpoint[LicenseInformation] = Endpoint("GET", "/v1/docker/licenseInformation", LicenseInformation)


def list_workers() -> Call[list[Worker]]:
    """GET /v1/docker/worker: all that the token can see."""
    return LIST.call()


def register_worker(name: str, labels: Sequence[str], docker_version: str | None = None) -> Call[CreatedEntity]:
    """POST /v1/docker/worker: the same name gives the same id again."""
    body = WorkerCreateRequest(name=name, labels=list(labels), creator="USER_WORKER", docker_version=docker_version)
    return REGISTER.call(body=body)


def update_worker(worker_id: str, state: WorkerState) -> Call[None]:
    """PUT /v1/docker/worker/{workerId}: the heartbeat."""
    return UPDATE.call(workerId=worker_id, body=WorkerUpdateRequest(state=state))
