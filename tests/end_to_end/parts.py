"""A real Airflow whose parts are processes of their own, so that a test can kill one hard and start another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import requests

from lightly_airflow.demo.airflow_process import RunningAirflow, settings_for
from lightly_airflow.demo.processes import child_environment, free_port, running, wait_until

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
# So that a part that is gone is missed soon; Airflow's own half a minute is for machines that are busier still.
IMPATIENT = {
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
}


class Parts:
    """The processes of one Airflow.

    :param env: variables of their environment, besides the settings.
    """

    def __init__(self, home: Path, dags: Path, env: Mapping[str, str]) -> None:
        self.home = home
        self.port = free_port()
        self._env = child_environment(**settings_for(home, dags, self.port), **IMPATIENT, **env)
        self._stack = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True)
        log = self.home / "migrate.log"
        with log.open("wb") as output:
            subprocess.run(self._command("db", "migrate"), env=self._env, stdout=output, stderr=output, check=True)
        for part in PARTS:
            self.start(part)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, part: str) -> None:
        self._processes[part] = self._stack.enter_context(running(self._command(part), self.log(part), self._env))

    def kill(self, part: str) -> None:
        """As a power failure would: with everything that it has started, and without a word."""
        process = self._processes.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart(self, part: str, **changed: str) -> None:
        """Kills a part and starts it anew.

        :param changed: variables of the environment that have other values from now on.
        """
        self.kill(part)
        self._env |= changed
        self.start(part)

    def log(self, part: str) -> Path:
        return self.home / f"{part}.log"

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Until everything is up."""
        process = self._processes["api-server"]
        wait_until(ready, process, what, self.log("api-server"), timeout=180)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]


class Api(RunningAirflow):
    """Its API, with what only these tests want of it."""

    def states(self, dag_id: str, run_id: str) -> list[str | None]:
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found = self._ask("GET", path, params={"limit": 100})["task_instances"]
        return [one["state"] for one in found if one["task_id"] == "curate"]

    def wait_for(self, dag_id: str, run_id: str, state: str, count: int) -> None:
        """Until so many tasks are in that state; the test's own timeout ends it."""
        while self.states(dag_id, run_id).count(state) < count:
            time.sleep(0.5)

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """As a user does on the web page."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._ask("PATCH", path, json={"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """As a user does on the web page."""
        body = {"dag_run_id": run_id, "task_ids": [task_id], "only_failed": False, "dry_run": False}
        self._ask("POST", f"dags/{dag_id}/clearTaskInstances", json=body)

    def change_connection(self, connection_id: str, conn_type: str = "lightly", **changed: Any) -> None:
        body = {"connection_id": connection_id, "conn_type": conn_type, **changed}
        self._ask("PATCH", f"connections/{connection_id}", json=body, params={"update_mask": [*changed]})


@contextmanager
def airflow_in_parts(home: Path, dags: Path, env: Mapping[str, str] | None = None) -> Iterator[tuple[Parts, Api]]:
    """A running Airflow; ends with the block.

    :param env: variables to add to its environment; default: none.
    """
    with Parts(home, dags, env or {}) as parts, requests.Session() as session:
        session.trust_env = False
        api = Api(f"http://127.0.0.1:{parts.port}", home, session)
        parts.wait_until(api.healthy, "Airflow")
        api.log_in()
        yield parts, api
