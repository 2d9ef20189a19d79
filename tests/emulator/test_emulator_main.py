"""``python -m lightly_airflow.emulator``."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from lightly_airflow.emulator.__main__ import main

COMMAND = [sys.executable, "-m", "lightly_airflow.emulator"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The emulator as a process, and its first line."""
    environment = {**os.environ, "LIGHTLY_TOKEN": "dev"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def create(url: str, name: str) -> int:
    return requests.post(f"{url}/v1/datasets?token=dev", json={"name": name}, timeout=10).status_code


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_first_and_ends_on_a_signal(ending: signal.Signals, tmp_path: Path) -> None:
    """The first line is an address that answers at once; a signal ends it with 0; the next one finds the state."""
    state = str(tmp_path / "state.db")
    for status in (201, 409):
        with running("--port", "0", "--no-worker", "--state", state) as (process, url):
            assert url.startswith("http://127.0.0.1:")
            assert create(url, "kept") == status
            process.send_signal(ending)
            _, errors = process.communicate(timeout=15)
        assert process.returncode == 0
        assert "Traceback" not in errors
        assert "token" not in errors


def workers(url: str) -> list[tuple[str, list[str], str]]:
    told = requests.get(f"{url}/v1/docker/worker?token=dev", timeout=10).json()
    return [(one["name"], one["labels"], one["state"]) for one in told]


def test_a_worker_in_a_process_of_its_own_shares_the_state(tmp_path: Path) -> None:
    """The API sees it come, and go when it is ended."""
    state = str(tmp_path / "state.db")
    command = [*COMMAND, "--worker-only", "--state", state, "--token", "dev", "--name", "far-worker", "--labels", "a,b"]
    with running("--port", "0", "--no-worker", "--state", state) as (_, url):
        with subprocess.Popen(command) as worker:
            deadline = time.monotonic() + 15
            while workers(url) != [("far-worker", ["a", "b"], "IDLE")] and time.monotonic() < deadline:
                time.sleep(0.05)
            assert workers(url) == [("far-worker", ["a", "b"], "IDLE")]
            worker.terminate()
        assert worker.returncode == 0
        assert workers(url) == [("far-worker", ["a", "b"], "OFFLINE")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--token", ""], "no token"),
        (["--token", "dev", "--worker-only"], "--worker-only needs --state"),
        (["--token", "dev", "--worker-only", "--no-worker", "--state", "x"], "not allowed with"),
        (["--token", "dev", "--port", "70000"], "between 0 and 65535"),
        (["--token", "dev", "--poll-seconds", "0"], "above 0"),
        (["--token", "dev", "--name", "a.b"], "three or more letters"),
    ],
)
def test_bad_arguments_are_answered_in_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and the last line says what to do."""
    monkeypatch.delenv("LIGHTLY_TOKEN", raising=False)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("fault", ["port", "file", "key"])
def test_what_cannot_start_says_why(fault: str, tmp_path: Path) -> None:
    """A taken port, a file that is no state file and one whose key is no key end it with 1 and one line."""
    state = tmp_path / "state.db"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if fault == "port" else 0
        state.write_text("no database" * 100 if fault == "file" else "")
        if fault == "key":
            Path(f"{state}.key").write_text("no key")
        command = [*COMMAND, "--token", "dev", "--no-worker", "--port", str(port), "--state", str(state)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("cannot start: ")
    assert len(ended.stderr.splitlines()) == 1


def test_help_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """Every option says what it does."""
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for option in ("--port", "--host", "--token", "--state", "--no-worker", "--worker-only", "--labels", "--name"):
        assert option in told
