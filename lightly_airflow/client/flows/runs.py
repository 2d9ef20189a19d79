"""Scheduling a run once, looking how it stands, and cancelling it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import get_args

from lightly_airflow.client.policy import may_be_under_way, may_have_happened
from lightly_airflow.contract.errors import LightlyApiError, LightlyError, LightlyNotFound
from lightly_airflow.contract.models.runs import Priority, Run, ScheduledRun
from lightly_airflow.contract.models.worker_config import RunConfig
from lightly_airflow.contract.operations import runs, schedules
from lightly_airflow.contract.states import ScheduledState, StateRow, is_known, meaning
from lightly_airflow.contract.wire import Flow, Pause

MAX_TRIES = 4
# Seconds before each look for what a request that timed out may yet do: a minute in all, before it is made again.
UNDER_WAY = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
ALL_SCHEDULED_STATES: tuple[ScheduledState, ...] = get_args(ScheduledState)


@dataclass(frozen=True, slots=True)
class RunView:
    """How a scheduled run stands.

    :param state: LightlyOne's own word: the run's state, else the scheduled run's; ``None`` if it knows neither.
    :param message: the worker's message, if there is one.
    :param run: the run, once a worker has started it.
    """

    dataset_id: str
    scheduled_run_id: str
    state: str | None
    message: str = ""
    # Two views are the same while state and message are: a worker touches its run all the time.
    run: Run | None = field(default=None, compare=False)

    @property
    def row(self) -> StateRow:
        return meaning(self.state)

    @property
    def known(self) -> bool:
        """Whether this version knows the state."""
        return self.state is None or is_known(self.state)

    def __str__(self) -> str:
        name = self.state or "NOT FOUND"
        says = "" if name.lower() == self.row.says else f" ({self.row.says})"
        return f"{name}{says}: {self.message}" if self.message else f"{name}{says}"


def create_config(config: RunConfig) -> Flow[str]:
    """The id of a new worker config. A lost response is simply asked for again: an unused config costs nothing."""
    for attempt in count():
        try:
            return (yield from schedules.create_config(config)).id
        except LightlyError as error:
            if not may_have_happened(error) or attempt + 1 == MAX_TRIES:
                raise
        yield from Pause(2.0**attempt)
    raise AssertionError("count() does not end")


def ensure_scheduled(
    dataset_id: str, config_id: str, priority: Priority, runs_on: Sequence[str], *, fresh: bool
) -> Flow[str]:
    """The id of the one scheduled run of a config; the config's id is the idempotency key that the API does not have.

    :param dataset_id: the dataset to process.
    :param config_id: a config that nothing else uses.
    :param priority: place in the queue.
    :param runs_on: labels that a worker must have.
    :param fresh: the config was made just now, so that nothing can have been scheduled with it.
    """
    waits: Sequence[float] = () if fresh else (0.0,)
    for attempt in count():
        found = yield from _look_for(dataset_id, config_id, waits)
        if found is not None:
            return found
        try:
            return (yield from schedules.schedule_run(dataset_id, config_id, priority, runs_on)).id
        except LightlyError as error:
            if not may_have_happened(error) or attempt + 1 == MAX_TRIES:
                raise
            waits = UNDER_WAY if may_be_under_way(error) else (2.0**attempt,)
    raise AssertionError("count() does not end")


def _look_for(dataset_id: str, config_id: str, waits: Sequence[float]) -> Flow[str | None]:
    """:func:`find_scheduled` after each wait, until there is something to find."""
    for seconds in waits:
        if seconds:
            yield from Pause(seconds)
        found = yield from find_scheduled(dataset_id, config_id)
        if found is not None:
            return found
    return None


def find_scheduled(dataset_id: str, config_id: str) -> Flow[str | None]:
    """The id of the scheduled run with that config: among the dataset's scheduled runs, else among its runs."""
    queue = yield from schedules.scheduled_runs(dataset_id, ALL_SCHEDULED_STATES)
    for entry in queue:
        if entry.config_id == config_id:
            return entry.id
    started = yield from runs.runs_of_dataset(dataset_id)
    return next((run.scheduled_id for run in started if run.config_id == config_id), None)


def look(dataset_id: str, scheduled_run_id: str) -> Flow[RunView]:
    """How a scheduled run stands now. Only a real 404 counts as "not there": any other error is raised."""
    run = yield from _run_of(scheduled_run_id)
    if run is None:
        entry = yield from _scheduled(dataset_id, scheduled_run_id)
        if entry is not None and entry.state in ("OPEN", "CANCELED"):
            return RunView(dataset_id, scheduled_run_id, entry.state)
        # A worker may have started, and even ended, the run between the two answers.
        run = yield from _run_of(scheduled_run_id)
        if run is None:
            return RunView(dataset_id, scheduled_run_id, entry.state if entry else None)
    return RunView(dataset_id, scheduled_run_id, run.state, run.message or "", run)


def cancel(dataset_id: str, scheduled_run_id: str) -> Flow[RunView | None]:
    """Cancels a scheduled run that no worker has picked up: ``None`` on success, else how the run stands instead.

    LightlyOne's API cannot stop a run that a worker has begun.
    """
    try:
        yield from schedules.cancel_scheduled_run(dataset_id, scheduled_run_id)
    except LightlyApiError as error:
        if error.status >= 500 or error.status in (401, 403, 429):
            raise
        view = yield from look(dataset_id, scheduled_run_id)
        return None if view.row.outcome == "cancelled" else view
    return None


def _run_of(scheduled_run_id: str) -> Flow[Run | None]:
    try:
        return (yield from runs.run_of_schedule(scheduled_run_id))
    except LightlyNotFound:
        return None


def _scheduled(dataset_id: str, scheduled_run_id: str) -> Flow[ScheduledRun | None]:
    queue = yield from schedules.scheduled_runs(dataset_id, ALL_SCHEDULED_STATES)
    return next((entry for entry in queue if entry.id == scheduled_run_id), None)
