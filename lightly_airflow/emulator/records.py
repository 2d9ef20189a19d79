"""What the emulator keeps: the contract's own answers as documents, with the few members that never leave the house.

A route answers with the contract's type, so a record's further members are left out of the JSON by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from lightly_airflow.contract.models.base import AnswerModel, Id
from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.datasources import CREDENTIALS, DatasourceConfig, Purpose
from lightly_airflow.contract.models.runs import Artifact, LogEntry, Run, ScheduledRun
from lightly_airflow.contract.models.samples import SamplePartial
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.models.worker_config import RunConfigData
from lightly_airflow.contract.models.workers import Worker


class DatasourceRecord(AnswerModel):
    """A datasource with its real secrets."""

    id: Id
    dataset_id: Id
    purpose: Purpose
    config: DatasourceConfig


class ConfigRecord(RunConfigData):
    """A worker configuration and whose it is."""

    user_id: str


class ScheduleRecord(ScheduledRun):
    """A scheduled run and the worker that locked it."""

    worker_id: Id | None = None


class ArtifactRecord(Artifact):
    """A run's file; ``confirmed`` once its bytes are there."""

    run_id: Id
    confirmed: bool = False


class LogRecord(LogEntry):
    """One line of a run's log."""

    id: Id
    run_id: Id


class Record(Protocol):
    """What the store needs of a document: an id, and the way to JSON and back."""

    id: str

    def model_dump_json(self, *, by_alias: bool, exclude_none: bool) -> str: ...

    @classmethod
    def model_validate_json(cls, body: str, /) -> Self: ...


# Table of each record, and the groups of members that it is looked up by.
TABLES: Mapping[type[Any], tuple[str, Sequence[Sequence[str]]]] = {
    DatasetData: ("dataset", [("user_id", "name")]),
    DatasourceRecord: ("datasource", [("dataset_id", "purpose")]),
    ConfigRecord: ("config", [("user_id",)]),
    ScheduleRecord: ("schedule", [("dataset_id", "state"), ("user_id", "state")]),
    Run: ("run", [("scheduled_id",), ("dataset_id",), ("user_id",)]),
    ArtifactRecord: ("artifact", [("run_id",)]),
    LogRecord: ("log", [("run_id",)]),
    Worker: ("worker", [("user_id", "name")]),
    SamplePartial: ("sample", [("dataset_id", "file_name")]),
    Tag: ("tag", [("dataset_id", "name"), ("run_id",)]),
}
# The members of each record that are encrypted in the state file. Nothing is looked up by them.
SECRETS: Mapping[type[Any], frozenset[str]] = {DatasourceRecord: CREDENTIALS}
