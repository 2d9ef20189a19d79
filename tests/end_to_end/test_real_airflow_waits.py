"""Fifty tasks wait through one connection in a real Airflow, while everything around them is killed and started anew."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.operations import runs, schedules
from lightly_airflow.emulator.records import ScheduleRecord
from lightly_airflow.emulator.serve import Server, serve
from lightly_airflow.emulator.world import World
from lightly_airflow.testing import TOKEN
from tests.airflow_faces.conftest import PlayedWorker
from tests.end_to_end.parts import Api, Parts, airflow_in_parts
from tests.gate import CANCEL, LIST, QUEUE, Gate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
MANY, ONE, COUNT = "many_waits", "one_wait", 50
ROTATED = "rotated-token"
ALL: Any = ["OPEN", "LOCKED", "DONE", "CANCELED"]


@dataclass
class Night:
    """Everything that runs, and what was seen.

    :param asked: what LightlyOne was asked while everybody waited, by what had happened before.
    :param log: of the task that was killed.
    :param cancels: how many cancellations that task's kill made.
    :param cleared: of a task that was cleared: its state, and its runs' states, after each success.
    """

    state: Path
    parts: Parts
    api: Api
    gate: Gate
    worlds: list[World]
    servers: list[Server]
    asked: dict[str, list[str]] = field(default_factory=dict)
    tasks: list[str | None] = field(default_factory=list)
    log: str = ""
    cancels: int = 0
    cleared: list[tuple[list[str | None], list[str]]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def watch(self, happened: str) -> None:
        """Lets some rounds pass."""
        before = len(self.gate.operations)
        until(lambda: self.gate.operations[before:].count(LIST) > 2)
        self.asked[happened] = self.gate.operations[before:]

    def restart_lightlyone(self) -> None:
        """Another server and another world on the same state file, at the same address."""
        server = self.servers.pop()
        server.stop()
        self.worlds.pop().close()
        self.worlds.append(World(self.state))
        self.servers.append(serve(self.worlds[0], [TOKEN], port=int(server.url.rsplit(":", 1)[1])))
        self.gate.stand_before(self.servers[0])
        self.servers[0].start()


def until(condition: Callable[[], bool]) -> None:
    while not condition():  # the test's own timeout ends this
        time.sleep(0.1)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """The whole story; what it came to is looked at by the tests."""
    home = tmp_path_factory.mktemp("waits")
    (home / "dags").mkdir()
    shutil.copy(HERE / "dags" / "waits.py", home / "dags")
    worlds = [World(home / "lightly.db")]
    servers = [serve(worlds[0], [TOKEN]).start()]
    try:
        with airflow_in_parts(home / "airflow", home / "dags") as (parts, api):
            told = Night(home / "lightly.db", parts, api, Gate(servers[0]), worlds, servers)
            connection = {"conn_type": "lightly", "host": servers[0].url, "password": TOKEN}
            api.add_connection("lightly_default", connection)
            play(told)
            yield told
    finally:
        servers[0].stop()
        worlds[0].close()


def play(night: Night) -> None:
    night.ids = list(night.gate.datasets(COUNT + 1))
    one_run = night.api.trigger(ONE, {"dataset": night.ids[COUNT]})
    many_runs = night.api.trigger(MANY, {"datasets": night.ids[:COUNT]})
    night.api.wait_for(MANY, many_runs, "deferred", COUNT)
    night.api.wait_for(ONE, one_run, "deferred", 1)
    night.watch("nothing")
    night.parts.restart("triggerer")
    night.watch("triggerer killed")
    night.api.change_connection("lightly_default", password=ROTATED)
    night.gate.token = ROTATED
    night.watch("token rotated")
    night.parts.restart("scheduler")
    night.watch("scheduler killed")
    night.restart_lightlyone()
    night.watch("LightlyOne restarted")
    night.api.mark(ONE, one_run, "curate", "failed")
    until(lambda: CANCEL in night.gate.operations)
    complete(night)
    night.api.wait(MANY, many_runs, timeout=600)
    night.log = night.api.task_log(ONE, one_run, "curate")
    night.tasks = [*night.api.states(MANY, many_runs), *night.api.states(ONE, one_run)]
    night.cancels = night.gate.operations.count(CANCEL)
    play_clears(night)


def play_clears(night: Night) -> None:
    """A task is cleared while its run waits for a worker, and again after it has succeeded."""
    (dataset_id,) = night.gate.datasets(1, "cleared")
    run_id = night.api.trigger(ONE, {"dataset": dataset_id})
    night.api.wait_for(ONE, run_id, "deferred", 1)
    for number in (2, 3):
        night.api.clear(ONE, run_id, "curate")
        until_waiting(night, dataset_id, run_id, number)
        complete(night)
        night.api.wait(ONE, run_id)
        night.cleared.append((night.api.states(ONE, run_id), [one.state for one in scheduled(night, dataset_id)]))


def until_waiting(night: Night, dataset_id: str, run_id: str, number: int) -> None:
    """Until the task waits for its dataset's so manieth run."""
    until(lambda: len(scheduled(night, dataset_id)) == number)
    night.api.wait_for(ONE, run_id, "deferred", 1)


def scheduled(night: Night, dataset_id: str) -> list[Any]:
    """All scheduled runs of a dataset, the oldest first."""
    found = night.gate.call(schedules.scheduled_runs(dataset_id, ALL))
    return sorted(found, key=lambda entry: entry.created_at)


def complete(night: Night) -> None:
    worker = PlayedWorker(night.gate)
    for record in night.worlds[0].find(ScheduleRecord, state="OPEN"):
        worker.end(worker.pick_up(record.dataset_id, record.id), "COMPLETED")
        night.gate.call(schedules.update_scheduled_run(record.dataset_id, worker.id, record.id, "DONE"))


def test_every_task_succeeds(night: Night) -> None:
    """Whatever was killed meanwhile; but for the one that was marked failed."""
    assert night.tasks == ["success"] * COUNT + ["failed"]


def test_lightlyone_had_one_run_a_task(night: Night) -> None:
    """None twice, none cancelled but the one whose task was killed, and that one once."""
    entries = [scheduled(night, one) for one in night.ids]
    assert [[entry.state for entry in queue] for queue in entries] == [["DONE"]] * COUNT + [["CANCELED"]]
    made = [len(night.gate.call(runs.runs_of_dataset(one))) for one in night.ids]
    assert (made, night.cancels) == ([1] * COUNT + [0], 1)


def test_a_cleared_task_has_another_run(night: Night) -> None:
    """Cleared while its run waits, the run is cancelled for another one; cleared after its success, a third follows."""
    assert night.cleared == [(["success"], ["CANCELED", "DONE"]), (["success"], ["CANCELED", "DONE", "DONE"])]


def test_the_log_of_the_killed_task_says_what_became_of_its_run(night: Night) -> None:
    """Though the task itself was not there any more."""
    ((entry,),) = [scheduled(night, one) for one in night.ids[COUNT:]]
    assert f"LightlyOne run {entry.id}: cancelled" in night.log


@pytest.mark.parametrize(
    "happened", ["nothing", "triggerer killed", "token rotated", "scheduler killed", "LightlyOne restarted"]
)
def test_a_round_costs_two_requests(night: Night, happened: str) -> None:
    """Fifty-one tasks wait, and LightlyOne is asked for two lists a round."""
    asked = night.asked[happened]
    assert set(asked) == {LIST, QUEUE}
    # A list that was asked for with a token that has just been refused is asked for once more.
    assert abs(asked.count(LIST) - asked.count(QUEUE)) <= 2
