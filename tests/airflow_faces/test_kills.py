"""LightlyScheduleRunOperator in processes that are killed at any moment: one run, and the right answer."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.testing import Exchange, Fault, LightlyEmulator, emulator, every_kind, faulty
from tests.airflow_faces.conftest import PlayedWorker, ready_dataset
from tests.airflow_faces.run_life import check, working

SEEDS = range(250)
TRIES = 40  # far more than any of these seeds needs
# No life of a run has fewer requests, whatever befalls it: one config, one schedule, six looks, three for the result.
SHORTEST_LIFE = 11


class Tries:
    """The process that forks tries, and the one that is under way.

    :param log: the file of what it and they log.
    :param module: the program.
    """

    def __init__(self, log: Path, module: str = "tests.airflow_faces.tries") -> None:
        self.log = log
        program = [sys.executable, "-m", module]
        root = Path(__file__).parents[2]
        with log.open("w") as stderr:
            self._process = subprocess.Popen(program, stdin=-1, stdout=-1, stderr=stderr, text=True, cwd=root)
        self._begun = threading.Condition()
        self._pid: int | None = None

    def run(self, order: dict[str, Any]) -> str:
        """Makes a try; says whether it was killed or has ended."""
        print(json.dumps(order), file=self._process.stdin, flush=True)
        self._now(int(self._line()))
        ended = self._line()
        self._now(None)
        return ended

    def pid(self) -> int:
        """The try under way; to be asked by whoever has its request, which may come before its pid."""
        with self._begun:
            assert self._begun.wait_for(lambda: self._pid is not None, timeout=10)
            assert self._pid is not None
            return self._pid

    def kill(self, pid: int) -> None:
        """Kills a try, if it has not ended."""
        with self._begun:
            if self._pid == pid:
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends the process; no try is under way any more, unless the test has failed."""
        self._process.communicate(timeout=10)

    def _now(self, pid: int | None) -> None:
        with self._begun:
            self._pid = pid
            self._begun.notify_all()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def killed_before(tries: Tries) -> Fault:
    """The request has come, and is not passed on."""
    return Fault("killed before the effect", lambda _: tries.kill(tries.pid()))


def killed_after(tries: Tries) -> Fault:
    """The request has taken effect, and is not answered."""

    def act(exchange: Exchange) -> None:
        pid = tries.pid()
        exchange.pass_on()
        tries.kill(pid)

    return Fault("killed after the effect", act)


def killed_later(tries: Tries, seconds: float) -> Fault:
    """The request is answered, and what comes next is cut off somewhere."""

    def act(exchange: Exchange) -> None:
        pid = tries.pid()
        exchange.answer(exchange.pass_on())
        exchange.wait(seconds)
        tries.kill(pid)

    return Fault(f"killed {seconds * 1000:.1f} ms after the answer", act)


@pytest.fixture(scope="module")
def api() -> Iterator[LightlyEmulator]:
    with emulator() as running:
        yield running


@pytest.fixture(scope="module")
def tries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tries]:
    running = Tries(tmp_path_factory.mktemp("tries") / "log")
    yield running
    running.close()


def until_done(tries: Tries, order: dict[str, Any]) -> tuple[Any, list[str]]:
    """The task's result, and what became of each try, as Airflow would retry it."""
    ended, told = Path(order["folder"]) / "ended", []
    for _ in range(TRIES):
        told.append(tries.run(order))
        order["dies_with_result"] &= not (Path(order["folder"]) / "died").exists()
        if ended.exists():
            found = json.loads(ended.read_text())
            ended.unlink()
            if "result" in found:
                return found["result"], told
            told[-1] = found["error"]
        assert told[-1] != "ended", f"a try has neither result nor error: {told}; see {tries.log}"
    raise AssertionError(f"not done after {TRIES} tries: {told}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment(api: LightlyEmulator, tries: Tries, tmp_path: Path, seed: int) -> None:
    """However often the task is killed, and whatever else goes wrong: one run, and the whole result."""
    chance = random.Random(seed)
    kills = [killed_before(tries), killed_after(tries), killed_later(tries, chance.uniform(0, 0.01))]
    dataset_id = ready_dataset(api, f"cameras {seed}")
    with faulty(api) as faults:
        faults.on("*", chance.choice(kills), after=chance.randrange(SHORTEST_LIFE))
        more = faults.random(seed, chance.uniform(0, 0.3), [*kills, *every_kind()])
        order: dict[str, Any] = {"connection": faults.connection, "folder": str(tmp_path), "dataset_id": dataset_id}
        order["dies_with_result"] = chance.random() < 0.2
        try:
            with working(faults, PlayedWorker(api), dataset_id):
                result, told = until_done(tries, order)
            print(told)
        finally:
            print(more, *faults.requests, sep="\n")
    check(api, dataset_id, result)
