"""Which run of a dataset is under way, and waiting in a worker until one of several has ended."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.client.flows.rounds import Watched
from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.client.flows.under_way import run_under_way, until_one_ended
from lightly_airflow.client.flows.vigil import Vigil
from lightly_airflow.contract.errors import LightlyError, LightlyServerError, LightlyUnauthorized
from lightly_airflow.contract.wire import Response
from tests.client.flows.conftest import Lightly
from tests.client.script import Script, no, ok

POLL = 30.0
DOWN = [no(503)] * 5  # what one look takes before it gives up, after 15 seconds


def test_none_in_an_empty_queue(lightly: Lightly) -> None:
    """One request says so."""
    dataset_id = lightly.dataset()
    assert lightly.play(run_under_way(dataset_id)) is None
    assert len(lightly.operations) == 1


def test_one_that_waits_is_none(lightly: Lightly) -> None:
    """It has not begun."""
    dataset_id = lightly.dataset()
    lightly.scheduled(dataset_id)
    assert lightly.play(run_under_way(dataset_id)) is None


def test_one_that_a_worker_has_just_taken(lightly: Lightly) -> None:
    """There is no run yet, but the worker has what it needs to begin it, the old credentials among it."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    lightly.lock(dataset_id, scheduled_id)
    assert lightly.play(run_under_way(dataset_id)) == RunView(dataset_id, scheduled_id, "LOCKED")


@pytest.mark.parametrize(
    ("state", "under_way"),
    [
        ("STARTED", True),
        ("TRAINING", True),
        ("COMPLETED", False),
        ("FAILED", False),
        ("CRASHED", False),
        ("ABORTED", False),
    ],
)
def test_the_run_itself_decides(lightly: Lightly, state: Any, under_way: bool) -> None:
    """A worker that died before it could close it leaves a scheduled run LOCKED for ever."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    lightly.lock(dataset_id, scheduled_id)
    lightly.start(dataset_id, scheduled_id, state)
    found = lightly.play(run_under_way(dataset_id))
    assert (found is not None) == under_way


WATCHED = [Watched("d" * 24, name * 24) for name in "ab"]


def states(first: str, second: str) -> Response:
    """The account's runs."""
    told = zip(WATCHED, (first, second), strict=True)
    return ok([{"scheduledId": one.scheduled_run_id, "state": state, "message": None} for one, state in told])


def waited(
    script: Script, *, patience: float = 100.0, deadline: float | None = None
) -> tuple[tuple[str, str], list[LightlyError]]:
    troubles: list[LightlyError] = []

    def now() -> float:
        return sum(one for one in script.trace if isinstance(one, float))

    vigils = {
        one.scheduled_run_id: Vigil(now(), patience, None, deadline, lambda _: None, troubles.append) for one in WATCHED
    }
    return script.play(until_one_ended(WATCHED, vigils, poll_interval=POLL, now=now)), troubles


def test_until_the_first_has_ended() -> None:
    """It waits before each look, and a look is one request for all."""
    script = Script([states("STARTED", "STARTED"), states("TRAINING", "FAILED")])
    assert waited(script) == (("b" * 24, "ended"), [])
    assert [one for one in script.trace if isinstance(one, float)] == [POLL, POLL]


def test_until_the_deadline() -> None:
    """None has ended by then."""
    script = Script([states("STARTED", "STARTED"), states("STARTED", "STARTED")])
    assert waited(script, deadline=2 * POLL)[0] == ("a" * 24, "timeout")


def test_faults_that_pass_are_waited_out() -> None:
    """Each run's vigil is told; whoever has one log for all of them tells it once."""
    ending, troubles = waited(Script([*DOWN, states("COMPLETED", "STARTED")]))
    assert ending == ("a" * 24, "ended")
    assert [type(one) for one in troubles] == [LightlyServerError] * 2


@pytest.mark.parametrize(
    ("steps", "patience", "kind"), [(DOWN, 0, LightlyServerError), ([no(401)], 100, LightlyUnauthorized)]
)
def test_what_lasts_is_raised(steps: Any, patience: float, kind: type[LightlyError]) -> None:
    """As for a single run."""
    with pytest.raises(kind):
        waited(Script(list(steps)), patience=patience)
