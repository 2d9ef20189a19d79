"""What a run tells about itself: its state and its log lines, to LightlyOne and for log.txt."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from lightly_airflow.contract.models.runs import LogCreateEntry, LogLevel
from lightly_airflow.contract.operations import runs
from lightly_airflow.contract.states import RUN_STATES, RunState
from lightly_airflow.contract.wire import Call
from lightly_airflow.emulator.worker.failure import RunAborted

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Api(Protocol):
    """Makes a call and gives its result; raises the call's own errors."""

    def __call__(self, call: Call[T], /) -> T: ...


class Journal:
    """The voice of one run.

    :param api: LightlyOne.
    :param run_id: the run that speaks.
    :param now: the clock, in seconds since 1970.
    :param stopped: whether the worker was told to stop.
    """

    def __init__(self, api: Api, run_id: str, now: Callable[[], float], stopped: Callable[[], bool]) -> None:
        self.run_id, self.started = run_id, now()
        self._api, self._now, self._stopped = api, now, stopped
        self._state: RunState = "STARTED"
        self._lines: list[str] = []
        self._memory: list[str] = []

    def enter(self, state: RunState, message: str | None = None) -> None:
        """Move the run on.

        :param state: its new state.
        :param message: what pollers see beside it; by default the state in plain words.
        :raises RunAborted: the state is not a last one, and the worker was told to stop.
        """
        if not RUN_STATES[state].terminal:
            self.check()
        self._state = state
        # Linux counts it in kilobytes.
        self._memory.append(f"{self._time()} {state} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} kB")
        self._api(runs.update_run(self.run_id, state, message or RUN_STATES[state].says))

    def check(self) -> None:
        """Raise :class:`RunAborted` if the worker was told to stop."""
        if self._stopped():
            raise RunAborted("the worker was stopped while it was at this run")

    def say(self, message: str, level: LogLevel = "INFO") -> None:
        """One line of the run's log, under the state that it is in."""
        group = self._state.lower()
        self._lines.append(f"{self._time()} {level} {group}: {message}")
        _log.info("run %s: %s", self.run_id, message)
        entry = LogCreateEntry(ts=int(self._now() * 1000), level=level, group=group, msg=message, state=self._state)
        self._api(runs.add_logs(self.run_id, [entry]))

    def log_text(self) -> bytes:
        """All lines so far: log.txt."""
        return "".join(f"{line}\n" for line in self._lines).encode()

    def memory_text(self) -> bytes:
        """The largest memory in use so far, state by state: memlog.txt."""
        return "".join(f"{line}\n" for line in self._memory).encode()

    def seconds(self) -> float:
        """The clock."""
        return self._now()

    def _time(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
