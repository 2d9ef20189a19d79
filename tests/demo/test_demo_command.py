"""``make demo`` as a whole: a real Airflow, a real S3 server, the emulator; and nothing of it afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from lightly_airflow.demo.photos import PHOTOGRAPHS

DEMO = [sys.executable, "-m", "lightly_airflow.demo"]
# Airflow takes most of it: about 40 s on two cores.
pytestmark = pytest.mark.timeout(180)


def start(folder: Path, mark: str, *options: str) -> subprocess.Popen[str]:
    env = {**os.environ, "DEMO_MARK": mark, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [*DEMO, *options], cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def left_running(mark: str) -> list[Path]:
    """Processes that were started with the mark in their environment, on systems that tell."""
    return [process.parent for process in Path("/proc").glob("[0-9]*/environ") if mark in _read(process)]


def _read(environment: Path) -> str:
    try:
        return environment.read_text(errors="replace")
    except OSError:  # it has ended, or is another user's
        return ""


@pytest.mark.slow
def test_the_demo_curates_its_photographs(tmp_path: Path) -> None:
    """One of each photograph is selected, the results are kept as files, and nothing is left running."""
    mark = uuid.uuid4().hex
    with start(tmp_path, mark) as demo:
        told, _ = demo.communicate()
    assert demo.returncode == 0, told
    assert "Of each photograph one was taken" in told
    assert "broken/cut-off.jpg: corrupt" in told
    assert "deferred" in told
    results = tmp_path / ".demo" / "cameras" / "lightly" / ".lightly"
    assert len(list(results.glob("thumbnails/*/*_thumb.jpg"))) == len(PHOTOGRAPHS)
    assert next(results.glob("runs/*/report.pdf")).read_bytes().startswith(b"%PDF")
    assert (tmp_path / ".demo" / "page.html").read_text().count('src="data:image') == len(PHOTOGRAPHS)
    assert left_running(mark) == []


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """Interrupted while Airflow starts, the demo ends what it has started so far."""
    mark = uuid.uuid4().hex
    with start(tmp_path, mark) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline().startswith("Starting")
        while len(left_running(mark)) < 4 and Path("/proc").exists():
            assert demo.poll() is None
            time.sleep(0.02)
        demo.send_signal(signal.SIGINT)
        demo.communicate()
    assert demo.returncode == 130
    assert left_running(mark) == []


def test_a_missing_folder_is_told_at_once(tmp_path: Path) -> None:
    """Before anything is started, in one sentence, with exit code 1."""
    with start(tmp_path, "", "--input", "nowhere") as demo:
        told, _ = demo.communicate()
    assert demo.returncode == 1
    assert told == "INPUT=nowhere is no folder: name one that holds images.\n"
