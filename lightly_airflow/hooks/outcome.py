"""How a watched run ends for its task: a small result, or an error that says what to do. Operator and sensor share it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypedDict

from lightly_airflow.client.flows.prospects import labels_text, registered
from lightly_airflow.client.flows.results import RunResult, run_result
from lightly_airflow.client.flows.runs import RunView, cancel, look
from lightly_airflow.client.flows.vigil import Vigil
from lightly_airflow.client.flows.watch import watch
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.operations.workers import list_workers
from lightly_airflow.contract.wire import Flow
from lightly_airflow.exceptions import (
    LightlyRunCancelled,
    LightlyRunError,
    LightlyRunFailed,
    LightlyRunNotFound,
    LightlyRunNotPickedUp,
    LightlyRunTimedOut,
)
from lightly_airflow.hooks.lightly import LightlyHook

log = logging.getLogger(__name__)
# Seconds for which faults in a row are waited out: an hour covers a night's maintenance, and a run goes on meanwhile.
WATCH_PATIENCE = 3600.0


class RunSummary(TypedDict):
    """What a task returns of a run: small, of plain JSON, with the same keys in every mode.

    ``counts`` has ``input``, ``corrupt``, ``duplicates`` and ``selected``, as far as the run's report tells them.
    """

    dataset_id: str
    scheduled_run_id: str
    config_id: str | None
    run_id: str | None
    state: str | None
    tag_name: str | None
    counts: dict[str, int]
    link: str


def current(hook: LightlyHook, dataset_id: str, scheduled_run_id: str) -> RunView:
    """How the run stands now."""
    return hook.run(look(dataset_id, scheduled_run_id))


def until_ended(
    dataset_id: str,
    scheduled_run_id: str,
    poll_interval: float,
    pickup_deadline: float | None,
    while_running: Callable[[RunView], None] = lambda _: None,
) -> Flow[RunView]:
    """Waits for a run in a worker, and logs how it comes along.

    :param poll_interval: seconds before each look.
    :param pickup_deadline: when, in seconds since 1970, a run that still waits for a worker is given up; ``None``: never.
    :param while_running: is called after each look that does not end the wait (default: nothing).
    """
    # Airflow itself ends a task that waits in a worker at its execution_timeout.
    vigil = new_vigil(pickup_deadline, None)
    return watch(
        dataset_id, scheduled_run_id, vigil, poll_interval=poll_interval, now=time.time, while_running=while_running
    )


def new_vigil(pickup_deadline: float | None, deadline: float | None, patience: float = WATCH_PATIENCE) -> Vigil:
    """A wait that begins now and tells the task's log how the run comes along; see :class:`Vigil`."""
    return Vigil(time.time(), patience, pickup_deadline, deadline, tell_state, tell_trouble)


def conclude(hook: LightlyHook, view: RunView) -> RunSummary:
    """The summary of a run that ended well; raises the :class:`LightlyRunError` for one that did not."""
    if view.row.outcome == "succeeded" and view.run is not None:
        return summary(hook, view, hook.run(run_result(view.run)))
    raise failure(hook, view)


def summary(
    hook: LightlyHook, view: RunView, result: RunResult | None = None, config_id: str | None = None
) -> RunSummary:
    """A run as its task returns it."""
    result = result or RunResult()
    return {
        "dataset_id": view.dataset_id,
        "scheduled_run_id": view.scheduled_run_id,
        "config_id": view.run.config_id if view.run else config_id,
        "run_id": view.run.id if view.run else None,
        "state": view.state,
        "tag_name": result.tag_name,
        "counts": result.counts,
        "link": hook.settings.run_url(view.scheduled_run_id),
    }


