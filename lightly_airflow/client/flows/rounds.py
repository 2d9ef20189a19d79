"""Watching many runs of one account together: a round costs two requests, however many they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

from lightly_airflow.client.flows.runs import RunView, look
from lightly_airflow.contract.errors import (
    LightlyConnectionError,
    LightlyError,
    LightlyRateLimited,
    LightlyUnauthorized,
)
from lightly_airflow.contract.models.runs import ListedRun
from lightly_airflow.contract.operations import runs, schedules
from lightly_airflow.contract.wire import Flow

# A triggerer's event loop reads so many in about 10 ms. LightlyOne's own client asks for more at once.
PAGE = 2500
# Runs that somebody waits for are among the newest; a page has place for as many others, and for those of a small account.
_SMALL_PAGE = 100
# Runs that no list shows are looked at one by one, so many in a round; the others have their turn in the next ones.
SINGLE_LOOKS = 5
# The service's trouble, or the account's. Any other error of a single look, even a 500, may be that run's alone, and must
# not end the wait for others.
_EVERYBODYS = (LightlyConnectionError, LightlyRateLimited, LightlyUnauthorized)


@dataclass(frozen=True, slots=True)
class Watched:
    """One run that somebody waits for.

    :param runs_on: labels that a worker must have to take it.
    """

    dataset_id: str
    scheduled_run_id: str
    runs_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Round:
    """How the runs stand, as far as this round could tell.

    :param views: by the scheduled run's id, those from a list without the run itself; a run that is missing here will be
        told in a later round.
    :param errors: what stood in the way of single runs.
    """

    views: Mapping[str, RunView] = field(default_factory=dict)
    errors: Mapping[str, LightlyError] = field(default_factory=dict)


def look_at_all(watched: Collection[Watched], turn: int = 0) -> Flow[Round]:
    """One round over all runs: the account's newest runs, then the queue for those that no worker has begun.

    :param watched: the runs.
    :param turn: counts the rounds, so that runs that no list shows are looked at in turn.
    :raises LightlyError: LightlyOne cannot be asked; single runs' errors stand in the answer.
    """
    if len(watched) == 1:
        return (yield from _one_by_one(watched))
    wanted = {one.scheduled_run_id: one for one in watched}
    size = min(max(2 * len(wanted), _SMALL_PAGE), PAGE)
    page = yield from runs.list_run_states(size)
    views = dict(_views(page, wanted))
    if missing := _missing(wanted, views):
        views |= yield from _queued(missing)
    if len(page) == size:
        views |= yield from _older(_missing(wanted, views), size)
    told = yield from _one_by_one(_in_turn(list(_missing(wanted, views).values()), turn))
    return Round({**views, **told.views}, told.errors)


def _missing(wanted: Mapping[str, Watched], views: Mapping[str, RunView]) -> dict[str, Watched]:
    return {name: one for name, one in wanted.items() if name not in views}


def _views(page: Sequence[ListedRun], wanted: Mapping[str, Watched]) -> Iterator[tuple[str, RunView]]:
    for run in page:
        one = wanted.get(run.scheduled_id or "")
        if one is not None:
            name = one.scheduled_run_id
            yield name, RunView(one.dataset_id, name, run.state, run.message or "")


def _queued(wanted: Mapping[str, Watched]) -> Flow[dict[str, RunView]]:
    """Those that wait for a worker: the queue, as one that has every label would see it."""
    labels = sorted({label for one in wanted.values() for label in one.runs_on})
    queue = yield from schedules.waiting_runs(labels)
    return {entry.id: RunView(entry.dataset_id, entry.id, entry.state) for entry in queue if entry.id in wanted}


def _older(wanted: Mapping[str, Watched], size: int) -> Flow[dict[str, RunView]]:
    """Further pages, which come in no promised order, while so many runs are missing that this is cheaper than single looks."""
    views: dict[str, RunView] = {}
    for number in count(1):
        if len(wanted) - len(views) <= SINGLE_LOOKS:
            break
        page = yield from runs.list_run_states(size, number * size)
        views |= _views(page, wanted)
        if len(page) < size:
            break
    return views


def _in_turn(unseen: Sequence[Watched], turn: int) -> Iterator[Watched]:
    start = turn * SINGLE_LOOKS % max(len(unseen), 1)
    return islice([*unseen[start:], *unseen[:start]], SINGLE_LOOKS)


def _one_by_one(watched: Iterable[Watched]) -> Flow[Round]:
    views: dict[str, RunView] = {}
    errors: dict[str, LightlyError] = {}
    for one in watched:
        try:
            views[one.scheduled_run_id] = yield from look(one.dataset_id, one.scheduled_run_id)
        except _EVERYBODYS:
            raise
        except LightlyError as error:
            errors[one.scheduled_run_id] = error
    return Round(views, errors)
