"""Many triggers of one connection share one poll loop, through Airflow's own manager of shared streams."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.serde import deserialize, serialize

from lightly_airflow.contract.operations import schedules
from lightly_airflow.testing import LightlyEmulator
from lightly_airflow.triggers.run import LightlyRunTrigger
from lightly_airflow.triggers.together import shared_interests
from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.triggerer import as_the_triggerer_reads, trigger_for, triggerer, triggers_for, until
from tests.gate import LIST, QUEUE, SINGLE, Gate

STORED = Path(__file__).parent / "stored" / "run_trigger.json"


@pytest.fixture
def gate(lightly_api: LightlyEmulator) -> Gate:
    return Gate(lightly_api.server)


def ended(scheduled_run_id: str, dataset_id: str, state: str, status: str = "ended") -> dict[str, Any]:
    ids = {"dataset_id": dataset_id, "scheduled_run_id": scheduled_run_id}
    return {**ids, "deadline": None, "status": status, "state": state}


def test_fifty_triggers_ask_twice_a_round(gate: Gate) -> None:
    """One loop, two requests a round whatever the number, and each trigger fires for its own run."""
    those = gate.runs(50)
    worker = PlayedWorker(gate)

    async def wait() -> tuple[list[str], list[dict[str, Any]], int]:
        async with triggerer() as airflow:
            tasks = [airflow.start(one) for one in triggers_for(those)]
            await until(lambda: gate.rounds() > 4)
            asked, loops = list(gate.operations), airflow.loops
            for number, (scheduled_run_id, dataset_id) in enumerate(those.items()):
                worker.end(worker.pick_up(dataset_id, scheduled_run_id), "FAILED" if number % 2 else "COMPLETED")
            return asked, list(await asyncio.gather(*tasks)), loops

    asked, events, loops = asyncio.run(wait())
    assert (loops, asked[:8]) == (1, [LIST, QUEUE] * 4)
    states = ["FAILED" if number % 2 else "COMPLETED" for number in range(50)]
    assert events == [ended(*ids, state) for ids, state in zip(those.items(), states, strict=True)]


def test_a_trigger_that_waits_alone_asks_for_its_run(gate: Gate) -> None:
    """One small request a round once the run has begun, instead of the account's list."""
    ((scheduled_run_id, dataset_id),) = gate.runs(1).items()
    worker = PlayedWorker(gate)
    run_id = worker.pick_up(dataset_id, scheduled_run_id)

    async def wait() -> dict[str, Any]:
        async with triggerer() as airflow:
            task = airflow.start(trigger_for(scheduled_run_id, dataset_id))
            await until(lambda: len(gate.operations) > 2)
            worker.end(run_id, "COMPLETED")
            return await task

    assert asyncio.run(wait()) == ended(scheduled_run_id, dataset_id, "COMPLETED")
    assert set(gate.operations) == {SINGLE}


def test_two_connections_have_two_loops(
    gate: Gate, lightly_api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one account has to do with is no affair of the other's, even where it is the same one."""
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", lightly_api.connection)
    first, second = gate.runs(2).items()
    worker = PlayedWorker(gate)

    async def wait() -> tuple[int, list[dict[str, Any]]]:
        async with triggerer() as airflow:
            tasks = [airflow.start(trigger_for(*first)), airflow.start(trigger_for(*second, lightly_conn_id="other"))]
            await until(lambda: len(gate.operations) > 4)
            loops = airflow.loops
            for scheduled_run_id, dataset_id in (first, second):
                worker.end(worker.pick_up(dataset_id, scheduled_run_id), "COMPLETED")
            return loops, list(await asyncio.gather(*tasks))

    assert asyncio.run(wait()) == (2, [ended(*first, "COMPLETED"), ended(*second, "COMPLETED")])
    assert LIST not in gate.operations


def test_a_late_joiner_is_asked_for_soon(gate: Gate) -> None:
    """The loop rests for a minute by the first one's wish; the shorter interval of the second counts all the same."""
    first, second = gate.runs(2).items()
    worker = PlayedWorker(gate)
    worker.end(worker.pick_up(second[1], second[0]), "COMPLETED")

    async def wait() -> tuple[dict[str, Any], bool]:
        async with triggerer() as airflow:
            patient = airflow.start(trigger_for(*first, poll_interval=600))
            await asyncio.sleep(0.1)
            return await airflow.start(trigger_for(*second)), patient.done()

    assert asyncio.run(wait()) == (ended(*second, "COMPLETED"), False)


def test_one_that_leaves_is_not_asked_for_any_more(gate: Gate) -> None:
    """The others go on in the same loop."""
    first, second, third = gate.runs(3).items()
    worker = PlayedWorker(gate)

    async def wait() -> tuple[set[str], int, dict[str, Any]]:
        async with triggerer() as airflow:
            going, staying, _ = [airflow.start(trigger_for(*one)) for one in (first, second, third)]
            await until(lambda: gate.rounds() > 1)
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
            left = {one.watched.scheduled_run_id for one in shared_interests("lightly_default")}
            worker.end(worker.pick_up(second[1], second[0]), "COMPLETED")
            return left, airflow.loops, await staying

    assert asyncio.run(wait()) == ({second[0], third[0]}, 1, ended(*second, "COMPLETED"))


def test_the_loop_ends_with_its_last_subscriber(gate: Gate) -> None:
    """Whether it fired or was cancelled; one that comes afterwards has a new loop."""
    first, second = gate.runs(2).items()
    gate.call(schedules.cancel_scheduled_run(first[1], first[0]))

    async def wait() -> list[int]:
        async with triggerer() as airflow:
            loops = [airflow.loops]
            await airflow.start(trigger_for(*first))
            loops.append(airflow.loops)
            left = airflow.start(trigger_for(*second))
            await until(lambda: airflow.loops == 1)
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)
            return [*loops, airflow.loops, (await airflow.start(trigger_for(*first)))["state"] == "CANCELED"]

    assert asyncio.run(wait()) == [0, 0, 0, True]
    assert not shared_interests("lightly_default")