def failure(hook: LightlyHook, view: RunView) -> LightlyRunError:
    """The error that a run's end stands for."""
    where = f"See {hook.settings.run_url(view.scheduled_run_id)}"
    name = f"LightlyOne run {view.run.id if view.run else view.scheduled_run_id} of dataset {view.dataset_id}"
    if view.row.outcome == "cancelled":
        return LightlyRunCancelled(f"{name} was cancelled before a worker picked it up. {where}")
    if view.row.outcome == "missing":
        return LightlyRunNotFound(
            f"LightlyOne does not know the scheduled run {view.scheduled_run_id} of dataset {view.dataset_id} (any more):"
            " was the dataset deleted, or does the connection's token belong to another account?"
        )
    return LightlyRunFailed(f"{name} ended {view.state}: {view.message or 'the worker gave no reason'}. {where}")


def give_up(hook: LightlyHook, view: RunView, cancel_it: bool) -> RunView:
    """Ends the wait for a run that takes too long: raises :class:`LightlyRunTimedOut`.

    :param cancel_it: take it out of the queue, if no worker has begun it.
    :returns: how the run stands, if it has ended after all.
    """
    still = hook.run(cancel(view.dataset_id, view.scheduled_run_id)) if cancel_it else view
    if still is not None and still.row.terminal:
        return still
    told = "it was cancelled" if still is None else f"it goes on ({still}), since LightlyOne's API cannot stop it"
    raise LightlyRunTimedOut(
        f"LightlyOne run {view.scheduled_run_id} had not ended when the task's execution_timeout was over; {told}."
        f" See {hook.settings.run_url(view.scheduled_run_id)}"
    )


def cancel_and_tell(hook: LightlyHook, dataset_id: str, scheduled_run_id: str) -> None:
    """Cancels a run if no worker has begun it, and logs what came of it; never raises for what LightlyOne says."""
    try:
        still = hook.run(cancel(dataset_id, scheduled_run_id))
    except LightlyError as error:
        tell_uncancelled(scheduled_run_id, error)
    else:
        tell_cancelled(scheduled_run_id, still)


def tell_cancelled(scheduled_run_id: str, still: RunView | None) -> None:
    """Logs whether a run was cancelled."""
    told = "cancelled" if still is None else f"cannot be cancelled any more, it goes on: {still}"
    log.info("LightlyOne run %s: %s", scheduled_run_id, told)


def tell_uncancelled(scheduled_run_id: str, error: LightlyError) -> None:
    """Logs why a run could not be cancelled."""
    log.warning("Could not cancel LightlyOne run %s: %s", scheduled_run_id, error)


def give_up_waiting(hook: LightlyHook, view: RunView, waited: float, runs_on: Sequence[str]) -> RunView:
    """Takes a run that no worker wants out of the queue and raises :class:`LightlyRunNotPickedUp` with the likely reason.

    Returns how the run stands if a worker was faster after all.
    """
    still = hook.run(cancel(view.dataset_id, view.scheduled_run_id))
    if still is not None:
        return still
    raise LightlyRunNotPickedUp(
        f"No worker picked up LightlyOne run {view.scheduled_run_id} within {waited:.0f} s, so it was cancelled."
        f" It asks for {labels_text(runs_on)}; {_registered(hook)}. Start a worker with this account's token and these labels,"
        " change runs_on, or raise pickup_timeout."
    )


def _registered(hook: LightlyHook) -> str:
    try:
        found = hook.run(list_workers())
    except LightlyError:
        return "the registered workers could not be listed"
    return registered(found)


def tell_state(view: RunView) -> None:
    """Logs how a run stands; a state that this version does not know is a warning."""
    log.log(logging.INFO if view.known else logging.WARNING, "LightlyOne run %s: %s", view.scheduled_run_id, view)


def tell_nothing(_error: LightlyError) -> None:
    """In the place of :func:`tell_trouble`, where one task waits for several runs: what troubles all is told for one."""


def tell_trouble(error: LightlyError) -> None:
    """Logs a fault that is waited out."""
    log.warning("LightlyOne cannot be asked at the moment, still waiting: %s", error)
