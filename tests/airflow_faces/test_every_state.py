"""Each run state, each scheduled state and one that nobody knows: operator, sensor and trigger, in every way that they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, get_args
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import TaskDeferred

from lightly_airflow.contract.states import RunState, ScheduledState, meaning
from lightly_airflow.exceptions import (
    LightlyRunCancelled,
    LightlyRunError,
    LightlyRunFailed,
    LightlyWatchedRunError,
)
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators import LightlyScheduleRunOperator
from lightly_airflow.sensors import LightlyRunSensor
from lightly_airflow.testing import LightlyEmulator, emulator
from tests.airflow_faces.conftest import PlayedWorker, ready_dataset
from tests.airflow_faces.run_life import task
from tests.airflow_faces.triggerer import trigger_for, triggerer, until
from tests.gate import SINGLE, Gate

INVENTED = "POLISHING"
STATES = [*get_args(RunState), *get_args(ScheduledState), INVENTED]
each_state = pytest.mark.parametrize("state", STATES)


@pytest.fixture(scope="module")
def one_emulator() -> Iterator[LightlyEmulator]:
    """One for all tests of this file: two hundred of them would need most of a minute to start and stop."""
    with emulator() as running:
        yield running


@pytest.fixture
def lightly_api(one_emulator: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> LightlyEmulator:
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", one_emulator.connection)
    return one_emulator


@pytest.fixture
def dataset_id(lightly_api: LightlyEmulator) -> str:
    return ready_dataset(lightly_api, f"cameras {uuid4()}")


@pytest.fixture
def run(dataset_id: str, context: dict[str, Any]) -> dict[str, Any]:
    """A run that the task's earlier try has scheduled, and that waits for a worker."""
    return dict(operator(dataset_id, wait_for_completion=False).execute(context))


def operator(dataset_id: str, **arguments: Any) -> LightlyScheduleRunOperator:
    return task(dataset_id, precheck="off", **arguments)


def sensor(run: dict[str, Any], **arguments: Any) -> LightlyRunSensor:
    ids = {key: run[key] for key in ("dataset_id", "scheduled_run_id")}
    return LightlyRunSensor(task_id="watch", poke_interval=0.01, **ids, **arguments)


def told(get: Callable[[], Any]) -> Any:
    """How a run has ended: the state of its summary, or the class of the error."""
    try:
        return get()["state"]
    except (LightlyRunError, LightlyWatchedRunError) as error:
        return type(error)


ERRORS = {"failed": LightlyRunFailed, "cancelled": LightlyRunCancelled}


def wanted(state: str) -> Any:
    return ERRORS.get(meaning(state).outcome, state)


def watched(state: str) -> Any:
    """The same of a sensor, whose task is not retried."""
    return LightlyWatchedRunError if meaning(state).outcome in ERRORS else state


