"""How a watched run ends for its task: a small result, or an error that says what to do. Operator and sensor share it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypedDict

from lightly_airflow.client.flows.results import RunResult, run_result
from lightly_airflow.client.flows.runs import RunView, cancel, look, watch
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.operations.workers import list_workers
from lightly_airflow.contract.wire import Flow
from lightly_airflow.exceptions import (
    LightlyRunCancelled,
    LightlyRunError,
    LightlyRunFailed,
    LightlyRunNotFound,
    LightlyRunNotPickedUp,
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
    """Waits for a run, in a worker or in the triggerer, and logs how it comes along.

    :param poll_interval: seconds before each look.
    :param pickup_deadline: when, in seconds since 1970, a run that still waits for a worker is given up; ``None``: never.
    :param while_running: is called after each look that does not end the wait (default: nothing).
    """
    return watch(
        dataset_id,
        scheduled_run_id,
        poll_interval=poll_interval,
        patience=WATCH_PATIENCE,
        pickup_deadline=pickup_deadline,
        now=time.time,
        tell=tell_state,
        tell_trouble=tell_trouble,
        while_running=while_running,
    )


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


def give_up_waiting(hook: LightlyHook, view: RunView, waited: float, runs_on: Sequence[str]) -> RunView:
    """Takes a run that no worker wants out of the queue and raises :class:`LightlyRunNotPickedUp` with the likely reason.

    Returns how the run stands if a worker was faster after all.
    """
    still = hook.run(cancel(view.dataset_id, view.scheduled_run_id))
    if still is not None:
        return still
    labels = f"labels {', '.join(runs_on)}" if runs_on else "no labels"
    raise LightlyRunNotPickedUp(
        f"No worker picked up LightlyOne run {view.scheduled_run_id} within {waited:.0f} s, so it was cancelled."
        f" It asks for {labels}; {_registered(hook)}. Start a worker with this account's token and these labels,"
        " change runs_on, or raise pickup_timeout."
    )


def _registered(hook: LightlyHook) -> str:
    try:
        found = hook.run(list_workers())
    except LightlyError:
        return "the registered workers could not be listed"
    told = [f"{one.name} is {one.state} with {_labels(one.labels)}" for one in found]
    return "; ".join(told) if told else "no worker is registered"


def _labels(labels: Sequence[str]) -> str:
    return f"labels {', '.join(labels)}" if labels else "no labels"


def tell_state(view: RunView) -> None:
    """Logs how a run stands; a state that this version does not know is a warning."""
    log.log(logging.INFO if view.known else logging.WARNING, "LightlyOne run %s: %s", view.scheduled_run_id, view)


def tell_trouble(error: LightlyError) -> None:
    """Logs a fault that is waited out."""
    log.warning("LightlyOne cannot be asked at the moment, still waiting: %s", error)