@pytest.mark.parametrize("way", ["shared", "alone"])
@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELED", "not_picked_up", "timeout"])
def test_alone_and_shared_fire_the_same(gate: Gate, way: str, state: str) -> None:
    """``run()`` is what Airflow 3.2 and ``dag.test()`` call; the payload is plain JSON and survives Airflow's own form."""
    ids, other = gate.runs(2).items()
    deadlines = {"not_picked_up": "pickup_deadline", "timeout": "deadline"}
    told: dict[str, Any] = {deadlines[state]: time.time()} if state in deadlines else {}
    if state == "CANCELED":
        gate.call(schedules.cancel_scheduled_run(ids[1], ids[0]))
    elif not told:
        worker = PlayedWorker(gate)
        worker.end(worker.pick_up(ids[1], ids[0]), state)
    trigger = trigger_for(*ids, **told)

    async def wait() -> list[dict[str, Any]]:
        if way == "alone":
            return [event.payload async for event in trigger.run()]
        async with triggerer() as airflow:
            airflow.start(trigger_for(*other))
            return [await airflow.start(trigger)]

    (event,) = asyncio.run(wait())
    assert event["status"] == (state if told else "ended")
    assert event["deadline"] == told.get("deadline")
    # By the clock, the deadline may come before the first look.
    assert event["state"] in ({"OPEN", None} if state == "timeout" else {"OPEN"} if told else {state})
    assert json.loads(json.dumps(event)) == event == deserialize(serialize(event))


def test_alone_asks_for_its_own_run_only(gate: Gate) -> None:
    """Where Airflow shares no loops, each trigger would otherwise ask for the runs of all."""
    those = gate.runs(5)
    worker = PlayedWorker(gate)
    started = {key: worker.pick_up(dataset_id, key) for key, dataset_id in those.items()}

    async def wait() -> list[Any]:
        triggers = triggers_for(those)
        tasks = [asyncio.ensure_future(anext(aiter(one.run()))) for one in triggers]
        await until(lambda: len(gate.operations) > 20)
        for run_id in started.values():
            worker.end(run_id, "COMPLETED")
        return await asyncio.gather(*tasks)

    assert len(asyncio.run(wait())) == 5
    assert set(gate.operations) == {SINGLE}


def test_arguments_survive_airflows_storage() -> None:
    """Every argument, as the task runner stores it and the triggerer reads it; none needs more than JSON."""
    more = {"pickup_deadline": 1.5, "deadline": 2.5, "patience": 7.0, "runs_on": ["gpu"], "cancel_on_kill": True}
    trigger = trigger_for("s", "d", **more)
    path, arguments = trigger.serialize()
    assert json.loads(json.dumps(arguments)) == arguments
    stored: Any = serialize(arguments)
    again = LightlyRunTrigger(**as_the_triggerer_reads(stored))
    assert (path, again.serialize()) == (f"{LightlyRunTrigger.__module__}.LightlyRunTrigger", trigger.serialize())
    assert LightlyRunTrigger(**deserialize(stored)).serialize() == trigger.serialize()  # type: ignore[arg-type]


def test_arguments_of_the_version_before_are_read() -> None:
    """Tasks that wait while the package is upgraded go on, with the defaults of what is new."""
    stored = json.loads(STORED.read_text())
    path, arguments = LightlyRunTrigger(**as_the_triggerer_reads(stored["kwargs"])).serialize()
    assert path == stored["classpath"]
    new: dict[str, Any] = {"deadline": None, "patience": 3600.0, "runs_on": [], "cancel_on_kill": False}
    assert arguments == {**stored["kwargs"], **new}
