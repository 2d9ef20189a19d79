"""What the tests of operators and sensors share: a context without a scheduler, a dataset, a worker played by the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.contract.models.runs import LogCreateEntry, LogLevel, RunCreateRequest
from lightly_airflow.contract.operations import datasets, datasources, runs, schedules, workers
from lightly_airflow.testing import LightlyEmulator
from tests.gate import Gate


class Store(dict[str, Any]):
    """Airflow's task state store: what a task remembers across its tries."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


@dataclass
class TaskInstance:
    """The one thing that operators ask a task instance for."""

    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@pytest.fixture
def context() -> dict[str, Any]:
    return {"ti": TaskInstance(), "task_state_store": Store()}


@pytest.fixture
def dataset_id(lightly_api: LightlyEmulator) -> str:
    """A dataset with both datasources; nothing looks into the bucket unless a worker does."""
    dataset = lightly_api.call(datasets.create_dataset("city-cameras", "Images")).id
    for purpose in ("INPUT", "LIGHTLY"):
        config = S3Config.model_validate(
            {
                "purpose": purpose,
                "full_path": f"s3://cameras/{purpose.lower()}/",
                "s3_region": "eu-central-1",
                "s3_access_key_id": "key",
                "s3_secret_access_key": "secret",
            }
        )
        lightly_api.call(datasources.put_datasource(dataset, config))
    return dataset


class PlayedWorker:
    """A worker that does nothing but walk states, as the test tells it."""

    def __init__(self, api: LightlyEmulator | Gate, labels: list[str] | None = None) -> None:
        self.api = api
        self.id = api.call(workers.register_worker("played", labels or [])).id

    def pick_up(self, dataset_id: str, scheduled_run_id: str) -> str:
        """Locks a scheduled run and starts its run; returns the run's id."""
        self.api.call(schedules.update_scheduled_run(dataset_id, self.id, scheduled_run_id, "LOCKED"))
        request = RunCreateRequest(docker_version="played", dataset_id=dataset_id, scheduled_id=scheduled_run_id)
        queue = self.api.call(schedules.scheduled_runs(dataset_id, ["LOCKED"]))
        request.config_id = next(entry.config_id for entry in queue if entry.id == scheduled_run_id)
        return self.api.call(runs.create_run(request)).id

    def say(self, run_id: str, *messages: str, level: LogLevel = "INFO") -> None:
        """Writes lines to the run's log."""
        entries = [LogCreateEntry(ts=0, level=level, group="training", msg=one) for one in messages]
        self.api.call(runs.add_logs(run_id, entries))

    def end(self, run_id: str, state: Any, message: str = "") -> None:
        self.api.call(runs.update_run(run_id, state, message))


@pytest.fixture
def worker(lightly_api: LightlyEmulator) -> PlayedWorker:
    return PlayedWorker(lightly_api)
