"""A deferred task is killed: its run is cancelled once, and only if a user did it."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from lightly_airflow.contract.operations import schedules
from lightly_airflow.testing import LightlyEmulator
from lightly_airflow.triggers import kill
from lightly_airflow.triggers.run import LightlyRunTrigger
from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.triggerer import trigger_for, until
from tests.gate import CANCEL, Gate

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
    trigger = trigger_for(scheduled_run_id, dataset_id, **{"cancel_on_kill": True, **more})
    instance: Any = SimpleNamespace(dag_id="nightly", task_id="curate", run_id=RUN, map_index=map_index)
    trigger.task_instance = instance
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
