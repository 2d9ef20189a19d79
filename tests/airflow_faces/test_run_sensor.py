"""LightlyRunSensor and the trigger behind it: the same answer in every mode. Every state: test_every_state.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from lightly_airflow.contract.operations import schedules
from lightly_airflow.contract.states import RunState
from lightly_airflow.exceptions import LightlyWatchedRunError
from lightly_airflow.operators import LightlyScheduleRunOperator
from lightly_airflow.sensors import LightlyRunSensor
from lightly_airflow.testing import LightlyEmulator
from lightly_airflow.triggers.run import LightlyRunTrigger
from tests.airflow_faces.conftest import PlayedWorker

SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}
MODES = ["poke", "reschedule", "deferrable"]


@pytest.fixture
def run(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> dict[str, Any]:
    """A run that somebody else has scheduled."""
    task = LightlyScheduleRunOperator(
        task_id="schedule", dataset_id=dataset_id, selection_config=SELECTION, wait_for_completion=False
    )
    return dict(task.execute(context))


def sensor(run: dict[str, Any], mode: str) -> LightlyRunSensor:
    return LightlyRunSensor(
        task_id="watch",
        dataset_id=run["dataset_id"],
        scheduled_run_id=run["scheduled_run_id"],
        mode="reschedule" if mode == "reschedule" else "poke",
        deferrable=mode == "deferrable",
        poke_interval=0.02,
        timeout=5,
    )


def watched(run: dict[str, Any], mode: str, context: dict[str, Any]) -> Any:
    """The sensor's answer; where it defers, the trigger is run to its event, as the triggerer would."""
    one = sensor(run, mode)
    if mode == "reschedule":  # the scheduler's part: one look a process
        looked = one.poke(context)
        return looked.xcom_value if looked.is_done else "again"
    try:
        return one.execute(context)
    except TaskDeferred as deferred:
        event = asyncio.run(anext(aiter(deferred.trigger.run())))
        return one.execute_complete(context, event.payload)


@pytest.mark.parametrize("mode", MODES)
def test_a_completed_run(
    lightly_api: LightlyEmulator, context: dict[str, Any], worker: PlayedWorker, run: dict[str, Any], mode: str
) -> None:
    """The summary that the operator would have returned."""
    run_id = worker.pick_up(run["dataset_id"], run["scheduled_run_id"])
    worker.end(run_id, "COMPLETED", "well done")
    assert watched(run, mode, context) == {**run, "run_id": run_id, "state": "COMPLETED"}
    if mode != "reschedule":
        assert context["ti"].xcoms["lightly_run_link"] == run["link"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", ["FAILED", "CRASHED", "ABORTED"])
def test_a_failed_run(
    context: dict[str, Any], worker: PlayedWorker, run: dict[str, Any], mode: str, state: RunState
) -> None:
    """The same error in every mode, and one that Airflow does not retry."""
    run_id = worker.pick_up(run["dataset_id"], run["scheduled_run_id"])
    worker.end(run_id, state, "no")
    with pytest.raises(LightlyWatchedRunError) as caught:
        watched(run, mode, context)
    told = f"LightlyOne run {run_id} of dataset {run['dataset_id']} ended {state}: no. See {run['link']}"
    assert str(caught.value) == told
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_run(lightly_api: LightlyEmulator, context: dict[str, Any], run: dict[str, Any], mode: str) -> None:
    """Cancelled is no success."""
    lightly_api.call(schedules.cancel_scheduled_run(run["dataset_id"], run["scheduled_run_id"]))
    with pytest.raises(LightlyWatchedRunError, match="was cancelled before a worker picked it up"):
        watched(run, mode, context)


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_run(context: dict[str, Any], run: dict[str, Any], mode: str) -> None:
    """A run that LightlyOne does not know is said to be just that."""
    with pytest.raises(LightlyWatchedRunError, match=f"does not know the scheduled run {'f' * 24}"):
        watched({**run, "scheduled_run_id": "f" * 24}, mode, context)


def test_deferring_waits_until_the_end(
    lightly_api: LightlyEmulator, context: dict[str, Any], worker: PlayedWorker, run: dict[str, Any]
) -> None:
    """The trigger keeps looking while the run goes on, and fires once."""

    async def watch() -> list[Any]:
        trigger = LightlyRunTrigger(
            lightly_conn_id="lightly_default",
            dataset_id=run["dataset_id"],
            scheduled_run_id=run["scheduled_run_id"],
            poll_interval=0.02,
        )
        events = asyncio.create_task(collect(trigger))
        await asyncio.sleep(0.1)
        run_id = await asyncio.to_thread(worker.pick_up, run["dataset_id"], run["scheduled_run_id"])
        await asyncio.sleep(0.1)
        assert not events.done()
        await asyncio.to_thread(worker.end, run_id, "COMPLETED")
        return await asyncio.wait_for(events, 5)

    (event,) = asyncio.run(watch())
    known = {"dataset_id": run["dataset_id"], "scheduled_run_id": run["scheduled_run_id"]}
    assert event.payload == {**known, "status": "ended", "state": "COMPLETED", "deadline": None}


async def collect(trigger: LightlyRunTrigger) -> list[Any]:
    return [event async for event in trigger.run()]


def test_the_trigger_tells_trouble(
    monkeypatch: pytest.MonkeyPatch, lightly_api: LightlyEmulator, run: dict[str, Any]
) -> None:
    """A token that is rejected ends the waiting with an event that says so, without the token."""
    bad = lightly_api.connection.replace(lightly_api.token, "revoked-token")
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", bad)
    trigger = LightlyRunTrigger(
        lightly_conn_id="lightly_default",
        dataset_id=run["dataset_id"],
        scheduled_run_id=run["scheduled_run_id"],
        poll_interval=0.02,
    )
    (event,) = asyncio.run(collect(trigger))
    assert event.payload["status"] == "trouble"
    assert "401" in event.payload["message"]
    assert "revoked-token" not in str(event.payload)


def test_the_trigger_round_trips_through_airflow(run: dict[str, Any]) -> None:
    """Airflow stores a trigger by path and arguments and builds it again from them."""
    from airflow.sdk.serde import deserialize, serialize

    trigger = LightlyRunTrigger(
        lightly_conn_id="c", dataset_id="d", scheduled_run_id="s", poll_interval=30.0, pickup_deadline=1.5
    )
    path, arguments = trigger.serialize()
    assert path == f"{LightlyRunTrigger.__module__}.{LightlyRunTrigger.__qualname__}"
    again = LightlyRunTrigger(**deserialize(serialize(arguments)))  # type: ignore[arg-type]
    assert again.serialize() == trigger.serialize()
