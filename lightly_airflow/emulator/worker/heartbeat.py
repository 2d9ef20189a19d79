"""Tells LightlyOne every few seconds that the worker is alive, whatever the worker is doing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from lightly_airflow.contract.models.workers import WorkerState

# LightlyOne's interval is not published; the emulator counts a worker as gone after a minute of silence.
_SECONDS = 15.0


class Heartbeat:
    """A thread that repeats the worker's state: IDLE, or BUSY within :meth:`busy`, and OFFLINE once at the end.

    :param tell: sends a state; must not raise.
    """

    def __init__(self, tell: Callable[[WorkerState], None]) -> None:
        self._tell = tell
        self._state: WorkerState = "IDLE"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._tell(self._state)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._tell("OFFLINE")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """BUSY for as long as the block lasts."""
        self._show("BUSY")
        try:
            yield
        finally:
            self._show("IDLE")

    def _show(self, state: WorkerState) -> None:
        self._state = state
        self._tell(state)

    def _repeat(self) -> None:
        while not self._over.wait(_SECONDS):
            self._tell(self._state)
