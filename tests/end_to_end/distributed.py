"""Airflow's distributed engine on one machine: each part a process of its own, two Celery workers, Redis and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import requests

from lightly_airflow.demo.airflow_process import RunningAirflow, settings_for
from lightly_airflow.demo.processes import DemoError, child_environment, free_port, running, tail, wait_until
from tests.celery_servers import CeleryServers

WORKERS = ("worker-one", "worker-two")
# Both would serve their logs at the same port; they lie in one directory, where the API server finds them.
_CELERY = ("celery", "worker", "--skip-serve-logs", "--celery-hostname")
# In the order in which they are waited for: the API server tells how the other parts of Airflow are, but for workers.
_PARTS = {
    **{name: (*_CELERY, name) for name in WORKERS},
    **{name: (name,) for name in ("scheduler", "triggerer", "dag-processor", "api-server")},
}
_LOOK = 0.2
_PARTING = 20.0  # seconds to end by itself: a Celery worker waits for its tasks
_PATIENCE = 180.0  # seconds to start: six programs at once, each of which takes a core for seconds


class Part:
    """A part of Airflow with all the processes that it has started.

    Tasks' processes lead groups of their own, but stay in the session that the part leads, whoever their parent is by then.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def pids(self) -> set[int]:
        """Its processes that are alive."""
        return {one.pid for one in psutil.process_iter() if _session(one) == self.process.pid}

    def kill(self) -> None:
        """Ends all of it without a warning, as the loss of its machine would: kill -9 for each process by its id."""
        while pids := self.pids():  # until none is left, since some may just start others
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_LOOK)


def _session(process: psutil.Process) -> int | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getsid(process.pid)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return None


@dataclass(frozen=True)
class Distributed:
    """What runs: Airflow, and its workers."""

    airflow: RunningAirflow
    workers: list[Part]


@contextmanager
def distributed_airflow(home: Path, dags_folder: Path, servers: CeleryServers) -> Iterator[Distributed]:
    """A running Airflow with two Celery workers of four slots each; the block begins once its parts are up.

    :param home: an empty directory for everything that Airflow writes.
    :param dags_folder: the DAG files.
    """
    port = free_port()
    home.mkdir(parents=True, exist_ok=True)
    env = child_environment(**settings_for(home, dags_folder, port) | _settings(servers))
    _migrate(home / "migrate.out", env)
    with requests.Session() as session, ExitStack() as programs:
        parts = {name: _start(programs, home / f"{name}.out", env, *command) for name, command in _PARTS.items()}
        programs.callback(_ask_to_end, list(parts.values()))
        session.trust_env = False  # a proxy of the environment's is of no use on the loopback address
        found = RunningAirflow(f"http://127.0.0.1:{port}", home, session)
        for name, part in parts.items():
            log = home / f"{name}.out"
            ready = partial(_takes_tasks, name, log) if name in WORKERS else found.healthy
            wait_until(ready, part.process, name, log, _PATIENCE)
        found.log_in()
        yield Distributed(found, [parts[name] for name in WORKERS])


def _settings(servers: CeleryServers) -> dict[str, str]:
    settings = {
        "CORE__EXECUTOR": "CeleryExecutor",
        "CORE__PARALLELISM": "16",
        "DATABASE__SQL_ALCHEMY_CONN": servers.database,
        "CELERY__BROKER_URL": servers.broker,
        "CELERY__WORKER_CONCURRENCY": "4",
        # A task that is lost is to be noticed in half a minute instead of five, and no task that lives on a busy machine.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "3",
    }
    return {f"AIRFLOW__{name}": value for name, value in settings.items()}


def _migrate(log: Path, env: dict[str, str]) -> None:
    with running([sys.executable, "-m", "airflow", "db", "migrate"], log, env) as process:
        if process.wait(_PATIENCE):
            raise DemoError(f"airflow db migrate ended with code {process.returncode}. The end of {log}:\n{tail(log)}")


def _start(programs: ExitStack, log: Path, env: dict[str, str], *command: str) -> Part:
    part = Part(programs.enter_context(running([sys.executable, "-m", "airflow", *command], log, env)))
    programs.callback(part.kill)  # what a part in trouble leaves behind
    return part


def _takes_tasks(name: str, log: Path) -> bool:
    return f"{name} ready" in log.read_text(errors="replace")


def _ask_to_end(parts: list[Part]) -> None:
    """All at once, since each takes seconds."""
    for part in parts:
        part.process.send_signal(signal.SIGINT)
    for part in parts:
        with suppress(subprocess.TimeoutExpired):
            part.process.wait(_PARTING)
