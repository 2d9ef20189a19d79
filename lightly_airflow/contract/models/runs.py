"""Scheduled runs, the runs that workers make of them, their logs and their artifacts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lightly_airflow.contract.models.base import AnswerModel, Id, Milliseconds, RequestModel
from lightly_airflow.contract.models.datasets import Creator
from lightly_airflow.contract.states import RunState, ScheduledState

Priority = Literal["LOW", "MID", "HIGH", "CRITICAL"]
LogLevel = Literal["VERBOSE", "NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
ArtifactType = Literal[
    "LOG", "MEMLOG", "CHECKPOINT", "REPORT_PDF", "REPORT_JSON", "REPORT_V2_JSON", "CORRUPTNESS_CHECK_INFORMATION",
    "SEQUENCE_INFORMATION", "RELEVANT_FILENAMES",
]  # fmt: skip
StorageLocation = Literal["LIGHTLY", "DATASOURCE"]
Percent = Annotated[float, Field(ge=0, le=100)]


class ScheduleRequest(RequestModel):
    """POST /v1/datasets/{datasetId}/docker/worker/schedule"""

    config_id: Id
    priority: Priority
    runs_on: list[str] | None = None
    creator: Creator | None = None


class ScheduleUpdateRequest(RequestModel):
    """PUT .../docker/worker/{workerId}/schedule/{scheduledId}: how a worker locks and closes a scheduled run."""

    state: ScheduledState
    priority: Priority | None = None
    runs_on: list[str] | None = None


class ScheduledRun(AnswerModel):
    """A place in the queue."""

    id: Id
    dataset_id: Id
    user_id: str | None = None
    config_id: Id
    priority: str
    runs_on: list[str]
    state: str
    created_at: Milliseconds
    last_modified_at: Milliseconds
    owner: Id | None = None


class RunCreateRequest(RequestModel):
    """POST /v1/docker/runs"""

    docker_version: str
    dataset_id: Id | None = None
    scheduled_id: Id | None = None
    config_id: Id | None = None
    message: str | None = None
    creator: Creator | None = None


class RunUpdateRequest(RequestModel):
    """PUT /v1/docker/runs/{runId}"""

    state: RunState
    message: str | None = None
    ts: Milliseconds | None = None


class Artifact(AnswerModel):
    """A file that a run made."""

    id: Id
    type: str
    file_name: str
    storage_location: str | None = None
    created_at: Milliseconds | None = None


class Run(AnswerModel):
    """A run: exists once a worker has started it."""

    id: Id
    user_id: str
    docker_version: str
    state: str
    archived: bool | None = None
    dataset_id: Id | None = None
    config_id: Id | None = None
    scheduled_id: Id | None = None
    created_at: Milliseconds
    last_modified_at: Milliseconds
    message: str | None = None
    artifacts: list[Artifact] | None = None


class ListedRun(AnswerModel):
    """What tells how a run stands. A long list is read in a fifth of the time that whole runs take."""

    scheduled_id: Id | None = None
    state: str
    message: str | None = None


class ArtifactCreateRequest(RequestModel):
    """POST /v1/docker/runs/{runId}/artifacts"""

    file_name: str
    type: ArtifactType
    storage_location: StorageLocation | None = None


class ArtifactCreated(AnswerModel):
    """Where to PUT the artifact's bytes."""

    signed_write_url: str = Field(repr=False)
    artifact_id: str


class Load(RequestModel):
    """How busy the worker is, in percent."""

    cpu: Percent | None = None
    mem: Percent | None = None


class LogCreateEntry(RequestModel):
    """One line that a worker writes to its run's log."""

    ts: Milliseconds
    level: LogLevel
    group: str
    origin: str | None = None
    msg: str
    state: RunState | None = None
    load: Load | None = None


class LogEntry(AnswerModel):
    """One line of a run's log."""

    ts: Milliseconds
    level: str
    group: str | None = None
    origin: str | None = None
    msg: str
    state: str
    load: Load | None = None


class LogPage(AnswerModel):
    """Lines from a cursor on; ``cursor`` asks for those that follow."""

    cursor: int = 0
    logs: list[LogEntry]
