"""Redis and PostgreSQL for Airflow's distributed engine, of Debian's packages, which `make celery` installs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lightly_airflow.demo.processes import child_environment, free_port, running, wait_until

_PATIENCE = 60.0  # seconds to set up a database, or to answer: a busy machine takes several
_USER = "postgres"  # Debian's package makes this user; PostgreSQL refuses to run as root
# Nothing on disk has to outlive the test, and no socket is to lie outside of its directory.
_POSTGRES_OPTIONS = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "unix_socket_directories=",
)  # fmt: skip


@dataclass(frozen=True)
class CeleryServers:
    """Where Airflow finds them.

    :param broker: the URL of Redis.
    :param database: the URL of an empty database in PostgreSQL, for SQLAlchemy.
    """

    broker: str
    database: str


@contextmanager
def celery_servers() -> Iterator[CeleryServers]:
    """Both, running and empty, on free ports; skips the test that asks for them if they are not installed."""
    redis, postgres = shutil.which("redis-server"), _postgres_programs()
    if redis is None or postgres is None:
        missing = "Redis" if redis is None else "PostgreSQL"
        pytest.skip(f"{missing} is not installed: run make celery as root on Debian or Ubuntu")
    with tempfile.TemporaryDirectory(prefix="celery-") as directory:
        home = Path(directory)
        with _redis(redis, home) as broker, _postgres(postgres, home) as database:
            yield CeleryServers(broker, database)


def _postgres_programs() -> Path | None:
    """The directory of the newest PostgreSQL's programs, which Debian keeps off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def _redis(program: str, home: Path) -> Iterator[str]:
    port, log = free_port(), home / "redis.out"
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(home)]
    with running(command, log, child_environment()) as process:
        wait_until(lambda: _listens(port), process, "Redis", log, _PATIENCE)
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _postgres(programs: Path, home: Path) -> Iterator[str]:
    data, port, log = home / "data", free_port(), home / "postgres.out"
    data.mkdir(mode=0o700)
    as_user: list[str] = []
    if os.geteuid() == 0:
        home.chmod(0o755)
        shutil.chown(data, _USER, _USER)
        as_user = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"]
    _set_up([*as_user, str(programs / "initdb"), f"--pgdata={data}"], home)
    options = [part for option in _POSTGRES_OPTIONS for part in ("-c", option)]
    command = [*as_user, str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), *options]
    with running(command, log, child_environment()) as process:
        ready = [str(programs / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}"]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, process, "PostgreSQL", log, _PATIENCE)
        yield f"postgresql+psycopg2://{_USER}@127.0.0.1:{port}/postgres"


def _set_up(initdb: list[str], home: Path) -> None:
    # Nothing but this machine reaches the port: a password would protect nothing.
    command = [*initdb, f"--username={_USER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(
        command, cwd=home, env=child_environment(), capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    if done.returncode:
        raise RuntimeError(f"initdb ended with code {done.returncode}: {done.stderr[:500]}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
