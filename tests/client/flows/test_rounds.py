"""Watching many runs together: what a round costs, what it tells, and whose trouble an error is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import pytest

from lightly_airflow.client.flows import rounds
from lightly_airflow.client.flows.rounds import Round, Watched, look_at_all
from lightly_airflow.contract.errors import (
    LightlyAnswerError,
    LightlyError,
    LightlyForbidden,
    LightlyNotFound,
    LightlyRateLimited,
    LightlyServerError,
    LightlyUnauthorized,
)
from lightly_airflow.contract.operations import datasets, runs, schedules
from lightly_airflow.contract.states import RUN_STATES, RunState, ScheduledState
from lightly_airflow.contract.wire import Response
from tests.client.flows.conftest import CONFIG, Lightly
from tests.client.script import Script, lost, no, ok

DATASET = "d" * 24
LIST, QUEUE = runs.LIST.operation, schedules.LIST_FOR_WORKERS.operation
SINGLE, ENTRY = runs.GET_OF_SCHEDULE.operation, schedules.LIST_OF_DATASET.operation
NOT_STARTED = no(404, "DOCKER_RUN_UNKNOWN")


def watched(*numbers: int, runs_on: tuple[str, ...] = ()) -> list[Watched]:
    return [Watched(DATASET, name(number), runs_on) for number in numbers]


def name(number: int) -> str:
    return f"{number:024x}"


def a_run(number: int, state: str = "TRAINING") -> dict[str, Any]:
    told = {"id": f"a{number:023x}", "userId": "u", "dockerVersion": "2", "state": state, "message": "m"}
    return told | {"scheduledId": name(number), "createdAt": 1, "lastModifiedAt": 1}


def an_entry(number: int, state: str = "OPEN") -> dict[str, Any]:
    told = {"id": name(number), "datasetId": DATASET, "configId": DATASET, "priority": "MID", "runsOn": []}
    return told | {"state": state, "createdAt": 1, "lastModifiedAt": 1}


def play(
    steps: Sequence[Response | LightlyError], those: list[Watched], turn: int = 0
) -> tuple[dict[str, str | None], dict[str, LightlyError], Script]:
    """States and errors by the run's id, and the script with its trace."""
    script = Script([*steps])
    told: Round = script.play(look_at_all(those, turn))
    return {key: view.state for key, view in told.views.items()}, dict(told.errors), script


