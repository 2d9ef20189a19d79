"""A deferred task is killed: its run is cancelled once, and only if a user did it."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from lightly_airflow.contract.operations import schedules
from lightly_airflow.testing import LightlyEmulator
from lightly_airflow.triggers import kill
from lightly_airflow.triggers.run import LightlyRunTrigger
from tests.airflow_faces.conftest import PlayedWorker, TaskInstance
from tests.airflow_faces.run_life import CONFIG, SCHEDULE, task
from tests.airflow_faces.run_life import QUEUE as FIND
from tests.airflow_faces.triggerer import trigger_for, until
from tests.gate import CANCEL, SINGLE, Gate

RUN = "manual__2026"


@pytest.fixture
def gate(lightly_api: LightlyEmulator) -> Gate:
    return Gate(lightly_api.server)


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Airflow says of the tasks of the DAG run. Only its supervisor could ask its API, and there is none in a test."""
    told: dict[str, Any] = {}

    def get_task_states(**asked: Any) -> dict[str, Any]:
        assert asked == {"dag_id": "nightly", "task_ids": ["curate"], "run_ids": [RUN], "map_index": asked["map_index"]}
        if "error" in told:
            raise told["error"]
        return {RUN: dict(told)}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", get_task_states)
    return told


def killed(gate: Gate, *, map_index: int = -1, **more: Any) -> LightlyRunTrigger:
    """A trigger of a task that waits for a run."""
    ((scheduled_run_id, dataset_id),) = gate.runs(1).items()
    return in_airflow(trigger_for(scheduled_run_id, dataset_id, **{"cancel_on_kill": True, **more}), map_index)


def in_airflow(trigger: Any, map_index: int = -1) -> LightlyRunTrigger:
    """The trigger as the triggerer has it, which knows its task."""
    trigger.task_instance = SimpleNamespace(dag_id="nightly", task_id="curate", run_id=RUN, map_index=map_index)
    assert isinstance(trigger, LightlyRunTrigger)
    return trigger


def queue_states(gate: Gate, trigger: LightlyRunTrigger) -> list[str]:
    return [one.state for one in gate.call(schedules.scheduled_runs(trigger.dataset_id, ["OPEN", "CANCELED"]))]


@pytest.mark.parametrize("now", ["failed", "success", "skipped", None, "scheduled", "queued", "running"])
def test_a_user_kills_a_task(gate: Gate, states: dict[str, Any], caplog: pytest.LogCaptureFixture, now: Any) -> None:
    """Marked or cleared, the task does not wait any more: its run is cancelled, once."""
    states["curate"] = now
    trigger = killed(gate)
    with caplog.at_level(logging.INFO):
        asyncio.run(trigger.on_kill())
    assert (gate.operations, queue_states(gate, trigger)) == ([CANCEL], ["CANCELED"])
    assert f"LightlyOne run {trigger.scheduled_run_id}: cancelled" in caplog.text


@pytest.mark.parametrize(("map_index", "key"), [(-1, "curate"), (7, "curate_7")])
def test_a_task_that_waits_on_keeps_its_run(
    gate: Gate, states: dict[str, Any], caplog: pytest.LogCaptureFixture, map_index: int, key: str
) -> None:
    """Airflow 3.3.2 calls on_kill also when it moves a trigger to another triggerer."""
    states[key] = "deferred"
    with caplog.at_level(logging.INFO):
        asyncio.run(killed(gate, map_index=map_index).on_kill())
    assert gate.operations == []
    assert "its task waits on" in caplog.text


def test_a_mapped_task_is_killed(gate: Gate, states: dict[str, Any]) -> None:
    """Its state stands under a key of its own."""
    states["curate_7"] = "failed"
    asyncio.run(killed(gate, map_index=7).on_kill())
    assert gate.operations == [CANCEL]


