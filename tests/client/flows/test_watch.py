"""Watching a run: what is told, what is waited out, what ends the wait. Time is the sum of the waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.client.flows.vigil import Vigil
from lightly_airflow.client.flows.watch import watch
from lightly_airflow.contract.errors import LightlyError, LightlyNotFound, LightlyServerError, LightlyUnauthorized
from lightly_airflow.contract.wire import Response
from tests.client.script import Script, lost, no, ok

ID = "0123456789abcdef01234567"
NOT_STARTED = no(404, "DOCKER_RUN_UNKNOWN")
DOWN = [no(503)] * 5  # what one look takes before it gives up, after 15 seconds
POLL = 30.0


def run(state: str, message: str = "", touched: int = 1) -> list[Response | LightlyError]:
    told = {"id": ID, "userId": "u", "dockerVersion": "2", "state": state, "message": message, "createdAt": 1}
    return [ok(told | {"lastModifiedAt": touched})]


def queued(state: str) -> list[Response | LightlyError]:
    entry = {"id": ID, "datasetId": ID, "configId": ID, "priority": "MID", "runsOn": [], "state": state}
    answers: list[Response | LightlyError] = [NOT_STARTED, ok([entry | {"createdAt": 1, "lastModifiedAt": 1}])]
    return answers if state in ("OPEN", "CANCELED") else [*answers, NOT_STARTED]


@dataclass
class Watched:
    """A watch by script; keeps what it was told."""

    script: Script
    told: list[str] = field(default_factory=list)
    troubles: list[LightlyError] = field(default_factory=list)
    running: list[str | None] = field(default_factory=list)

    def now(self) -> float:
        return 1000 + sum(one for one in self.script.trace if isinstance(one, float))

    def play(self, *, patience: float = 0, pickup_deadline: float | None = None) -> RunView:
        return self.script.play(
            watch(
                ID,
                ID,
                Vigil(
                    self.now(),
                    patience,
                    pickup_deadline,
                    None,
                    tell=lambda view: self.told.append(f"{view.state} {view.message}".strip()),
                    tell_trouble=self.troubles.append,
                ),
                poll_interval=POLL,
                now=self.now,
                while_running=lambda view: self.running.append(view.state),
            )
        )


def watched(*looks: list[Any]) -> Watched:
    return Watched(Script([step for steps in looks for step in steps]))


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CRASHED", "ABORTED"])
def test_a_run_that_has_ended_ends_the_wait(state: str) -> None:
    """With the run itself, so that its result can be read."""
    view = watched(run(state)).play()
    assert (view.state, view.run is not None) == (state, True)


@pytest.mark.parametrize(
    ("looks", "state"),
    [(queued("CANCELED"), "CANCELED"), (queued("DONE"), "DONE"), ([NOT_STARTED, ok([]), NOT_STARTED], None)],
)
def test_a_run_that_will_not_come_ends_the_wait(looks: list[Any], state: str | None) -> None:
    """Cancelled, closed without a run, or unknown."""
    assert watched(looks).play().state == state


def test_changes_are_told_once() -> None:
    """State or message must change; that a worker has touched its run is no news."""
    watching = watched(
        queued("OPEN"),
        queued("OPEN"),
        queued("LOCKED"),
        run("TRAINING"),
        run("TRAINING", touched=2),
        run("TRAINING", "epoch 2", touched=3),
        run("TRAINING", "epoch 2", touched=4),
        run("COMPLETED"),
    )
    watching.play()
    assert watching.told == ["OPEN", "LOCKED", "TRAINING", "TRAINING epoch 2", "COMPLETED"]
    assert watching.script.trace.count(POLL) == 8


def test_each_look_that_does_not_end_the_wait_is_a_chance_to_do_more() -> None:
    """Also where nothing has changed; not after a fault, nor at the end."""
    watching = watched(queued("OPEN"), run("TRAINING"), run("TRAINING"), DOWN, run("COMPLETED"))
    watching.play(patience=600)
    assert watching.running == ["OPEN", "TRAINING", "TRAINING"]


def test_a_state_that_is_new_is_waited_out() -> None:
    """LightlyOne may add a state; the view says that it is not known."""
    assert watched(run("DREAMING"), run("COMPLETED")).play().state == "COMPLETED"
    assert not RunView(ID, ID, "DREAMING").known


@pytest.mark.parametrize(
    "look",
    [DOWN, [no(429)] * 5, [lost()] * 5, [lost("dns")] * 5, [Response(200, b"<html>")] * 5, [NOT_STARTED, *DOWN]],
    ids=["down", "rate limited", "reset", "name not found", "unreadable", "down at the second question"],
)
def test_faults_that_pass_are_waited_out(look: list[Any]) -> None:
    """An outage shorter than the patience costs the run nothing, and each look that failed is told."""
    watching = watched(run("TRAINING"), look, look, run("COMPLETED"))
    assert watching.play(patience=600).state == "COMPLETED"
    assert (len(watching.troubles), watching.told) == (2, ["TRAINING", "COMPLETED"])


def test_patience_ends() -> None:
    """Patience counts from the last good answer; what has lasted longer is raised."""
    watching = watched(run("TRAINING"), DOWN, DOWN, DOWN)
    with pytest.raises(LightlyServerError):
        watching.play(patience=100)
    # Each look that fails takes 15 seconds and follows a pause of 30: after 45 and 90 seconds there is patience left.
    assert (len(watching.troubles), watching.now(), watching.script.steps) == (2, 1165, [])


def test_a_good_answer_restores_patience() -> None:
    """Outages are counted one by one."""
    outage: list[list[Any]] = [DOWN, DOWN, run("TRAINING")]
    watching = watched(*outage, *outage, *outage, run("COMPLETED"))
    assert watching.play(patience=100).state == "COMPLETED"
    assert len(watching.troubles) == 6


@pytest.mark.parametrize(
    ("look", "kind"),
    [
        ([no(401)], LightlyUnauthorized),
        ([no(403, "JWT_INVALID")], LightlyUnauthorized),
        ([lost("tls")], LightlyError),
        ([NOT_STARTED, no(404, "DATASET_UNKNOWN")], LightlyNotFound),
    ],
)
def test_faults_that_stay_are_raised_at_once(look: list[Any], kind: type[LightlyError]) -> None:
    """Patience does not mend a rejected token, a bad certificate or a dataset that is gone."""
    watching = watched(run("TRAINING"), look)
    with pytest.raises(kind):
        watching.play(patience=600)
    assert (watching.troubles, watching.script.steps) == ([], [])


def test_a_run_that_nobody_picks_up_ends_the_wait() -> None:
    """At the deadline the view is returned as it stands; what to do is the caller's affair."""
    watching = watched(queued("OPEN"), queued("OPEN"))
    assert watching.play(pickup_deadline=1045).state == "OPEN"
    assert watching.now() == 1060


def test_a_run_that_was_picked_up_has_no_deadline() -> None:
    """The deadline is for the queue alone."""
    watching = watched(queued("LOCKED"), run("TRAINING"), run("COMPLETED"))
    assert watching.play(pickup_deadline=0).state == "COMPLETED"
