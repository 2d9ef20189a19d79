"""A real Airflow in a directory of its own: scheduler, DAG processor, triggerer and API server on SQLite."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import requests

from lightly_airflow.demo.processes import DemoError, child_environment, free_port, running, wait_until

_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
_LOOK = 0.3
_REQUEST_SECONDS = 30


@dataclass(frozen=True)
class RunningAirflow:
    """An Airflow that answers, and its REST API (https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html).

    :param url: of the API and the web pages. Nobody has to log in.
    :param home: its directory: database, configuration, logs.
    """

    url: str
    home: Path
    _session: requests.Session = field(repr=False)

    def add_connection(self, connection_id: str, connection: Mapping[str, Any]) -> None:
        """Stores a connection in Airflow's database.

        :param connection: ``conn_type``, ``host``, ``login``, ``password``, ``extra`` (JSON text) and so on.
        """
        self._ask("POST", "connections", json={"connection_id": connection_id, **connection})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, timeout: float = 60.0) -> str:
        """Starts a run of a DAG, once Airflow has read the DAG; returns the run's id.

        :param conf: what the run is given; the DAG's params take their values from it.
        :param timeout: seconds to wait for the DAG; 60 by default.
        :raises DemoError: the DAG is not there, or cannot be imported; with Airflow's own words.
        """
        deadline = time.monotonic() + timeout
        while self._get(f"dags/{dag_id}").status_code == requests.codes.not_found:
            if errors := self._ask("GET", "importErrors")["import_errors"]:
                raise DemoError(f"Airflow cannot import {errors[0]['filename']}:\n{errors[0]['stack_trace']}")
            if time.monotonic() > deadline:
                raise DemoError(f"Airflow found no DAG {dag_id!r} within {timeout:.0f} s.")
            time.sleep(_LOOK)
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self._ask("POST", f"dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """A DAG run: ``state`` and more."""
        return cast("dict[str, Any]", self._ask("GET", f"dags/{dag_id}/dagRuns/{run_id}"))

    def wait(self, dag_id: str, run_id: str, timeout: float = 120.0) -> dict[str, Any]:
        """Waits until a DAG run has ended.

        :param timeout: in seconds; 120 by default.
        :raises DemoError: it has not ended by then.
        """
        deadline = time.monotonic() + timeout
        while (run := self.dag_run(dag_id, run_id))["state"] not in ("success", "failed"):
            if time.monotonic() > deadline:
                raise DemoError(f"{dag_id} {run_id} is still {run['state']} after {timeout:.0f} s.")
            time.sleep(_LOOK)
        return run

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The tasks of a DAG run: ``task_id``, ``state``, ``try_number`` and more."""
        found = self._ask("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")
        return cast("list[dict[str, Any]]", found["task_instances"])

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """The log of one try of a task, a line an event; what the triggerer logged for it is in it."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self._ask("GET", path, params={"full_content": "true", "map_index": map_index})["content"]
        return "\n".join(_log_line(entry) for entry in content)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """What a task has left for others; ``None`` where it has left nothing."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}?map_index={map_index}"
        answer = self._get(path)
        return answer.json()["value"] if answer.ok else None

    def healthy(self) -> bool:
        """Whether every part of Airflow is up."""
        try:
            health = self._get("monitor/health").json()
        except requests.RequestException:
            return False
        return all((health.get(part) or {}).get("status") == "healthy" for part in _PARTS)

    def log_in(self) -> None:
        """Fetches the token that all other requests need; Airflow gives it to everybody on this machine."""
        answer = self._session.get(f"{self.url}/auth/token", timeout=_REQUEST_SECONDS)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _get(self, path: str) -> requests.Response:
        return self._session.get(f"{self.url}/api/v2/{path}", timeout=_REQUEST_SECONDS)

    def _ask(self, method: str, path: str, **told: Any) -> Any:
        answer = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=_REQUEST_SECONDS, **told)
        if not answer.ok:
            raise DemoError(f"Airflow refused {method} {path} with {answer.status_code}: {answer.text}")
        return answer.json()


@contextmanager
def airflow(home: Path, dags_folder: Path, env: Mapping[str, str] | None = None) -> Iterator[RunningAirflow]:
    """A running Airflow; the ``with`` block begins once all its parts are up, and ends them.

    :param home: an empty directory for everything that Airflow writes.
    :param dags_folder: the DAG files.
    :param env: environment variables to add, such as ``AIRFLOW_CONN_...`` or other settings (default: none).
    :raises DemoError: Airflow does not start.
    """
    port, log = free_port(), home / "airflow.log"
    home.mkdir(parents=True, exist_ok=True)
    settings = child_environment(**{**settings_for(home, dags_folder, port), **(env or {})})
    with (
        running([sys.executable, "-m", "airflow", "standalone"], log, settings) as process,
        requests.Session() as session,
    ):
        session.trust_env = False  # a proxy of the environment's is of no use on the loopback address
        found = RunningAirflow(f"http://127.0.0.1:{port}", home, session)
        wait_until(found.healthy, process, "Airflow", log)
        found.log_in()
        yield found


def settings_for(home: Path, dags_folder: Path, port: int) -> dict[str, str]:
    """The environment variables of an Airflow in that directory, whose API server listens on that port."""
    url = f"http://127.0.0.1:{port}"
    settings = {
        "CORE__DAGS_FOLDER": str(dags_folder.resolve()),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__PARALLELISM": "4",
        # Airflow's own five minutes are for the night. On a busy machine its scheduler may take a task that was deferred
        # for a few seconds only for one that has failed; the retry then finds the run that exists.
        "CORE__DEFAULT_TASK_RETRY_DELAY": "3",
        # A nightly DAG would begin with the night that has passed, and the run that is asked for would have to wait.
        "SCHEDULER__USE_JOB_SCHEDULE": "False",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        # Several parts start at once; left to themselves, each of them may make up a secret of its own.
        "API__SECRET_KEY": secrets.token_urlsafe(32),
        "API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }
    return {"AIRFLOW_HOME": str(home.resolve()), **{f"AIRFLOW__{name}": value for name, value in settings.items()}}


def _log_line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    error = "".join(f" {one['exc_type']}: {one['exc_value']}" for one in entry.get("error_detail") or [])
    return f"{str(entry.get('level') or 'info').upper():8} {entry['event']}{error}"