@each_state
def test_operator_waits_in_a_worker(
    worker: PlayedWorker, context: dict[str, Any], dataset_id: str, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    """It looks again and again as long as the run may go on, and ends with what the run ends with."""
    looks: list[float] = []
    waiting = operator(dataset_id)

    def between_looks(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 1:
            worker.bring_to(dataset_id, str(waiting.scheduled_run_id), state)
        elif len(looks) == 3:
            worker.end_well(dataset_id, str(waiting.scheduled_run_id))

    waiting.hook = LightlyHook(sleep=between_looks)
    ended = meaning(state).terminal
    assert told(lambda: waiting.execute(context)) == (wanted(state) if ended else "COMPLETED")
    assert len(looks) == (1 if ended else 3)
    assert ("a state that this version does not know" in caplog.text) is (state == INVENTED)


@each_state
def test_operator_is_woken(worker: PlayedWorker, context: dict[str, Any], run: dict[str, Any], state: str) -> None:
    """Whatever the event says, LightlyOne is asked; a run that goes on is waited for again."""
    ids = run["dataset_id"], run["scheduled_run_id"]
    event = {"dataset_id": ids[0], "scheduled_run_id": ids[1], "status": "ended", "state": "COMPLETED"}
    worker.bring_to(*ids, state)
    woken = operator(ids[0], deferrable=True)
    if not meaning(state).terminal:
        with pytest.raises(TaskDeferred) as caught:
            woken.execute_complete(context, event)
        assert caught.value.trigger.serialize()[1]["scheduled_run_id"] == ids[1]
        worker.end_well(*ids)
    known = wanted(state) if meaning(state).terminal else "COMPLETED"
    assert told(lambda: woken.execute_complete(context, event)) == known


@each_state
def test_sensor_pokes(
    worker: PlayedWorker, context: dict[str, Any], run: dict[str, Any], caplog: pytest.LogCaptureFixture, state: str
) -> None:
    """Not yet, as long as the run may go on; then what the run has ended with."""
    ids = run["dataset_id"], run["scheduled_run_id"]
    worker.bring_to(*ids, state)
    watch = sensor(run)
    if not meaning(state).terminal:
        assert watch.poke(context).is_done is False
        assert ("a state that this version does not know" in caplog.text) is (state == INVENTED)
        worker.end_well(*ids)
    known = watched(state) if meaning(state).terminal else "COMPLETED"
    assert told(lambda: watch.poke(context).xcom_value) == known


@each_state
def test_sensor_defers(worker: PlayedWorker, context: dict[str, Any], run: dict[str, Any], state: str) -> None:
    """Only as long as the run may go on; woken before its end, it says what has woken it."""
    ids = run["dataset_id"], run["scheduled_run_id"]
    worker.bring_to(*ids, state)
    watch = sensor(run, deferrable=True)
    if meaning(state).terminal:
        assert told(lambda: watch.execute(context)) == watched(state)
        assert told(lambda: watch.execute_complete(context, {"status": "ended"})) == watched(state)
        return
    with pytest.raises(TaskDeferred) as caught:
        watch.execute(context)
    with pytest.raises(LightlyRunError, match="stopped: the trigger fired although the run has not ended"):
        watch.execute_complete(context, {"status": "ended"})
    worker.end_well(*ids)
    event = asyncio.run(anext(aiter(caught.value.trigger.run())))
    assert watch.execute_complete(context, event.payload)["state"] == "COMPLETED"


@pytest.mark.parametrize("way", ["shared", "alone"])
def test_triggers(lightly_api: LightlyEmulator, caplog: pytest.LogCaptureFixture, way: str) -> None:
    """One for each state, all at once: those whose run has ended fire, the others when it has."""
    gate = Gate(lightly_api.server)
    worker = PlayedWorker(gate)
    those = dict(zip(STATES, gate.runs(len(STATES)).items(), strict=True))
    for state, (scheduled_run_id, dataset_id) in those.items():
        worker.bring_to(dataset_id, scheduled_run_id, state)
    go_on = [state for state in STATES if not meaning(state).terminal]

    async def fired() -> tuple[list[str], list[dict[str, Any]]]:
        async with triggerer() as airflow:
            triggers = {state: trigger_for(*ids) for state, ids in those.items()}
            start = airflow.start if way == "shared" else airflow.start_alone
            tasks = {state: start(one) for state, one in triggers.items()}
            await until(lambda: sum(one.done() for one in tasks.values()) >= len(STATES) - len(go_on))
            before = len(gate.operations)
            await until(lambda: len(gate.operations) > before + 3 * len(go_on))
            waiting = [state for state, one in tasks.items() if not one.done()]
            for state in waiting:
                worker.end_well(those[state][1], those[state][0])
            return waiting, list(await asyncio.gather(*tasks.values()))

    waiting, events = asyncio.run(fired())
    assert waiting == go_on
    assert {event["status"] for event in events} == {"ended"}
    assert [event["state"] for event in events] == ["COMPLETED" if one in go_on else one for one in STATES]
    assert caplog.text.count("a state that this version does not know") == 1
    assert (SINGLE in gate.operations[:2]) is (way == "alone")
