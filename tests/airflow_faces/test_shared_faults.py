"""What goes wrong while many triggers wait together, and whom it concerns."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.client import policy
from lightly_airflow.client.flows.rounds import Watched
from lightly_airflow.contract.operations import datasets
from lightly_airflow.contract.wire import Response
from lightly_airflow.emulator.serve import serve
from lightly_airflow.testing import LightlyEmulator
from lightly_airflow.triggers import together
from lightly_airflow.triggers.together import Interest
from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.triggerer import Event, Triggerer, trigger_for, triggerer, triggers_for, until
from tests.gate import Gate

CONNECTION = "AIRFLOW_CONN_LIGHTLY_DEFAULT"


@pytest.fixture
def gate(lightly_api: LightlyEmulator) -> Gate:
    return Gate(lightly_api.server)


def complete(gate: Gate, those: dict[str, str]) -> None:
    worker = PlayedWorker(gate)
    for scheduled_run_id, dataset_id in those.items():
        worker.end(worker.pick_up(dataset_id, scheduled_run_id), "COMPLETED")


def through(gate: Gate, those: dict[str, str], fault: Callable[[], None], mend: Callable[[], None]) -> list[Event]:
    """The events of all who wait, through a fault that lasts for some rounds and during which all runs end."""

    async def wait() -> list[Event]:
        async with triggerer() as airflow:
            tasks = [airflow.start(one) for one in triggers_for(those)]
            await until(lambda: gate.rounds() > 1)
            await asyncio.to_thread(fault)
            complete(gate, those)
            await asyncio.sleep(0.5)
            assert not any(task.done() for task in tasks)
            await asyncio.to_thread(mend)
            return list(await asyncio.gather(*tasks))

    return asyncio.run(wait())


def all_completed(events: list[Event], those: dict[str, str]) -> bool:
    return [(event["scheduled_run_id"], event["state"]) for event in events] == [(one, "COMPLETED") for one in those]


@pytest.mark.parametrize(
    "answer",
    [
        Response(503, b"", {"retry-after": "0.01"}),
        Response(429, b"", {"retry-after": "0.02"}),
        Response(200, b"<html>maintenance</html>"),
    ],
    ids=["503", "429", "not LightlyOne's"],
)
def test_faults_that_pass_fire_nobody(gate: Gate, monkeypatch: pytest.MonkeyPatch, answer: Response) -> None:
    """Rounds that fail, also after all the repetitions, are waited out by everybody."""
    those = gate.runs(5)
    monkeypatch.setattr(policy, "MAX_RETRIES", 1 if answer.headers else 0)
    events = through(
        gate,
        those,
        fault=lambda: setattr(gate, "answers", lambda _: answer),
        mend=lambda: setattr(gate, "answers", lambda _: None),
    )
    assert all_completed(events, those)


def test_a_dead_service_fires_nobody(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops and starts again at the same address, with everything that it knew."""
    those = gate.runs(5)
    monkeypatch.setattr(policy, "MAX_RETRIES", 0)
    first = gate.server
    again = []

    def restart() -> None:
        again.append(serve(first.emulator.world, [], port=int(first.url.rsplit(":", 1)[1])))
        gate.stand_before(again[0])
        again[0].start()

    try:
        assert all_completed(through(gate, those, first.stop, restart), those)
    finally:
        for server in again:
            server.stop()


