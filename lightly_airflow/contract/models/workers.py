"""Registered workers."""

from __future__ import annotations

from typing import Literal

from lightly_airflow.contract.models.base import AnswerModel, DatasetName, Id, Milliseconds, RequestModel
from lightly_airflow.contract.models.datasets import Creator

WorkerState = Literal["OFFLINE", "CRASHED", "IDLE", "BUSY"]


class WorkerCreateRequest(RequestModel):
    """POST /v1/docker/worker"""

    name: DatasetName
    worker_type: Literal["FULL"] = "FULL"
    labels: list[str] | None = None
    creator: Creator | None = None
    docker_version: str | None = None


class WorkerUpdateRequest(RequestModel):
    """PUT /v1/docker/worker/{workerId}: the heartbeat."""

    state: WorkerState
    docker_version: str | None = None


class Worker(AnswerModel):
    """A worker as the registry knows it."""

    id: Id
    user_id: str
    name: str
    worker_type: str
    state: str
    created_at: Milliseconds
    last_modified_at: Milliseconds
    labels: list[str]
    is_default: bool | None = None
    docker_version: str | None = None


class LicenseInformation(AnswerModel):
    """GET /v1/docker/licenseInformation"""

    license_type: str
    license_expiration_date: Milliseconds
    license_is_valid: bool
