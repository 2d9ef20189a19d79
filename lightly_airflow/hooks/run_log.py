"""A run's own log in the log of the task that waits for it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, Literal

from lightly_airflow.client.flows.run_log import MOST_LINES, NewLines, new_lines
from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.client.policy import Decide, decide, give_up
from lightly_airflow.contract.models.runs import LogEntry
from lightly_airflow.hooks.lightly import LightlyHook

# The task's state store also holds operators.memory.KEY.
KEY = "lightly_run_log"
# How many lines explain a failure: a traceback and what led to it.
LAST_LINES = 100
LEVELS = {
    "VERBOSE": logging.DEBUG,
    "NOTSET": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}
ToldLines = Literal["all", "failure", "none"]

log = logging.getLogger(__name__)
# A logger of its own for LightlyOne's words, so that they can be told from this package's.
run_log = logging.getLogger("lightly_airflow.run")


class RunLog:
    """Tells the lines of a run's log, each with its level, in order. Whatever goes wrong here is no fault of the task.

    How far it came is kept in the task's state store (Airflow 3.3 and later), so that a task that was deferred, retried or
    restarted goes on from there. It is kept after the lines were told: a process that dies in between leaves one batch that
    is told twice, never one that is missing. Without the store, each process begins anew; there, no two wait for one run.

    :param hook: whose run it is.
    :param context: the task's context.
    :param told: ``all`` lines, the last ones after a ``failure``, or ``none``.
    """

    def __init__(self, hook: LightlyHook, context: Any, told: ToldLines) -> None:
        self._hook = hook
        self._told = told
        self._place = _Place(context.get("task_state_store"))

    def while_running(self, view: RunView) -> None:
        """Tells what is new between two looks at the run. A fault is not waited out: the next look tries again."""
        if self._told == "all":
            self._tell(view, MOST_LINES, give_up)

    def at_end(self, view: RunView) -> None:
        """Tells what is new, or the last lines of a failure, before the task ends."""
        failed = view.row.outcome == "failed"
        # Faults are waited out for the reason of a failure alone: a success must not run into the task's timeout here.
        patience = decide if failed else give_up
        if self._told == "all":
            self._tell(view, MOST_LINES, patience)
        elif self._told == "failure" and failed:
            self._tell(view, LAST_LINES, patience)

    def _tell(self, view: RunView, most: int, decide: Decide) -> None:
        if view.run is None:  # nothing is written before a worker has begun
            return
        try:
            self._tell_new(view.run.id, most, decide)
        except Exception as error:  # a store may fail in any way, and the run is none the worse for it
            log.debug("The log of LightlyOne run %s cannot be told: %s", view.run.id, type(error).__name__)

    def _tell_new(self, run_id: str, most: int, decide: Decide) -> None:
        cursor = self._place.of(run_id)
        new = self._hook.run(new_lines(run_id, cursor, most=most, wanted=_shown), decide=decide)
        _tell_lines(run_id, new)
        if new.cursor != cursor:
            self._place.keep(run_id, new.cursor)


class _Place:
    """How far the log of one run was told: here, and in the task's state store if there is one."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._run_id, self._cursor = "", 0

    def of(self, run_id: str) -> int:
        if self._run_id != run_id:
            self._run_id, self._cursor = run_id, self._kept(run_id)
        return self._cursor

    def keep(self, run_id: str, cursor: int) -> None:
        self._run_id, self._cursor = run_id, cursor
        if self._store is not None:
            self._store.set(KEY, {"run_id": run_id, "cursor": cursor})

    def _kept(self, run_id: str) -> int:
        kept = self._store.get(KEY, None) if self._store is not None else None
        return int(kept["cursor"]) if isinstance(kept, dict) and kept.get("run_id") == run_id else 0


def _tell_lines(run_id: str, new: NewLines) -> None:
    if new.error is not None:
        log.debug("The log of LightlyOne run %s cannot be read on: %s", run_id, new.error)
    if new.left_out:
        run_log.info(
            "%s lines of LightlyOne run %s left out; all of them are in LightlyOne", f"{new.left_out:,}", run_id
        )
    for line in new.lines:
        run_log.log(_level(line), "%s", _text(line))


def _shown(line: LogEntry) -> bool:
    """Whether the task's log takes lines of that level: those that it drops must not crowd out the others."""
    return run_log.isEnabledFor(_level(line))


def _level(line: LogEntry) -> int:
    return LEVELS.get(line.level, logging.INFO)


def _text(line: LogEntry) -> str:
    group = f" {line.group}" if line.group else ""
    return f"{_time(line.ts)}{group}: {line.msg}"


def _time(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):  # beyond the calendar; its line is told all the same
        return str(milliseconds)
