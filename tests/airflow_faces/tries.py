"""A program that makes tries of a task, each in a process that can be killed.

Airflow's imports take seconds, so they are made once, here, and each try is forked. A line of JSON on stdin orders a try;
its pid comes back at once, and how it ended as soon as it has. It is reaped only when the next line has come: until then
nobody else can have its pid, and whoever kills it late kills no stranger.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from airflow.sdk.exceptions import AirflowException

from lightly_airflow.contract.errors import LightlyError
from tests.airflow_faces.conftest import TaskInstance
from tests.airflow_faces.run_life import task

LONGEST = 20  # seconds after which a try that waits for what never comes is ended


class FileStore:
    """Airflow's task state store, in a file.

    Airflow keeps it in its database, so it outlives a try that is killed, and a change is there whole or not at all.
    Here a file does both: it is written beside and put in place of the old one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def kept(self) -> dict[str, Any]:
        """All that is remembered."""
        return dict(json.loads(self.path.read_text())) if self.path.exists() else {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def set(self, key: str, value: Any) -> None:
        replace(self.path, {**self.kept, key: value})

    def delete(self, key: str) -> None:
        replace(self.path, {name: value for name, value in self.kept.items() if name != key})


def replace(path: Path, value: Any) -> None:
    """Writes a file so that a reader finds the old one or the new one."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(value))
    beside.replace(path)


def attempt(order: dict[str, Any]) -> None:
    """One try: leaves its result, or what Airflow would retry it for, in the file ``ended``; or dies before it can."""
    os.environ["AIRFLOW_CONN_LIGHTLY_DEFAULT"] = order["connection"]
    folder = Path(order["folder"])
    context = {"ti": TaskInstance(), "task_state_store": FileStore(folder / "kept")}
    told: dict[str, Any]
    try:
        told = {"result": task(order["dataset_id"]).execute(context)}
    except (LightlyError, AirflowException) as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    if "result" in told and order["dies_with_result"]:
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    replace(folder / "ended", told)


def fork(order: dict[str, Any], attempt: Callable[[dict[str, Any]], None]) -> int:
    """Begins a try; its pid."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(LONGEST)
    try:
        attempt(order)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(answers: TextIO, attempt: Callable[[dict[str, Any]], None]) -> None:
    """Makes the tries that are ordered, one at a time."""
    pid = None
    for line in sys.stdin:
        if pid is not None:
            os.waitpid(pid, 0)
        pid = fork(json.loads(line), attempt)
        print(pid, file=answers, flush=True)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        killed = ended is not None and ended.si_code == os.CLD_KILLED and ended.si_status == signal.SIGKILL
        print("killed" if killed else "ended", file=answers, flush=True)


def serve(attempt: Callable[[dict[str, Any]], None]) -> None:
    """The whole program, for one kind of try."""
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Airflow logs goes to stdout, and is no answer
    gc.freeze()  # what is never collected is never copied for a try
    main(own, attempt)


if __name__ == "__main__":
    serve(attempt)
