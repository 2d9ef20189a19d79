"""The trigger that waits for whichever of several runs ends first, shared and alone."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.serde import deserialize, serialize

from lightly_airflow.contract.wire import Response
from lightly_airflow.testing import LightlyEmulator
from lightly_airflow.triggers.any_run import LightlyAnyRunTrigger
from lightly_airflow.triggers.together import shared_interests
from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.triggerer import INTERVAL, triggerer, until
from tests.gate import LIST, SINGLE, UNAUTHORIZED, Gate

STORED = Path(__file__).parent / "stored" / "any_run_trigger.json"
WAYS = pytest.mark.parametrize("way", ["shared", "alone"])


@pytest.fixture
def gate(lightly_api: LightlyEmulator) -> Gate:
    return Gate(lightly_api.server)


def trigger_for(those: dict[str, str], **more: Any) -> LightlyAnyRunTrigger:
    runs = [[dataset_id, scheduled_run_id] for scheduled_run_id, dataset_id in those.items()]
    return LightlyAnyRunTrigger(lightly_conn_id="lightly_default", runs=runs, poll_interval=INTERVAL, **more)


async def fired(trigger: LightlyAnyRunTrigger, way: str, meanwhile: Any = None) -> dict[str, Any]:
    """The trigger's one event; something may happen once it has looked."""
    async with triggerer() as airflow:
        task = airflow.start(trigger) if way == "shared" else asyncio.create_task(alone(trigger))
        if meanwhile:
            await meanwhile()
        return await task


async def alone(trigger: LightlyAnyRunTrigger) -> dict[str, Any]:
    """What Airflow 3.2 and ``dag.test()`` call."""
    (event,) = [event.payload async for event in trigger.run()]
    return dict(event)


@WAYS
def test_the_first_of_them(gate: Gate, way: str) -> None:
    """One loop for all of them: a request a round once they have begun."""
    those = gate.runs(3)
    worker = PlayedWorker(gate)
    begun = {key: worker.pick_up(dataset_id, key) for key, dataset_id in those.items()}
    second = list(those)[1]

    async def end() -> None:
        await until(lambda: gate.rounds() > 2)
        worker.end(begun[second], "FAILED")

    event = asyncio.run(fired(trigger_for(those), way, end))
    told = {"dataset_id": those[second], "scheduled_run_id": second, "deadline": None, "status": "ended"}
    assert event == {**told, "state": "FAILED"}
    assert json.loads(json.dumps(event)) == event == deserialize(serialize(event))
    assert set(gate.operations) == {LIST}
    assert not shared_interests("lightly_default")


@WAYS
def test_time_is_up(gate: Gate, way: str) -> None:
    """The deadline is kept by the trigger itself."""
    event = asyncio.run(fired(trigger_for(gate.runs(2), deadline=time.time() + 0.3), way))
    assert event["status"] == "timeout"


@WAYS
def test_what_does_not_pass(gate: Gate, way: str) -> None:
    """A rejected token ends the wait; the task raises what it finds itself."""
    gate.answers = lambda _: UNAUTHORIZED
    event = asyncio.run(fired(trigger_for(gate.runs(2)), way))
    assert event["status"] == "trouble"
    assert event["message"].startswith("connection 'lightly_default': GET ")


@WAYS
def test_what_passes_is_told_once(gate: Gate, way: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not once for each of the runs."""
    those = gate.runs(3)
    worker = PlayedWorker(gate)
    begun = [worker.pick_up(dataset_id, key) for key, dataset_id in those.items()]
    failing = [Response(503, b"", {"retry-after": "0"})] * 5  # one round with all its tries
    gate.answers = lambda operation: failing.pop() if failing else None

    async def end() -> None:
        await until(lambda: not failing and gate.rounds() > 6)
        worker.end(begun[0], "COMPLETED")

    event = asyncio.run(fired(trigger_for(those), way, end))
    assert event["status"] == "ended"
    assert caplog.text.count("LightlyOne cannot be asked at the moment") == 1


@WAYS
def test_one_alone(gate: Gate, way: str) -> None:
    """It asks for its own run only."""
    those = gate.runs(1)
    worker = PlayedWorker(gate)
    ((key, dataset_id),) = those.items()
    worker.end(worker.pick_up(dataset_id, key), "COMPLETED")
    assert asyncio.run(fired(trigger_for(those), way))["state"] == "COMPLETED"
    assert set(gate.operations) == {SINGLE}


def test_killing_its_task_cancels_nothing(gate: Gate) -> None:
    """The run is no run of the task's own."""
    those = gate.runs(1)
    asyncio.run(trigger_for(those).on_kill())
    assert gate.operations == []


def test_arguments_survive_airflows_storage() -> None:
    """Every argument; none needs more than JSON."""
    trigger = trigger_for({"s": "d"}, deadline=2.5, patience=7.0)
    path, arguments = trigger.serialize()
    assert json.loads(json.dumps(arguments)) == arguments
    stored: Any = serialize(arguments)
    assert LightlyAnyRunTrigger(**deserialize(stored)).serialize() == trigger.serialize()  # type: ignore[arg-type]
    assert path == f"{LightlyAnyRunTrigger.__module__}.LightlyAnyRunTrigger"


def test_arguments_of_this_version_are_read() -> None:
    """Tasks that wait while the package is upgraded go on."""
    stored = json.loads(STORED.read_text())
    path, arguments = LightlyAnyRunTrigger(**stored["kwargs"]).serialize()
    assert path == stored["classpath"]
    assert {name: arguments[name] for name in stored["kwargs"]} == stored["kwargs"]
