"""Tries of a task that are killed, and what Airflow makes of it: it retries them, and runs their triggers again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightly_airflow.testing import Exchange, Fault, Faults

PROCESSES = 60  # far more than any life in these tests needs


class Tries:
    """The process that forks tries, and the one that is under way.

    :param log: the file of what it and they log.
    :param module: the program.
    """

    def __init__(self, log: Path, module: str) -> None:
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


@contextmanager
def forked_tries(folder: Path, module: str = "tests.airflow_faces.tries") -> Iterator[Tries]:
    """The process that forks tries; ends with the block."""
    running = Tries(folder / "log", module)
    try:
        yield running
    finally:
        running.close()


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


@dataclass
class Life:
    """A task as Airflow leads it to its result: whatever ends a try without one, the next begins with ``execute``.

    :param tries: makes the processes.
    :param faults: the way to LightlyOne.
    :param folder: what the processes leave, and what Airflow keeps for them.
    :param deferrable: whether the task waits in the triggerer.
    :param alone: whether its trigger polls by itself, as on Airflow 3.2.
    :param dies_with: ``result`` and ``deferred``: a try dies once with it at hand, before Airflow has heard of it.
    :param fires_twice: the triggerer dies when its event is stored: the row is run again, and the task resumed again.
    :param begins: is told each step before its process: ``execute``, ``trigger``, ``resume``.
    """

    tries: Tries
    faults: Faults
    folder: Path
    dataset_id: str
    deferrable: bool = False
    alone: bool = False
    dies_with: tuple[str, ...] = ()
    fires_twice: bool = False
    begins: Callable[[str], None] = lambda _: None
    told: list[str] = field(default_factory=list)

    def result(self) -> Any:
        """The task's result; each process must leave something, or have been killed."""
        while True:
            left = self._process("execute")
            while "deferred" in left:
                left = self._resumed(left["deferred"])
            if "result" in left:
                return left["result"]

    def _resumed(self, row: dict[str, Any]) -> dict[str, Any]:
        left = self._process("resume", row=row, event=self._event(row))
        if self.fires_twice:
            self.fires_twice = False
            first, left = left, self._process("resume", row=row, event=self._event(row))
            assert not ("result" in first and "result" in left) or first == left
        return left

    def _event(self, row: dict[str, Any]) -> Any:
        """A triggerer that dies leaves the row to another one."""
        while True:
            left = self._process("trigger", row=row)
            if "event" in left:
                return left["event"]

    def _process(self, step: str, **more: Any) -> dict[str, Any]:
        """What a process leaves: nothing if it was killed."""
        assert len(self.told) < PROCESSES, f"not done after {PROCESSES} processes: {self.told}"
        self.begins(step)
        order: dict[str, Any] = {
            "connection": self.faults.connection,
            "folder": str(self.folder),
            "dataset_id": self.dataset_id,
        }
        order |= {"deferrable": self.deferrable, "alone": self.alone, "dies_with": self.dies_with, "step": step}
        how, ended = self.tries.run({**order, **more}), self.folder / "ended"
        left = dict(json.loads(ended.read_text())) if ended.exists() else {}
        ended.unlink(missing_ok=True)
        self.told.append(f"{step}: {left['error'] if 'error' in left else next(iter(left), how)}")
        assert left or how == "killed", f"a process has left nothing: {self.told}; see {self.tries.log}"
        return left
