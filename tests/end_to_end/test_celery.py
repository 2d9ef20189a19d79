"""Eight runs on Airflow's distributed engine, one of whose Celery workers is lost while they wait."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from lightly_airflow.contract.models.runs import ScheduledRun
from lightly_airflow.contract.operations import schedules
from lightly_airflow.contract.states import ScheduledState
from lightly_airflow.testing import LightlyEmulator, emulator
from tests.airflow_faces.conftest import COUNTS, PlayedWorker, ready_dataset
from tests.celery_servers import CeleryServers, celery_servers
from tests.end_to_end.distributed import Distributed, Part, distributed_airflow

# It takes about a minute on two cores; other people's work may well take them away.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
DAG, TASK, RUNS = "eight_runs", "curate", 8
PATIENCE = 180.0


@pytest.fixture(scope="module")
def servers() -> Iterator[CeleryServers]:
    with celery_servers() as started:
        yield started


@pytest.fixture(scope="module")
def api() -> Iterator[LightlyEmulator]:
    with emulator() as running:
        yield running


@pytest.fixture(scope="module")
def distributed(
    servers: CeleryServers, api: LightlyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Distributed]:
    home = tmp_path_factory.mktemp("distributed")
    with distributed_airflow(home, Path(__file__).parent / "celery_dags", servers) as started:
        started.airflow.add_connection("lightly_default", json.loads(api.connection))
        yield started


@pytest.fixture(scope="module")
def dataset_ids(api: LightlyEmulator) -> list[str]:
    return [ready_dataset(api, f"cameras-{number}") for number in range(RUNS)]


class Night:
    """The DAG run, as Airflow's API shows it."""

    def __init__(self, distributed: Distributed) -> None:
        self.airflow, self.workers = distributed.airflow, distributed.workers

    def begin(self, dataset_ids: list[str]) -> None:
        self.run_id = self.airflow.trigger(DAG, {"dataset_ids": dataset_ids}, PATIENCE)

    def tasks(self, map_indexes: Collection[int] = range(RUNS)) -> list[dict[str, Any]]:
        found = self.airflow.task_instances(DAG, self.run_id)
        return [one for one in found if one["map_index"] in map_indexes]

    def states(self) -> Counter[str]:
        return Counter(one["state"] for one in self.tasks())

    def log(self, map_index: int, try_number: int) -> str:
        return self.airflow.task_log(DAG, self.run_id, TASK, try_number, map_index)

    def pids(self) -> set[int]:
        """All processes of workers that are alive."""
        return {pid for worker in self.workers for pid in worker.pids()}

    def busiest(self) -> tuple[Part, set[int]]:
        """The worker in which most tasks wait, and their map indexes."""
        waiting = {one["pid"]: one["map_index"] for one in self.tasks() if one["state"] == "running"}
        found = [(worker, {waiting[pid] for pid in worker.pids() & waiting.keys()}) for worker in self.workers]
        return max(found, key=lambda one: len(one[1]))

    def until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            assert time.monotonic() < deadline, [
                (one["map_index"], one["state"], one["try_number"]) for one in self.tasks()
            ]
            time.sleep(0.5)


def scheduled(api: LightlyEmulator, dataset_id: str) -> list[ScheduledRun]:
    return api.call(schedules.scheduled_runs(dataset_id, get_args(ScheduledState)))


def queued(api: LightlyEmulator, dataset_ids: list[str]) -> Counter[str]:
    """How many scheduled runs there are in each state."""
    return Counter(one.state for dataset_id in dataset_ids for one in scheduled(api, dataset_id))


def test_loss_of_a_worker(distributed: Distributed, api: LightlyEmulator, dataset_ids: list[str]) -> None:
    """The tasks that die with their Celery worker are retried on the other one and find their runs: eight, none cancelled."""
    night, played = Night(distributed), PlayedWorker(api)
    night.begin(dataset_ids)
    night.until(lambda: night.states() == {"deferred": 4, "running": 4} and queued(api, dataset_ids) == {"OPEN": RUNS})
    lost_worker, lost = night.busiest()
    assert lost
    lost_worker.kill()
    night.until(lambda: all(one["try_number"] > 1 and one["pid"] in night.pids() for one in night.tasks(lost)))
    # Both sentences that say which run a try has: its own, or that of an earlier try.
    night.until(lambda: all("cheduled LightlyOne run" in night.log(map_index, 2) for map_index in lost))
    assert queued(api, dataset_ids) == {"OPEN": RUNS}
    for dataset_id in dataset_ids:
        played.complete(dataset_id, played.pick_up(dataset_id, scheduled(api, dataset_id)[0].id))
    assert distributed.airflow.wait(DAG, night.run_id, PATIENCE)["state"] == "success"
    assert night.states() == {"success": RUNS}
    assert queued(api, dataset_ids) == {"LOCKED": RUNS}  # where the played worker leaves them
    for map_index in range(RUNS):
        assert distributed.airflow.xcom(DAG, night.run_id, TASK, map_index=map_index)["counts"] == COUNTS
    for map_index in lost:
        assert "An earlier try scheduled LightlyOne run" in night.log(map_index, 2)
