"""What the tests of operators and sensors share: a context without a scheduler, a dataset, a worker played by the test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from airflow.sdk.execution_time import task_runner

from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.contract.models.runs import LogCreateEntry, LogLevel, Run, RunCreateRequest
from lightly_airflow.contract.operations import datasets, datasources, runs, schedules, tags, workers
from lightly_airflow.contract.states import RunState
from lightly_airflow.contract.wire import Request
from lightly_airflow.testing import LightlyEmulator
from tests.airflow_faces.rotation_stage import Stage, staged
from tests.airflow_faces.variables import Variables
from tests.gate import Gate
from tests.s3_server import S3Server

# What the played worker's report counts, and what a task tells of it.
SIZES = {"nInput": 9, "nCorrupt": 1, "nDuplicate": 2, "nSelected": 5}
COUNTS = {"input": 9, "corrupt": 1, "duplicates": 2, "selected": 5}


class Store(dict[str, Any]):
    """Airflow's task state store: what a task remembers across its tries."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


@dataclass
class TaskInstance:
    """What operators ask a task instance for; ``max_tries`` rises when the task is cleared."""

    max_tries: int = 1
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@pytest.fixture
def context() -> dict[str, Any]:
    return {"ti": TaskInstance(), "task_state_store": Store()}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    """Airflow's Variables; none is set."""
    store = Variables()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", store, raising=False)
    return store


def ready_dataset(api: LightlyEmulator, name: str) -> str:
    """A dataset with both datasources; nothing looks into the bucket unless a worker does."""
    dataset = api.call(datasets.create_dataset(name, "Images")).id
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
        api.call(datasources.put_datasource(dataset, config))
    return dataset


@pytest.fixture
def dataset_id(lightly_api: LightlyEmulator) -> str:
    return ready_dataset(lightly_api, "city-cameras")


class PlayedWorker:
    """A worker that does nothing but walk states, as the test tells it."""

    def __init__(self, api: LightlyEmulator | Gate, labels: list[str] | None = None) -> None:
        self.api = api
        self.id = api.call(workers.register_worker("played", labels or [])).id

    def pick_up(self, dataset_id: str, scheduled_run_id: str) -> str:
        """Locks a scheduled run and starts its run; returns the run's id."""
        self.lock(dataset_id, scheduled_run_id)
        return self.start(dataset_id, scheduled_run_id)

    def lock(self, dataset_id: str, scheduled_run_id: str) -> None:
        self.api.call(schedules.update_scheduled_run(dataset_id, self.id, scheduled_run_id, "LOCKED"))

    def start(self, dataset_id: str, scheduled_run_id: str) -> str:
        """Starts the run of a scheduled run that it has locked; returns the run's id."""
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

    def close(self, dataset_id: str, scheduled_run_id: str) -> None:
        """Closes a scheduled run whose run has ended."""
        self.api.call(schedules.update_scheduled_run(dataset_id, self.id, scheduled_run_id, "DONE"))

    def bring_to(self, dataset_id: str, scheduled_run_id: str, state: str) -> None:
        """Brings a waiting run into any state: as a worker would, as a user of the web app, or as only the future knows."""
        if state == "CANCELED":
            self.api.call(schedules.cancel_scheduled_run(dataset_id, scheduled_run_id))
        elif state in ("LOCKED", "DONE"):
            self.lock(dataset_id, scheduled_run_id)
            if state == "DONE":
                self.close(dataset_id, scheduled_run_id)
        elif state != "OPEN":
            self._say_state(self.pick_up(dataset_id, scheduled_run_id), state)

    def end_well(self, dataset_id: str, scheduled_run_id: str) -> None:
        """Ends a run well that has not ended, whatever its state."""
        (entry,) = self.api.call(schedules.scheduled_runs(dataset_id, ["OPEN", "LOCKED"]))
        started = self.api.call(runs.runs_of_dataset(dataset_id))
        begin = self.pick_up if entry.state == "OPEN" else self.start
        self.end(started[0].id if started else begin(dataset_id, scheduled_run_id), "COMPLETED")

    def _say_state(self, run_id: str, state: str) -> None:
        if state in get_args(RunState):
            self.end(run_id, state)
            return
        world = self.api.server.emulator.world  # its API refuses what it does not know
        record = world.get(Run, run_id)
        assert record is not None
        world.save(record.model_copy(update={"state": state}))

    def complete(self, dataset_id: str, run_id: str) -> None:
        """Ends a run well, with the dataset's first tag and a report that counts :data:`SIZES`."""
        self.api.call(tags.create_initial_tag(dataset_id, run_id))
        report = self.api.call(runs.create_artifact(run_id, "report_v2.json", "REPORT_V2_JSON", "LIGHTLY"))
        body = json.dumps({"generalInformation": {"datasetInformation": {"datasetSizes": SIZES}}}).encode()
        upload = Request("PUT", report.signed_write_url, "PUT (signed file)", body=body)
        assert self.api.server.emulator.send(upload, None).status == 200
        self.api.call(runs.confirm_artifact(run_id, report.artifact_id))
        self.end(run_id, "COMPLETED", "selected 5 of 9")


@pytest.fixture
def worker(lightly_api: LightlyEmulator) -> PlayedWorker:
    return PlayedWorker(lightly_api)


@pytest.fixture
def stage(
    lightly_api: LightlyEmulator, s3: S3Server, monkeypatch: pytest.MonkeyPatch, variables: Variables
) -> Iterator[Stage]:
    """Where rotations are played."""
    with staged(lightly_api, s3, monkeypatch) as one:
        yield one


@pytest.fixture
def uncounted(stage: Stage) -> PlayedWorker:
    """A worker whose own requests go round the stage's counter."""
    return PlayedWorker(stage.gate)