def test_airflow_that_does_not_say_keeps_the_run(
    gate: Gate, states: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A run too many is cheaper than one that is taken from a task that waits for it."""
    states["error"] = RuntimeError("the API server is away")
    asyncio.run(killed(gate).on_kill())
    assert gate.operations == []
    assert "Airflow does not say how its task stands" in caplog.text


def test_on_kill_is_cancelled_itself(gate: Gate, states: dict[str, Any]) -> None:
    """Airflow 3.3.2 does so after a second; the request that is under way arrives, and no second one is made."""
    states["curate"] = "failed"
    trigger = killed(gate)
    asked, go_on = threading.Event(), threading.Event()

    def hang(_: str) -> None:
        asked.set()
        go_on.wait(30)

    gate.answers = hang

    async def kill_twice() -> bool:
        call = asyncio.create_task(trigger.on_kill())
        await until(asked.is_set)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        go_on.set()
        await until(lambda: not kill._AT_WORK)
        return True

    assert asyncio.run(kill_twice())
    assert gate.operations == [CANCEL]
    assert queue_states(gate, trigger) == ["CANCELED"]


def test_killing_need_not_cancel(gate: Gate, states: dict[str, Any]) -> None:
    """With cancel_on_kill=False the run is left as it is."""
    asyncio.run(killed(gate, cancel_on_kill=False).on_kill())
    assert gate.operations == []


def test_a_run_that_a_worker_has_goes_on(gate: Gate, states: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """LightlyOne's API cannot stop it, and the log says so."""
    states["curate"] = "failed"
    trigger = killed(gate)
    worker = PlayedWorker(gate)
    worker.end(worker.pick_up(trigger.dataset_id, trigger.scheduled_run_id), "TRAINING")
    with caplog.at_level(logging.INFO):
        asyncio.run(trigger.on_kill())
    assert gate.operations.count(CANCEL) == 1
    assert "cannot be cancelled any more, it goes on: TRAINING" in caplog.text


def test_a_cancellation_that_fails_is_told(
    gate: Gate, states: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody else would tell that the run goes on."""
    states["curate"] = "failed"
    gate.token = "another-token"
    asyncio.run(killed(gate).on_kill())
    assert "Could not cancel LightlyOne run" in caplog.text
    assert "401" in caplog.text


def deferred(dataset_id: str, context: dict[str, Any]) -> LightlyRunTrigger:
    """One try of the task, which ends with waiting; its trigger."""
    with pytest.raises(TaskDeferred) as caught:
        task(dataset_id, deferrable=True, precheck="off").execute(context)
    return in_airflow(caught.value.trigger)


# What the try after a clear asks for, while its run's predecessor still waits.
AFTER_A_CLEAR = [FIND, SINGLE, FIND, CANCEL, CONFIG, SCHEDULE]


@pytest.mark.parametrize("before", range(len(AFTER_A_CLEAR)))
def test_a_clear_whose_kill_comes_late(
    gate: Gate, states: dict[str, Any], context: dict[str, Any], dataset_id: str, before: int
) -> None:
    """The new try is under way when the triggerer cancels the old one's run: at each of its requests, it keeps a run."""
    trigger = deferred(dataset_id, context)
    context["ti"], states["curate"] = TaskInstance(max_tries=2), "running"
    gate.operations.clear()
    killed: list[str] = []

    def kill_once(_: str) -> None:
        if len(gate.operations) == before + 1 and not killed:
            killed.extend(gate.operations)
            asyncio.run(trigger.on_kill())

    gate.answers = kill_once
    again = deferred(dataset_id, context)
    assert killed == AFTER_A_CLEAR[: before + 1]
    assert sorted(queue_states(gate, trigger)) == ["CANCELED", "OPEN"]
    worker = PlayedWorker(gate)
    worker.end(worker.pick_up(dataset_id, again.scheduled_run_id), "COMPLETED")
    event = {"status": "ended", "dataset_id": dataset_id, "scheduled_run_id": again.scheduled_run_id}
    result = task(dataset_id, deferrable=True).execute_complete(context, event)
    assert (result["scheduled_run_id"], result["state"]) == (again.scheduled_run_id, "COMPLETED")
    assert again.scheduled_run_id != trigger.scheduled_run_id


def test_a_clear_and_a_worker_that_is_faster(
    gate: Gate, states: dict[str, Any], context: dict[str, Any], dataset_id: str
) -> None:
    """A run that a worker takes while it is being cancelled is taken up, since it cannot be stopped."""
    trigger = deferred(dataset_id, context)
    context["ti"], states["curate"] = TaskInstance(max_tries=2), "running"
    worker = PlayedWorker(gate)

    def pick_up(operation: str) -> None:
        if operation == CANCEL and gate.operations.count(CANCEL) == 1:
            worker.pick_up(dataset_id, trigger.scheduled_run_id)

    gate.answers = pick_up
    again = deferred(dataset_id, context)
    asyncio.run(trigger.on_kill())
    assert (again.scheduled_run_id, queue_states(gate, trigger)) == (trigger.scheduled_run_id, [])
