"""Watching many runs of one account together: a round costs two requests, however many they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from lightly_airflow.client.flows.runs import RunView, look
from lightly_airflow.client.policy import passes
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.operations import runs, schedules
from lightly_airflow.contract.wire import Flow

# As many as LightlyOne's own client asks for at once would take a triggerer's event loop too long to read in one go.
PAGE = 2500
# Runs that no list shows are looked at one by one, so many in a round; the others have their turn in the next ones.
SINGLE_LOOKS = 5


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

    :param views: by the scheduled run's id; a run that is missing here will be told in a later round.
    :param errors: what stood in the way of single runs.
    """

    views: Mapping[str, RunView] = field(default_factory=dict)
    errors: Mapping[str, LightlyError] = field(default_factory=dict)


def look_at_all(watched: Collection[Watched], turn: int = 0) -> Flow[Round]:
    """One round over all runs: their own list, then the queue for those that no worker has begun.

    :param watched: the runs.
    :param turn: counts the rounds, so that runs that no list shows are looked at in turn.
    :raises LightlyError: the lists cannot be had; single runs' errors stand in the answer.
    """
    if len(watched) == 1:
        return (yield from _one_by_one(list(watched)))
    views = yield from _started(watched)
    waiting = [one for one in watched if one.scheduled_run_id not in views]
    if waiting:
        views |= yield from _waiting(waiting)
    unseen = [one for one in waiting if one.scheduled_run_id not in views]
    told = yield from _one_by_one(list(_in_turn(unseen, turn)))
    return Round({**views, **told.views}, told.errors)


def _started(watched: Collection[Watched]) -> Flow[dict[str, RunView]]:
    """The runs that a worker has begun. Pages come in no promised order, so they are read until all are found."""
    wanted = {one.scheduled_run_id: one.dataset_id for one in watched}
    views: dict[str, RunView] = {}
    offset = 0
    while len(views) < len(wanted):
        page = yield from runs.list_runs(PAGE, offset)
        views |= {view.scheduled_run_id: view for view in _views(page, wanted)}
        offset += len(page)
        if len(page) < PAGE:
            break
    return views


def _views(page: Sequence[Run], wanted: Mapping[str, str]) -> Iterator[RunView]:
    for run in page:
        dataset_id = wanted.get(run.scheduled_id or "")
        if dataset_id is not None:
            yield RunView(dataset_id, str(run.scheduled_id), run.state, run.message or "", run)


def _waiting(watched: Collection[Watched]) -> Flow[dict[str, RunView]]:
    """Those that wait for a worker: the queue, as one that has every label would see it."""
    labels = sorted({label for one in watched for label in one.runs_on})
    queue = yield from schedules.waiting_runs(labels)
    wanted = {one.scheduled_run_id for one in watched}
    return {entry.id: RunView(entry.dataset_id, entry.id, entry.state) for entry in queue if entry.id in wanted}


def _in_turn(unseen: Sequence[Watched], turn: int) -> Iterator[Watched]:
    start = turn * SINGLE_LOOKS % max(len(unseen), 1)
    return islice([*unseen[start:], *unseen[:start]], SINGLE_LOOKS)


def _one_by_one(watched: Collection[Watched]) -> Flow[Round]:
    views: dict[str, RunView] = {}
    errors: dict[str, LightlyError] = {}
    for one in watched:
        try:
            views[one.scheduled_run_id] = yield from look(one.dataset_id, one.scheduled_run_id)
        except LightlyError as error:
            if passes(error) or getattr(error, "status", None) == 401:
                raise  # the service's trouble, or the account's: not this run's own
            errors[one.scheduled_run_id] = error
    return Round(views, errors)
