"""What a thousand waiting tasks cost one triggerer, beside the dbt Cloud provider, whose triggers poll each by itself, and
beside as many tasks that only sleep: what they take is the machine's and Python's own.

Each way is a fresh process with one event loop, against a server in a process of its own. Run by ``make bench``: prints a
table, then each goal and whether it was reached.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.waiting_probe import INTERVAL, Found
from tests.benchmarks.waiting_server import RUNS

SECONDS = 60
# Some of the runs end while they are measured, spread over the time, the last ones with time enough to be seen.
ENDING = 40
WAYS = {"lightly": "LightlyRunTrigger", "dbt": "DbtCloudRunJobTrigger", "asleep": "asyncio.sleep"}


@dataclass(frozen=True)
class Figure:
    """What one way took.

    :param requests: in one poll interval.
    :param seen: seconds from each run's end to its event.
    """

    found: Found
    requests: float
    seen: list[float]

    @property
    def cpu(self) -> float:
        """Seconds a minute."""
        return self.found.cpu * 60 / self.found.seconds


class Child:
    """A process that is spoken to line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ask(self, line: str) -> Any:
        self.say(line)
        return json.loads(self.line())

    def wait(self) -> None:
        if self._process.wait() != 0:
            raise SystemExit(f"a measurement failed with code {self._process.returncode}")


@contextmanager
def child(*command: str, log: Path | None = None) -> Iterator[Child]:
    """A process of this benchmark; ends with the block."""
    environment = {**os.environ, "WAITING": str(RUNS), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    with (log or Path(os.devnull)).open("w") as told:
        output, error = (told, told) if log else (subprocess.PIPE, None)
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.PIPE, stdout=output, stderr=error, text=True, env=environment,
        )  # fmt: skip
        try:
            yield Child(process)
        finally:
            process.kill()
            process.communicate()


def measure(way: str, folder: Path) -> Figure:
    result = folder / f"{way}.json"
    with (
        child("tests.benchmarks.waiting_server") as server,
        child(f"{__package__}.waiting_probe", way, server.line(), str(result), log=folder / f"{way}.log") as probe,
    ):
        time.sleep(4 * INTERVAL)  # all have begun, and have been looked at
        server.ask("count")
        probe.say("begin")
        ended = dict(_end_some(server))
        time.sleep(3 * INTERVAL)
        requests = server.ask("count")
        probe.say("end")
        probe.wait()
    found = Found(**json.loads(result.read_text()))
    seen = [found.events.get(str(number), float("inf")) - when for number, when in ended.items()]  # type: ignore[call-overload]
    return Figure(found, requests * INTERVAL / found.seconds, seen)


def _end_some(server: Child) -> Iterator[tuple[int, float]]:
    for number in range(ENDING):
        time.sleep((SECONDS - 3 * INTERVAL) / ENDING)
        # Not the first ones, which all began together with the loop.
        yield number * RUNS // ENDING + 7, server.ask(f"end {number * RUNS // ENDING + 7}")


def table(figures: dict[str, Figure]) -> Table:
    shown = Table(title=f"{RUNS:,} tasks wait in one triggerer, poll interval {INTERVAL:g} s, {SECONDS} s")
    shown.add_column("")
    for way in figures:
        shown.add_column(WAYS[way], justify="right")
    rows: dict[str, Any] = {
        "requests a round": lambda one: f"{one.requests:,.1f}",
        "CPU seconds a minute": lambda one: f"{one.cpu:.2f}",
        "peak memory": lambda one: f"{one.found.mebibytes:,.0f} MiB",
        "longest work of the event loop in one go": lambda one: f"{one.found.work * 1000:.0f} ms",
        "the same while the tasks begin": lambda one: f"{one.found.start_work * 1000:.0f} ms",
        "longest garbage collection of the process": lambda one: f"{one.found.collection * 1000:.0f} ms",
        "loading the trigger, once": lambda one: f"{one.found.loading * 1000:.0f} ms",
        "longest time in which it did not look for news": lambda one: f"{one.found.block * 1000:.0f} ms",
        "from a run's end to its event, median": lambda one: _seen(sorted(one.seen)[ENDING // 2]),
        "from a run's end to its event, longest": lambda one: _seen(max(one.seen)),
    }
    for name, text in rows.items():
        shown.add_row(name, *[text(one) for one in figures.values()])
    return shown


def _seen(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < float("inf") else "-"


def goals(ours: Figure, theirs: Figure) -> dict[str, bool]:
    """Each goal, and whether it was reached. What holds the loop up is counted in CPU time of the triggers' own: a busy
    machine holds up everybody, and so does Python's garbage collection."""
    work = max(ours.found.work, ours.found.start_work)
    return {
        f"two requests a round or fewer ({ours.requests:.1f}), where that provider makes {theirs.requests:,.0f}": (
            ours.requests <= 2
        ),
        f"a twentieth of its CPU or less (1/{theirs.cpu / ours.cpu:.0f})": ours.cpu * 20 <= theirs.cpu,
        f"no work of more than 50 ms holds up the event loop ({work * 1000:.0f} ms)": work <= 0.05,
        f"an end is seen within one interval and 2 s ({max(ours.seen):.1f} s)": max(ours.seen) <= INTERVAL + 2,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = {way: measure(way, Path(folder)) for way in WAYS}
    console = Console(width=120)
    console.print(table(figures))
    for goal, reached in goals(figures["lightly"], figures["dbt"]).items():
        console.print(f"{'reached' if reached else 'NOT REACHED'}: {goal}")


if __name__ == "__main__":
    main()
