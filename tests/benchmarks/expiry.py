"""What it costs to find out when a bucket's inputs expire, beside boto3's bare paginator and a HEAD of each object.

Each measurement is a fresh interpreter, in turns, so that a busy machine is unkind to all; the server is a process of its
own. Run by ``make bench``: prints a table, then each goal and whether it was reached.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.expiry_rules import RULES

MILLION, LARGE, SMALL = 1_000_000, 100_000, 10_000
# Server, milliseconds before each answer, objects, ways in the order of their turns.
TURNS = [
    ("canned", 0, SMALL, ["survey", "paginator"] * 3),
    ("canned", 0, LARGE, ["survey", "paginator"] * 3 + ["heads"]),
    ("canned", 0, MILLION, ["survey", "paginator", "survey", "survey"]),
    ("canned", 30, SMALL, ["survey", "paginator"] * 3),
    ("canned", 30, LARGE, ["survey", "paginator"] * 3 + ["heads"]),
    ("canned", 30, MILLION, ["survey"]),
    ("moto", 0, SMALL, ["survey", "paginator", "heads"]),
]
Key = tuple[str, int, int, str]  # server, latency, objects, way


@dataclass(frozen=True)
class Figure:
    """What one way took for one bucket: the medians of its runs.

    :param objects: of the bucket; of ``heads`` the sample.
    :param requests: by kind.
    """

    objects: int
    seconds: float
    cpu: float
    mebibytes: float
    requests: dict[str, int]
    runs: int
    note: str = ""

    @property
    def speed(self) -> float:
        return self.objects / self.seconds

    def scaled(self, objects: int, requests: dict[str, int]) -> Figure:
        """The same for more objects, if each takes as long as these did."""
        by, note = objects / self.objects, f", scaled from {self.objects:,}"
        return Figure(objects, self.seconds * by, self.cpu * by, self.mebibytes, requests, self.runs, note)


class Server:
    """A server of buckets, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self._line()

    def requests(self) -> dict[str, int]:
        """The requests since the last question, by kind."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        counted: dict[str, int] = json.loads(self._line())
        return counted

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def serving(kind: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "tests.benchmarks.expiry_server", kind]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:  # leaving closes its input, which ends it
        yield Server(process)


def measure(server: Server, way: str, bucket: str) -> tuple[dict[str, Any], dict[str, int]]:
    command = [sys.executable, "-m", "tests.benchmarks.expiry_probe", way, server.url, bucket]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout), server.requests()


def figure(runs: list[tuple[dict[str, Any], dict[str, int]]]) -> Figure:
    told, requests = [one for one, _ in runs], runs[-1][1]
    middle = {name: statistics.median(one[name] for one in told) for name in ("seconds", "cpu", "mebibytes")}
    return Figure(told[0]["objects"], **middle, requests=requests, runs=len(runs))


def all_figures(say: Callable[[str], None]) -> dict[Key, Figure]:
    found: dict[Key, list[tuple[dict[str, Any], dict[str, int]]]] = {}
    for kind in ("canned", "moto"):
        with serving(kind) as server:
            for _, latency, count, ways in (turn for turn in TURNS if turn[0] == kind):
                say(f"{kind}, {count:,} objects, {latency} ms ...")
                for way in ways:
                    runs = found.setdefault((kind, latency, count, way), [])
                    runs.append(measure(server, way, f"{count}-{latency}ms"))
    return with_scaled({key: figure(runs) for key, runs in found.items()})


def with_scaled(figures: dict[Key, Figure]) -> dict[Key, Figure]:
    """Adds what was left out because it takes minutes or hours, and says so."""
    listed = {"LIST": figures["canned", 0, MILLION, "paginator"].requests["LIST"]}
    figures["canned", 30, MILLION, "paginator"] = figures["canned", 30, LARGE, "paginator"].scaled(MILLION, listed)
    for kind, latency, count, way in [key for key in figures if key[3] == "heads"]:
        sample, objects = figures.pop((kind, latency, count, way)), MILLION if kind == "canned" else count
        # Who asks for each object has to list them first.
        requests = {**figures[kind, latency, objects, "paginator"].requests, "HEAD": objects}
        figures[kind, latency, objects, way] = sample.scaled(objects, requests)
    return figures


def table(figures: dict[Key, Figure]) -> Table:
    made = Table(title=f"When do the inputs expire? {len(RULES)} rules, none by tags")
    for name in ("server", "objects", "way", "runs", "objects/s", "s", "CPU s", "MiB", "LIST", "rules", "HEAD"):
        made.add_column(name, justify="left" if name in ("server", "way") else "right")
    for (kind, latency, count, way), one in sorted(
        figures.items(), key=lambda item: (*item[0][:3], item[0][3] != "survey")
    ):
        asked = [f"{one.requests.get(name, 0):,}" for name in ("LIST", "GET lifecycle", "HEAD")]
        told = [f"{one.speed:,.0f}", f"{one.seconds:,.2f}", f"{one.cpu:,.2f}", f"{one.mebibytes:.0f}"]
        made.add_row(f"{kind} {latency} ms", f"{count:,}", way + one.note, str(one.runs), *told, *asked)
    return made


def goals(figures: dict[Key, Figure]) -> Iterator[tuple[str, bool, str]]:
    """Each goal, whether it was reached, and what was measured; where there are several buckets, the worst."""
    pairs = {key[:3]: (one, figures[(*key[:3], "paginator")]) for key, one in figures.items() if key[3] == "survey"}
    # Of ten thousand objects, starting the clients is most of the time; and moto itself takes longer than whoever asks it.
    large = {key: pair for key, pair in pairs.items() if key[0] == "canned" and key[2] > SMALL}
    more = max(ours.requests["LIST"] - theirs.requests["LIST"] for ours, theirs in pairs.values())
    yield "no more LIST requests than the paginator", more <= 0, f"{more:+}"
    for latency, goal in ((0, 8), (30, 2)):
        ratio = min(ours.speed / theirs.speed for key, (ours, theirs) in large.items() if key[1] == latency)
        yield f"{goal} times its objects a second at {latency} ms", ratio >= goal, f"{ratio:.1f} times"
    share = max(ours.cpu / theirs.cpu for ours, theirs in large.values())
    yield "a tenth of its CPU", share <= 0.1, f"{share:.3f} of it"
    peak = max(ours.mebibytes for (_, _, count), (ours, _) in large.items() if count == MILLION)
    yield "a million objects in less than 100 MiB above the start", peak < 100, f"{peak:.0f} MiB"
    asked = max(ours.requests.get("HEAD", 0) for ours, _ in pairs.values())
    yield "no HEAD without rules that depend on tags", asked == 0, str(asked)
    growth = pairs["canned", 0, MILLION][0].speed / pairs["canned", 0, LARGE][0].speed
    yield "a million at 0.8 of the speed of a hundred thousand at least", growth >= 0.8, f"{growth:.2f} of it"


def main() -> None:
    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)
    with console.status("Measuring ...") as status:
        figures = all_figures(status.update)
    console.print(table(figures))
    for goal, reached, measured in goals(figures):
        console.print(f"{'reached' if reached else 'NOT REACHED'}: {goal}: {measured}")


if __name__ == "__main__":
    main()
