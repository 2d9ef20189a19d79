"""Starts programs and ends them again, with everything that they have started themselves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# Seconds between two looks at something that is about to happen.
_LOOK = 0.1
# Seconds to end by oneself: Airflow takes six of them.
_PATIENCE = 20.0
_LOG_LINES = 20
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoError(Exception):
    """Something that the person at the terminal has to know; its text is all that is shown."""


@contextmanager
def running(command: Sequence[str], log: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs as long as the ``with`` block does, in a process group of its own. For the main thread alone.

    :param command: the program and its arguments.
    :param log: the file that gets all its output.
    :param env: its whole environment.
    """
    process = None
    try:
        with log.open("ab") as output, _undisturbed():
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, start_new_session=True
            )
        yield process
    finally:
        if process is not None:
            end(process)


def end(process: subprocess.Popen[bytes], patience: float = _PATIENCE) -> None:
    """Ends a program that leads a process group, and the whole group with it.

    :param patience: seconds before the group is ended hard.
    """
    with _undisturbed():
        # As ctrl-c would: Airflow then ends its parts, while SIGTERM makes it leave them behind.
        with suppress(subprocess.TimeoutExpired):
            process.send_signal(signal.SIGINT)
            process.wait(patience)
        with suppress(ProcessLookupError, PermissionError):  # macOS gives the second where the group is gone
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path, timeout: float = 90.0
) -> None:
    """Waits for a program that was started.

    :param ready: whether it is ready.
    :param timeout: in seconds; 90 by default, which is several times what a slow machine takes.
    :raises DemoError: it ended instead, or took too long; with the end of its log.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        if process.poll() is not None:
            raise DemoError(f"{name} ended with code {process.returncode}. The end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise DemoError(f"{name} was not ready within {timeout:.0f} s. The end of {log}:\n{tail(log)}")
        time.sleep(_LOOK)


def tail(log: Path) -> str:
    """The last lines of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


def free_port() -> int:
    """A port of the loopback address that nothing uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def child_environment(**added: str) -> dict[str, str]:
    """The environment for programs of the demo: this one, without what would lead them elsewhere.

    :param added: variables to set.
    """
    elsewhere = ("AIRFLOW", "AWS_", "LIGHTLY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(elsewhere)}
    # Compiled files halve the time that Airflow takes to start.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    programs = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": programs, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **added}


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Holds ctrl-c and its like back to the end of the block: no program may be lost half started or half ended."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: received.append(number)) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in received:
            signal.raise_signal(got)
