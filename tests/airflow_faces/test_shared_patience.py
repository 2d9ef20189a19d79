"""From when on patience counts, for a trigger that is woken for news alone. No clock but the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from lightly_airflow.client.flows.rounds import Round
from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.contract.errors import LightlyServerError
from lightly_airflow.triggers import run as run_module
from lightly_airflow.triggers.run import LightlyRunTrigger
from lightly_airflow.triggers.together import Snapshot
from tests.airflow_faces.triggerer import trigger_for

DOWN = LightlyServerError("GET /v1", 500)
START, PATIENCE = 1_000_000.0, 100


def good(at: float) -> Snapshot:
    """A round that shows the run, always in the same state."""
    return Snapshot(at, Round({"s": RunView("d", "s", "TRAINING")}), answered_at=at)


def silent(at: float) -> Snapshot:
    """A round that says nothing of the run."""
    return Snapshot(at, Round(), answered_at=at)


def own(at: float) -> Snapshot:
    """A round in which this run alone could not be looked at."""
    return Snapshot(at, Round(errors={"s": DOWN}), answered_at=at)


def failed(at: float, answered_at: float) -> Snapshot:
    return Snapshot(at, failed=DOWN, answered_at=answered_at)


class Clock:
    """Stands in for the module ``time``."""

    now = START

    def time(self) -> float:
        return self.now


def played(monkeypatch: pytest.MonkeyPatch, snapshots: Sequence[Snapshot]) -> float | None:
    """The time at which the trigger gives up, told each round as the shared loop would; ``None``: it waits on."""
    clock = Clock()
    monkeypatch.setattr(run_module, "time", clock)
    trigger: LightlyRunTrigger = trigger_for("s", "d", patience=PATIENCE)
    monkeypatch.setattr("lightly_airflow.hooks.outcome.time", clock)

    async def play() -> Any:
        vigil, interest = trigger.begin()
        told = asyncio.create_task(trigger.event(vigil, interest, interest.news))
        for snapshot in snapshots:
            clock.now = snapshot.asked_at
            if interest.concerned(snapshot):
                interest.tell(snapshot)
            for _ in range(3):
                await asyncio.sleep(0)
            if told.done():
                assert told.result()["status"] == "trouble"
                return clock.now - START
        told.cancel()
        return None

    return asyncio.run(play())  # type: ignore[no-any-return]


def each(start: float, end: float, make: Any) -> list[Snapshot]:
    return [make(START + at) for at in range(int(start), int(end), 10)]


def test_a_run_that_cannot_be_looked_at_ends_its_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though LightlyOne answers for all the others, and in rounds in which it was not this one's turn."""
    alternating = [make(START + at) for at in range(10, 400, 20) for make in (own, lambda at: silent(at + 10))]
    assert played(monkeypatch, alternating) == 110


@pytest.mark.parametrize("make", [own, lambda at: failed(at, START + 990)], ids=["its own", "everybody's"])
def test_patience_counts_from_the_last_good_round(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    """The run had not changed for much longer than that, so that nothing had woken the trigger."""
    assert played(monkeypatch, [*each(10, 1000, good), *each(1000, 1080, make)]) is None
    assert played(monkeypatch, [*each(10, 1000, good), *each(1000, 2000, make)]) == 1100


def test_rounds_that_say_nothing_are_good_ones_where_lightlyone_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """LightlyOne was there, and nothing was wrong with the run."""
    outage = each(1000, 1080, lambda at: failed(at, START + 990))
    assert played(monkeypatch, [*each(10, 1000, silent), *outage]) is None
