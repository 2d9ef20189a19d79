"""One real Airflow for all end-to-end tests, with connections in its database, an emulator process and an S3 server."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.demo.airflow_process import RunningAirflow, airflow
from lightly_airflow.demo.processes import child_environment, running
from tests.pictures import pictures
from tests.s3_server import S3Server

HERE = Path(__file__).parent
DAGS = (HERE.parents[1] / "dags" / "nightly_curation.py", HERE / "dags" / "what_goes_wrong.py")
# Each with characters that a URL changes, so that its quoted form is another one to look for.
SECRETS = {
    "token": "canary-token/+&=7f3a",
    "wrong token": "canary-wrong-token/+&=9c1b",
    "secret key": "canary/secret+key=5d2e",
    "wrong secret key": "canary/wrong+secret=1a6f",
    "session": "canary/session+token=8e4d",
    "proxy password": "canary-proxy-8b7c",
}
# Access key ids are half a secret and belong into no log either.
KEY_IDS = {"key id": "AKIACANARYKEYID00001", "wrong key id": "AKIACANARYKEYID00002"}


@dataclass(frozen=True)
class Stack:
    """Everything that runs."""

    home: Path
    airflow: RunningAirflow
    emulator_url: str
    s3: S3Server

    def worker(self) -> Any:
        """A worker process on the emulator's state file, for a ``with`` statement."""
        options = ["--worker-only", "--state", str(self.home / "lightly.db"), "--poll-seconds", "0.3"]
        command = [sys.executable, "-m", "lightly_airflow.emulator", *options]
        return running(command, self.home / "worker.log", emulator_environment(self.s3))


def emulator_environment(s3: S3Server) -> dict[str, str]:
    return child_environment(LIGHTLY_TOKEN=SECRETS["token"], AWS_ENDPOINT_URL_S3=s3.url)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, running_s3: S3Server) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("stack")
    dags = home / "dags"
    dags.mkdir()
    for dag in DAGS:
        shutil.copy(dag, dags)
    running_s3.reset()
    running_s3.put("cameras", "lightly/", b"")
    for name, content in pictures().items():
        running_s3.put("cameras", f"input/{name}", content)
    log = home / "emulator.log"
    options = ["--port", "0", "--no-worker", "--state", str(home / "lightly.db"), "--log-level", "DEBUG"]
    command = [sys.executable, "-m", "lightly_airflow.emulator", *options]
    # At DEBUG, HTTP libraries log the URLs that they ask for.
    env = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG", "AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
    with running(command, log, emulator_environment(running_s3)), airflow(home / "airflow", dags, env) as started:
        url = log.read_text().splitlines()[0]
        for name, connection in connections(url, running_s3.url).items():
            started.add_connection(name, connection)
        yield Stack(home, started, url, running_s3)


def connections(emulator_url: str, s3_url: str) -> dict[str, dict[str, Any]]:
    """In the database, not in the environment: Airflow reads and masks them another way there."""

    def aws(key_id: str, secret: str, **extra: str) -> dict[str, Any]:
        told = json.dumps({"region_name": "eu-central-1", "endpoint_url": s3_url, **extra})
        return {"conn_type": "aws", "login": key_id, "password": secret, "extra": told}

    def lightly(token: str, url: str, **extra: str) -> dict[str, Any]:
        return {"conn_type": "lightly", "host": url, "password": token, "extra": json.dumps(extra)}

    good = aws(KEY_IDS["key id"], SECRETS["secret key"])
    dead_proxy = f"http://user:{SECRETS['proxy password']}@127.0.0.1:9"
    return {
        "lightly_default": lightly(SECRETS["token"], emulator_url),
        "lightly_wrong_token": lightly(SECRETS["wrong token"], emulator_url),
        "lightly_unreachable": lightly(SECRETS["token"], "http://127.0.0.1:9", proxy=dead_proxy),
        "cameras_read": good,
        "cameras_write": good,
        "cameras_wrong": {
            **aws(KEY_IDS["wrong key id"], SECRETS["wrong secret key"], region_name="eu-west-1"),
            "extra": json.dumps({"region_name": "eu-west-1"}),
        },
        "cameras_temporary": aws(KEY_IDS["key id"], SECRETS["secret key"], aws_session_token=SECRETS["session"]),
    }