@pytest.mark.parametrize("count", [2, 50, 500])
def test_runs_that_the_lists_show_cost_two_requests(count: int) -> None:
    """However many there are: one list of those begun, one of those that wait."""
    begun, waiting = range(count // 2), range(count // 2, count)
    steps: list[Any] = [ok([a_run(one) for one in begun]), ok([an_entry(one) for one in waiting])]
    states, errors, script = play(steps, watched(*range(count)))
    assert states == {name(one): "TRAINING" if one in begun else "OPEN" for one in range(count)}
    assert (errors, script.trace) == ({}, [LIST, QUEUE])


def test_runs_that_have_all_begun_cost_one_request() -> None:
    """The queue is not asked for nobody."""
    _, _, script = play([ok([a_run(1), a_run(2)])], watched(1, 2))
    assert script.trace == [LIST]


def test_one_run_that_has_begun_costs_one_request() -> None:
    """And a small one: no list of all runs of the account."""
    states, _, script = play([ok(a_run(1))], watched(1))
    assert (states, script.trace) == ({name(1): "TRAINING"}, [SINGLE])


def test_a_real_account(lightly: Lightly) -> None:
    """At the emulator: waiting, picked up, begun, ended and cancelled runs in one round, each seen as it stands."""
    those = {state: lightly.dataset(state) for state in ("OPEN", "LOCKED", "EMBEDDING", "COMPLETED", "CANCELED")}
    ids = {state: lightly.scheduled(dataset_id) for state, dataset_id in those.items()}
    for state in ("LOCKED", "EMBEDDING", "COMPLETED"):
        lightly.lock(those[state], ids[state])
    lightly.start(those["EMBEDDING"], ids["EMBEDDING"], "EMBEDDING")
    lightly.start(those["COMPLETED"], ids["COMPLETED"], "COMPLETED")
    lightly.call(schedules.cancel_scheduled_run(those["CANCELED"], ids["CANCELED"]))
    told = lightly.play(look_at_all([Watched(those[state], ids[state]) for state in those]))
    assert {key: view.state for key, view in told.views.items()} == {ids[state]: state for state in those}
    assert (told.errors, lightly.count(runs.LIST), lightly.count(schedules.LIST_FOR_WORKERS)) == ({}, 1, 1)


@pytest.mark.parametrize("state", [*get_args(RunState), "POLISHING"])
def test_every_state_of_a_run_is_seen(state: str) -> None:
    """Beside another run, and alone; also a state that is new."""
    states, _, _ = play([ok([a_run(1, state), a_run(2)])], watched(1, 2))
    alone, _, _ = play([ok(a_run(1, state))], watched(1))
    assert states[name(1)] == alone[name(1)] == state


@pytest.mark.parametrize("state", [*get_args(ScheduledState), "POSTPONED"])
def test_every_state_of_a_scheduled_run_is_seen(state: str) -> None:
    """The queue shows OPEN alone; the others are looked at one by one."""
    if state == "OPEN":
        steps = [ok([a_run(2)]), ok([an_entry(1)])]
    else:
        asked_again = [] if state == "CANCELED" else [NOT_STARTED]
        steps = [ok([a_run(2)]), ok([]), NOT_STARTED, ok([an_entry(1, state)]), *asked_again]
    states, _, _ = play([*steps], watched(1, 2))
    assert states == {name(1): state, name(2): "TRAINING"}


def test_a_run_that_lightlyone_does_not_know_is_missing() -> None:
    """No list has it, and neither the run nor the scheduled run is there."""
    states, errors, _ = play([ok([a_run(2)]), ok([]), NOT_STARTED, ok([]), NOT_STARTED], watched(1, 2))
    assert (states[name(1)], errors) == (None, {})


def test_a_run_that_begins_between_the_lists_is_found() -> None:
    """It has left the queue and was not yet in the list."""
    states, _, script = play([ok([a_run(2)]), ok([]), ok(a_run(1))], watched(1, 2))
    assert (states[name(1)], script.trace) == ("TRAINING", [LIST, QUEUE, SINGLE])


def test_other_runs_of_the_account_are_left_out() -> None:
    """Also those without a scheduled run, which somebody has begun by hand."""
    by_hand = a_run(7)
    del by_hand["scheduledId"]
    states, _, _ = play([ok([a_run(9), by_hand, a_run(1)]), ok([an_entry(8), an_entry(2)])], watched(1, 2))
    assert states == {name(1): "TRAINING", name(2): "OPEN"}


def test_labels_are_united() -> None:
    """The queue is asked for as a worker that may take any of these runs."""
    those = [*watched(1, runs_on=("gpu", "big")), *watched(2, runs_on=("gpu",)), *watched(3)]
    _, _, script = play([ok([]), ok([an_entry(1), an_entry(2), an_entry(3)])], those)
    query = script.requests[1].query
    assert [value for key, value in query if key == "labels"] == ["big", "gpu"]
    assert ("includeUnlockableRuns", "True") in query


def test_labels_at_a_real_queue(lightly: Lightly) -> None:
    """The emulator offers a run only to a worker that has all its labels, and the round sees it all the same."""
    dataset_id, other = lightly.dataset("cameras"), lightly.dataset("others")
    config_id = lightly.call(schedules.create_config(CONFIG))
    first = lightly.call(schedules.schedule_run(dataset_id, config_id.id, "MID", ["gpu", "big"])).id
    told = lightly.play(
        look_at_all([Watched(dataset_id, first, ("gpu", "big")), Watched(other, lightly.scheduled(other))])
    )
    assert {view.state for view in told.views.values()} == {"OPEN"}
    assert (len(told.views), len(lightly.operations)) == (2, 2)


def test_further_pages_are_read_while_many_runs_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come in no promised order; with few left, single looks are cheaper than an account's whole past."""
    monkeypatch.setattr(rounds, "PAGE", 10)
    past = [a_run(one) for one in range(100, 110)]
    those = watched(*range(20))
    steps: list[Any] = [ok(past), ok([]), ok([a_run(one) for one in range(10)]), ok([a_run(10), *past[1:]])]
    steps += [ok([a_run(one) for one in range(11, 16)])]  # fewer than a page: the last one
    states, _, script = play([*steps, *[ok(a_run(one)) for one in range(16, 20)]], those)
    assert script.trace == [LIST, QUEUE, LIST, LIST, LIST, *[SINGLE] * 4]
    offsets = [dict(request.query).get("pageOffset") for request in script.requests if request.operation == LIST]
    assert (offsets, len(states)) == (["0", "10", "20", "30"], 20)


def test_a_long_past_is_not_read_for_a_few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that wait are in the queue; whatever the account has done before stays where it is."""
    monkeypatch.setattr(rounds, "PAGE", 10)
    past = [a_run(one) for one in range(100, 110)]
    steps: list[Any] = [ok(past), ok([an_entry(one) for one in range(30)])]
    _, _, script = play(steps, watched(*range(30)))
    assert script.trace == [LIST, QUEUE]


@pytest.mark.parametrize(("count", "size"), [(2, "100"), (300, "600"), (2000, "2500")])
def test_pages_are_as_long_as_they_need_to_be(count: int, size: str) -> None:
    """Two tasks do not read megabytes every half a minute, two thousand need no twenty requests."""
    begun = [ok([a_run(one) for one in range(count)])]
    _, _, script = play(begun, watched(*range(count)))
    assert dict(script.requests[0].query)["pageSize"] == size


def test_runs_that_no_list_shows_have_their_turn() -> None:
    """Five a round; after three rounds each of twelve was seen."""
    seen: set[str] = set()
    for turn in range(3):
        steps: list[Any] = [ok([]), ok([]), *[ok(a_run(0))] * 5]
        states, _, _ = play(steps, watched(*range(12)), turn)
        assert len(states) == 5
        seen |= set(states)
    assert len(seen) == 12


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([NOT_STARTED, no(404, "DATASET_UNKNOWN")], LightlyNotFound),
        ([no(403)], LightlyForbidden),
        ([no(500)] * 5, LightlyServerError),
        ([ok({"id": "broken"})] * 5, LightlyAnswerError),
    ],
    ids=["its dataset is gone", "not allowed", "a record that breaks the service", "a record that cannot be read"],
)
def test_a_single_runs_error_is_its_own(steps: list[Any], kind: type[LightlyError]) -> None:
    """The others are told how they stand, those after it among them."""
    states, errors, _ = play([ok([a_run(1)]), ok([]), *steps, ok(a_run(3))], watched(1, 2, 3))
    assert states == {name(1): "TRAINING", name(3): "TRAINING"}
    assert {key: type(error) for key, error in errors.items()} == {name(2): kind}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ([no(401)], LightlyUnauthorized),
        ([no(403, "JWT_INVALID")], LightlyUnauthorized),
        ([no(429)] * 5, LightlyRateLimited),
        ([lost()] * 5, LightlyError),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_everybodys_trouble_is_raised(count: int, step: list[Any], kind: type[LightlyError]) -> None:
    """A rejected token, in either of its forms, is no single run's fault: the connection has to be read anew."""
    lists: list[Any] = [ok([a_run(1)]), ok([])] if count == 2 else []
    with pytest.raises(kind):
        play([*lists, *step], watched(2) if count == 1 else watched(1, 2))


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize(("step", "kind"), [(no(503), LightlyServerError), (ok("?"), LightlyAnswerError)])
def test_lists_that_cannot_be_had_are_raised(before: int, step: Response, kind: type[LightlyError]) -> None:
    """Nothing is known of anybody then."""
    with pytest.raises(kind):
        play([ok([a_run(1)])] * before + [step] * 5, watched(1, 2))


def test_a_deleted_dataset_concerns_its_own_run(lightly: Lightly) -> None:
    """At the emulator: the other run is seen in the same round."""
    gone, other = lightly.dataset("gone"), lightly.dataset("other")
    those = [Watched(gone, lightly.scheduled(gone)), Watched(other, lightly.scheduled(other))]
    lightly.call(datasets.delete_dataset(gone))
    told = lightly.play(look_at_all(those))
    assert [view.state for view in told.views.values()] == ["OPEN"]
    assert isinstance(told.errors[those[0].scheduled_run_id], LightlyNotFound)


def test_there_are_26_states_to_try() -> None:
    """The table that these tests take their states from is whole."""
    assert (len(get_args(RunState)), len(RUN_STATES), len(get_args(ScheduledState))) == (26, 26, 4)
