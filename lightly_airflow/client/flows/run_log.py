"""Reading the lines that a run has added to its log."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.runs import LogEntry
from lightly_airflow.contract.operations import runs
from lightly_airflow.contract.wire import Flow

# A page of Airflow's log view; what is beyond it is better read at LightlyOne.
MOST_LINES = 1000
# Ends a reading where the lines never do; LightlyOne says nowhere how long a page is.
MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class NewLines:
    """The lines that were read.

    :param lines: in the log's order; the newest, where there were more than were asked for.
    :param cursor: where the next reading begins.
    :param left_out: how many lines before these were read and left out.
    :param error: what ended the reading early, if anything did.
    """

    lines: Sequence[LogEntry]
    cursor: int
    left_out: int = 0
    error: LightlyError | None = None


def new_lines(
    run_id: str, cursor: int = 0, *, most: int = MOST_LINES, wanted: Callable[[LogEntry], bool] = lambda _: True
) -> Flow[NewLines]:
    """The lines of a run's log from the cursor on; an error ends the reading, it is not raised.

    Holds two pages at most, and the lines it hands on, however long the log is.

    :param run_id: the run, as a worker has made it.
    :param cursor: where an earlier reading ended (default 0: the log's beginning).
    :param most: how many lines are handed on at most (default 1,000).
    :param wanted: which lines count (default: all).
    """
    tail = _Tail(most, wanted)
    error = None
    try:
        for _ in range(MOST_PAGES):
            cursor, more = yield from _page(run_id, cursor, tail)
            if not more:
                break
    except LightlyError as caught:
        error = caught
    return NewLines(list(tail.lines), cursor, tail.seen - len(tail.lines), error)


class _Tail:
    """The newest of the wanted lines, and how many there were."""

    def __init__(self, most: int, wanted: Callable[[LogEntry], bool]) -> None:
        self.lines: deque[LogEntry] = deque(maxlen=most)
        self.seen = 0
        self._wanted = wanted

    def take(self, lines: Iterable[LogEntry]) -> None:
        for line in filter(self._wanted, lines):
            self.lines.append(line)
            self.seen += 1


def _page(run_id: str, cursor: int, tail: _Tail) -> Flow[tuple[int, bool]]:
    """Reads one page into the tail; returns where it ends, and whether another may follow."""
    page = yield from runs.get_logs(run_id, cursor)
    tail.take(page.logs)
    if page.cursor > cursor:
        return page.cursor, bool(page.logs)
    # The API allows an answer without a cursor. Its lines are counted, so that they are not read again.
    return cursor + len(page.logs), False
