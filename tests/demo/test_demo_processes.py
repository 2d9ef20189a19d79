"""Programs that the demo starts end with it, whatever they have started themselves."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from lightly_airflow.demo.processes import DemoError, child_environment, end, free_port, running, wait_until

# A program that starts another one, which does not care about ctrl-c.
PARENT = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('started', flush=True); time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


STUBBORN = "import signal, time; signal.signal(2, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def has_ended(pid: int) -> bool:
    """Whether a process is gone. Where nobody collects orphans, it stays as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_program_ends_with_its_children(tmp_path: Path) -> None:
    """Behind the block neither the program nor what it started is there."""
    log = tmp_path / "log"
    with running(python(PARENT), log, child_environment()) as process:
        wait_until(lambda: "started" in log.read_text(), process, "The program", log)
        child = next(int(line) for line in log.read_text().splitlines() if line.isdigit())
    deadline = time.monotonic() + 5
    while not has_ended(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert has_ended(process.pid)
    assert has_ended(child)


def test_a_program_that_ignores_ctrl_c_is_ended_hard(tmp_path: Path) -> None:
    """Its patience over, the group is killed."""
    log = tmp_path / "log"
    with running(python(STUBBORN), log, child_environment()) as process:
        wait_until(lambda: log.read_text() != "", process, "The program", log)
        end(process, patience=0.2)
        assert process.returncode == -signal.SIGKILL


def test_ctrl_c_does_not_disturb_the_ending(tmp_path: Path) -> None:
    """A ctrl-c while a program is being ended is held back until it has ended."""
    log = tmp_path / "log"
    with running(python(STUBBORN), log, child_environment()) as process:
        wait_until(lambda: log.read_text() != "", process, "The program", log)
        # A shell starts its background jobs deaf to ctrl-c, and the tests may be one.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            end(process, patience=0.3)
        signal.signal(signal.SIGINT, before)
        assert process.returncode == -signal.SIGKILL


def test_a_program_that_ends_too_early_is_told_with_its_log(tmp_path: Path) -> None:
    """Name, exit code and the end of the log stand in the error."""
    log = tmp_path / "log"
    with (
        running(python("raise SystemExit('no such port')"), log, child_environment()) as process,
        pytest.raises(DemoError, match=r"The server ended with code 1. The end of .*log:\nno such port"),
    ):
        wait_until(lambda: False, process, "The server", log)


def test_a_program_that_is_never_ready_is_told(tmp_path: Path) -> None:
    """After the timeout the error says how long was waited."""
    log = tmp_path / "log"
    with (
        running(python("import time; time.sleep(60)"), log, child_environment()) as process,
        pytest.raises(DemoError, match="The server was not ready within 0 s"),
    ):
        wait_until(lambda: False, process, "The server", log, timeout=0.2)


def test_the_environment_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the user's own Airflow, AWS and LightlyOne stay out; what the demo adds is in."""
    for name in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AWS_PROFILE", "LIGHTLY_TOKEN"):
        monkeypatch.setenv(name, "the user's own")
    env = child_environment(AIRFLOW_HOME="the demo's")
    assert env["AIRFLOW_HOME"] == "the demo's"
    assert "the user's own" not in env.values()
    assert env["PATH"].startswith(str(Path(sys.executable).parent))


def test_free_ports_are_free() -> None:
    """Two that are asked for one after the other are real ports."""
    assert all(1024 <= free_port() < 65536 for _ in range(2))
