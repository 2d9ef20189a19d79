"""LightlyOne as the flows meet it: the emulator in process, and faults that strike once and are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lightly_airflow.client.drive import drive
from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.datasources import LocalConfig, Purpose
from lightly_airflow.contract.models.runs import RunCreateRequest, ScheduledRun
from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.contract.models.worker_config import RunConfig
from lightly_airflow.contract.operations import datasets, datasources, runs, schedules, workers
from lightly_airflow.contract.states import RunState
from lightly_airflow.contract.wire import Call, Conversation, Request, Response
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World

TOKEN = "token"
CONFIG = RunConfig(
    selection=SelectionConfig.model_validate(
        {"n_samples": 5, "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}]}
    )
)


@dataclass
class Fault:
    """Strikes one operation once.

    :param endpoint: whose answer is lost.
    :param error: what the client sees instead.
    :param arrives: whether the request takes effect before its answer is lost.
    """

    endpoint: Endpoint[Any]
    error: LightlyError
    arrives: bool
    fired: int = 0


@dataclass
class Lightly:
    """An account at the emulator; ``operations`` is what it was asked by :meth:`play`."""

    emulator: Emulator
    faults: list[Fault] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)

    @property
    def call(self) -> Callable[[Call[Any]], Any]:
        return self.emulator.api(TOKEN)

    def play(self, talk: Conversation[Any]) -> Any:
        """The conversation's result; nothing sleeps, and every fault must have fired."""
        result = drive(talk, self.send, sleep=lambda _: None)
        assert all(fault.fired for fault in self.faults)
        return result

    def send(self, request: Request) -> Response:
        self.operations.append(request.operation)
        fault = next(
            (one for one in self.faults if one.endpoint.operation == request.operation and not one.fired), None
        )
        if fault is None:
            return self.emulator.send(request, TOKEN)
        fault.fired += 1
        if fault.arrives:
            self.emulator.send(request, TOKEN)
        raise fault.error

    def count(self, endpoint: Endpoint[Any]) -> int:
        """How often an operation was asked for."""
        return self.operations.count(endpoint.operation)

    def dataset(self, name: str = "cameras") -> str:
        """A dataset that is ready for runs; its id."""
        dataset_id = str(self.call(datasets.create_dataset(name, "Images")).id)
        purposes: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
        for purpose in purposes:
            self.call(datasources.put_datasource(dataset_id, LocalConfig(purpose=purpose, full_path="")))
        return dataset_id

    def scheduled(self, dataset_id: str) -> str:
        """A scheduled run that waits for a worker; its id."""
        config_id = self.call(schedules.create_config(CONFIG)).id
        return str(self.call(schedules.schedule_run(dataset_id, config_id, "MID", ())).id)

    def queue(self, dataset_id: str) -> list[ScheduledRun]:
        """All scheduled runs of the dataset, in whatever state."""
        found: list[ScheduledRun] = self.call(
            schedules.scheduled_runs(dataset_id, ["OPEN", "LOCKED", "DONE", "CANCELED"])
        )
        return found

    def lock(self, dataset_id: str, scheduled_id: str) -> str:
        """A worker picks the scheduled run up; the worker's id."""
        worker_id = str(self.call(workers.register_worker("worker", [])).id)
        self.call(schedules.update_scheduled_run(dataset_id, worker_id, scheduled_id, "LOCKED"))
        return worker_id

    def close(self, dataset_id: str, scheduled_id: str, worker_id: str) -> None:
        """The worker closes the scheduled run."""
        self.call(schedules.update_scheduled_run(dataset_id, worker_id, scheduled_id, "DONE"))

    def start(self, dataset_id: str, scheduled_id: str, state: RunState = "STARTED") -> str:
        """A worker that locked the scheduled run begins it; the run's id."""
        body = RunCreateRequest(docker_version="2.11", dataset_id=dataset_id, scheduled_id=scheduled_id)
        run_id = str(self.call(runs.create_run(body)).id)
        if state != "STARTED":
            self.call(runs.update_run(run_id, state, f"now {state}"))
        return run_id


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def lightly(world: World) -> Lightly:
    """An empty account at the emulator."""
    return Lightly(Emulator(world, [TOKEN]))
