"""When a wait is over: look by look, with the time that the test says it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.client.flows.vigil import Vigil
from lightly_airflow.contract.errors import (
    LightlyConnectionError,
    LightlyError,
    LightlyNotFound,
    LightlyServerError,
    LightlySettingsUnread,
    LightlyUnauthorized,
)
from lightly_airflow.contract.states import RUN_STATES, SCHEDULED_STATES

DOWN = LightlyServerError("GET /v1", 503)
ROWS = {**{str(state): row for state, row in (RUN_STATES | SCHEDULED_STATES).items()}}


@dataclass
class Told:
    """A wait that began at second 1000, and what it told."""

    vigil: Vigil
    states: list[str | None] = field(default_factory=list)
    troubles: list[LightlyError] = field(default_factory=list)


def waiting(*, patience: float = 100, pickup_deadline: float | None = None, deadline: float | None = None) -> Told:
    states: list[str | None] = []
    troubles: list[LightlyError] = []
    vigil = Vigil(1000, patience, pickup_deadline, deadline, lambda view: states.append(view.state), troubles.append)
    return Told(vigil, states, troubles)


def view(state: str | None, message: str = "") -> RunView:
    return RunView("d", "s", state, message)


@pytest.mark.parametrize("state", [*ROWS, "POLISHING", None])
def test_every_state(state: str | None) -> None:
    """A run that has ended, or is not there, ends the wait; one that is new to this version goes on."""
    ended = state is None or (state in ROWS and ROWS[state].terminal)
    assert waiting().vigil.saw(view(state), 1001) == ("ended" if ended else None)


def test_an_end_counts_before_every_deadline() -> None:
    """A run that has ended by then has not taken too long."""
    late = waiting(pickup_deadline=1000, deadline=1000)
    assert late.vigil.saw(view("COMPLETED"), 2000) == "ended"


@pytest.mark.parametrize(("now", "ending"), [(1049.9, None), (1050, "timeout"), (9000, "timeout")])
@pytest.mark.parametrize("state", ["OPEN", "LOCKED", "TRAINING", "POLISHING"])
def test_the_deadline_holds_in_every_state(state: str, now: float, ending: str | None) -> None:
    """The wait ends however the run stands."""
    assert waiting(deadline=1050).vigil.saw(view(state), now) == ending


def test_the_deadline_holds_without_news() -> None:
    """Where nothing was said of the run, and where LightlyOne could not be asked."""
    told = waiting(deadline=1050)
    assert [told.vigil.late(1049), told.vigil.troubled(DOWN, 1049)] == [None, None]
    assert [told.vigil.late(1050), told.vigil.troubled(DOWN, 1050)] == ["timeout", "timeout"]


@pytest.mark.parametrize(
    ("state", "now", "ending"),
    [("OPEN", 1049, None), ("OPEN", 1050, "not_picked_up"), ("LOCKED", 1050, None), ("TRAINING", 1050, None)],
)
def test_the_pickup_deadline_is_for_the_queue(state: str, now: float, ending: str | None) -> None:
    """A worker that has the run has picked it up in time."""
    assert waiting(pickup_deadline=1050).vigil.saw(view(state), now) == ending


def test_not_picked_up_counts_before_the_deadline() -> None:
    """It says more: why the run had not ended."""
    assert waiting(pickup_deadline=1050, deadline=1040).vigil.saw(view("OPEN"), 1060) == "not_picked_up"


def test_faults_are_waited_out_by_elapsed_time() -> None:
    """However many they are; one after the patience is over is raised."""
    told = waiting(patience=100)
    for now in range(1000, 1101):
        assert told.vigil.troubled(DOWN, now) is None
    with pytest.raises(LightlyServerError):
        told.vigil.troubled(DOWN, 1101)
    assert len(told.troubles) == 101


@pytest.mark.parametrize("good", ["saw", "answered"])
def test_a_good_answer_restores_patience(good: str) -> None:
    """Also one that says nothing of this run: LightlyOne is there."""
    told = waiting(patience=100)
    told.vigil.troubled(DOWN, 1090)
    if good == "saw":
        told.vigil.saw(view("TRAINING"), 1095)
    else:
        told.vigil.answered(1095)
        told.vigil.answered(1000)  # told late
    assert told.vigil.troubled(DOWN, 1195) is None
    with pytest.raises(LightlyServerError):
        told.vigil.troubled(DOWN, 1196)


def test_a_connection_that_airflow_does_not_give_is_waited_out() -> None:
    """Airflow's database may be away for a moment, too."""
    assert waiting().vigil.troubled(LightlySettingsUnread("lightly_default", "OperationalError"), 1001) is None


@pytest.mark.parametrize(
    "error",
    [
        LightlyUnauthorized("GET /v1", 401),
        LightlyNotFound("GET /v1", 404),
        LightlyConnectionError("GET /v1", "tls", "https://host"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_faults_that_stay_are_raised_at_once(error: LightlyError) -> None:
    """Patience mends none of them."""
    with pytest.raises(type(error)):
        waiting(patience=9999).vigil.troubled(error, 1000)


def test_changes_are_told_once() -> None:
    """State or message must change; what was seen last is kept."""
    told = waiting()
    for one in (view("OPEN"), view("OPEN"), view("TRAINING"), view("TRAINING", "epoch 2"), view("TRAINING", "epoch 2")):
        told.vigil.saw(one, 1001)
    assert told.states == ["OPEN", "TRAINING", "TRAINING"]
    assert told.vigil.last == view("TRAINING", "epoch 2")