def test_a_rotated_token_fires_nobody(
    gate: Gate, lightly_api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection holds the new token by the time at which LightlyOne refuses the old one."""
    those = gate.runs(5)
    rotated = json.dumps({**json.loads(lightly_api.connection), "password": "rotated-token"})

    def rotate() -> None:
        monkeypatch.setenv(CONNECTION, rotated)
        gate.answers = lambda _: Response(503, b"", {"retry-after": "0.01"})
        gate.token = "rotated-token"

    assert all_completed(through(gate, those, rotate, lambda: setattr(gate, "answers", lambda _: None)), those)


def test_a_revoked_token_fires_everybody(gate: Gate) -> None:
    """With the connection's name and without the token."""
    those = gate.runs(5)

    async def wait() -> list[Event]:
        async with triggerer() as airflow:
            tasks = [airflow.start(one) for one in triggers_for(those)]
            await until(lambda: gate.rounds() > 1)
            gate.token = "another-token"
            return list(await asyncio.gather(*tasks))

    events = asyncio.run(wait())
    assert [event["status"] for event in events] == ["trouble"] * 5
    for event in events:
        assert "connection 'lightly_default': " in event["message"]
        assert event["message"].count("connection 'lightly_default'") == 1
        assert "token-" not in str(event)
        assert "testing-token" not in str(event)


def test_a_connection_that_airflow_does_not_give_for_a_while_fires_nobody(
    gate: Gate, lightly_api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow says that there is none also where its database does not answer."""
    those = gate.runs(5)
    rotated = json.dumps({**json.loads(lightly_api.connection), "password": "rotated-token"})

    def lose() -> None:
        monkeypatch.delenv(CONNECTION)
        gate.token = "rotated-token"

    assert all_completed(through(gate, those, lose, lambda: monkeypatch.setenv(CONNECTION, rotated)), those)


@pytest.mark.parametrize("extra", ["ca_bundle", "proxy"])
def test_a_connection_that_cannot_be_right_fires_everybody(
    gate: Gate, lightly_api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, extra: str
) -> None:
    """Its message says what to correct."""
    (tmp_path / "ca.pem").write_text("no certificate")
    told = {"ca_bundle": str(tmp_path / "ca.pem"), "proxy": "proxy://user:secret@host"}[extra]
    wrong = {**json.loads(lightly_api.connection), "extra": json.dumps({extra: told})}
    monkeypatch.setenv(CONNECTION, json.dumps(wrong))
    those = gate.runs(2)

    async def wait() -> list[Event]:
        async with triggerer() as airflow:
            return list(await asyncio.gather(*[airflow.start(one) for one in triggers_for(those)]))

    events = asyncio.run(wait())
    assert [event["status"] for event in events] == ["trouble"] * 2
    assert all(extra.split("_")[-1] in event["message"] and "secret" not in event["message"] for event in events)


def test_a_deleted_dataset_fires_its_own(gate: Gate) -> None:
    """The others wait on in the same loop."""
    those = gate.runs(5)
    (gone, dataset_id), *others = those.items()

    async def wait() -> tuple[Event, list[Event]]:
        async with triggerer() as airflow:
            own, *tasks = [airflow.start(one) for one in triggers_for(those)]
            await until(lambda: gate.rounds() > 1)
            gate.call(datasets.delete_dataset(dataset_id))
            event = await own
            seen = gate.rounds()
            await until(lambda: gate.rounds() > seen + 1)
            assert not any(task.done() for task in tasks)
            complete(gate, dict(others))
            return event, list(await asyncio.gather(*tasks))

    event, events = asyncio.run(wait())
    assert (event["status"], event["scheduled_run_id"], "404" in event["message"]) == ("trouble", gone, True)
    assert all_completed(events, dict(others))


def test_patience_is_each_triggers_own(gate: Gate) -> None:
    """One gives up; the other waits on and sees the end."""
    first, second = gate.runs(2).items()
    gate.answers = lambda _: Response(503, b"", {"retry-after": "0.01"})

    async def wait(airflow: Triggerer) -> tuple[Event, Event]:
        hasty, patient = airflow.start(trigger_for(*first, patience=0.3)), airflow.start(trigger_for(*second))
        event = await hasty
        assert not patient.done()
        gate.answers = lambda _: None
        complete(gate, dict([second]))
        return event, await patient

    async def both() -> tuple[Event, Event]:
        async with triggerer() as airflow:
            return await wait(airflow)

    hasty, patient = asyncio.run(both())
    assert (hasty["status"], "503" in hasty["message"], patient["state"]) == ("trouble", True, "COMPLETED")


@pytest.mark.parametrize("way", ["shared", "alone"])
def test_the_deadline_holds_while_a_round_hangs(gate: Gate, way: str) -> None:
    """LightlyOne may tell the loop to wait for minutes; the task's execution_timeout does not wait with it."""
    ids, other = gate.runs(2).items()
    gate.answers = lambda _: Response(429, b"", {"retry-after": "100"})
    trigger: Any = trigger_for(*ids, deadline=time.time() + 0.5)

    async def wait() -> Event:
        async with triggerer() as airflow:
            airflow.start(trigger_for(*other))
            if way == "alone":
                return dict((await anext(aiter(trigger.run()))).payload)
            return await airflow.start(trigger)

    event = asyncio.run(wait())
    assert (event["status"], event["state"]) == ("timeout", None)


def test_a_service_that_is_down_for_days_does_not_end_the_loop() -> None:
    """Each failure doubles the pause, but only twice."""
    interest = Interest(Watched("d", "s"), 0.001)
    assert asyncio.run(together._pause([interest], 100_000)) is None


def test_a_bug_in_the_loop_fails_everybody_and_hangs_nobody(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow then fails the tasks, and a retry finds their runs; the next trigger has a new loop."""
    those = gate.runs(3)

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    async def wait() -> tuple[list[Any], Event]:
        async with triggerer() as airflow:
            tasks = [airflow.start(one) for one in triggers_for(those)]
            await until(lambda: gate.rounds() > 1)
            with monkeypatch.context() as patched:
                patched.setattr(together, "look_at_all", broken)
                failed = await asyncio.gather(*tasks, return_exceptions=True)
            complete(gate, those)
            return list(failed), await airflow.start(next(iter(triggers_for(those))))

    failed, event = asyncio.run(wait())
    assert ([type(one) for one in failed], event["state"]) == ([ZeroDivisionError] * 3, "COMPLETED")
