"""One real Airflow for all end-to-end tests, with connections in its database, an emulator process and storage servers."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from lightly_airflow.demo.airflow_process import RunningAirflow, airflow
from lightly_airflow.demo.processes import child_environment, running
from tests.azurite_server import Azurite
from tests.end_to_end.cloud_secrets import Planted, planted_azure, planted_google, planted_roles
from tests.gcs_server import GcsServer
from tests.pictures import pictures
from tests.s3_server import S3Server

HERE = Path(__file__).parent
DAGS = (HERE.parents[1] / "dags" / "nightly_curation.py", *sorted((HERE / "dags").glob("*.py")))
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
    """Everything that runs.

    :param secrets: name -> secret, of every connection.
    :param clouds: whose secrets are planted; Azure is among them where Azurite is installed.
    """

    home: Path
    airflow: RunningAirflow
    emulator_url: str
    s3: S3Server
    secrets: dict[str, str]
    clouds: list[str]

    def worker(self) -> Any:
        """A worker process on the emulator's state file, for a ``with`` statement."""
        options = ["--worker-only", "--state", str(self.home / "lightly.db"), "--poll-seconds", "0.3"]
        command = [sys.executable, "-m", "lightly_airflow.emulator", *options]
        return running(command, self.home / "worker.log", emulator_environment(self.s3))


def emulator_environment(s3: S3Server) -> dict[str, str]:
    return child_environment(LIGHTLY_TOKEN=SECRETS["token"], AWS_ENDPOINT_URL_S3=s3.url)


@pytest.fixture(scope="session")
def installed_azurite(request: pytest.FixtureRequest) -> Azurite | None:
    try:
        return cast("Azurite", request.getfixturevalue("running_azurite"))
    except pytest.skip.Exception:
        return None


@pytest.fixture(scope="session")
def planted(running_s3: S3Server, running_gcs: GcsServer, installed_azurite: Azurite | None) -> dict[str, Planted]:
    """Each cloud's connections and their secrets; what they lead to is there."""
    running_s3.reset()
    running_s3.put("cameras", "lightly/", b"")
    for name, content in pictures().items():
        running_s3.put("cameras", f"input/{name}", content)
    azure = {"azure": planted_azure(installed_azurite)} if installed_azurite else {}
    return {"google": planted_google(running_gcs), "roles": planted_roles(running_s3), **azure}


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, running_s3: S3Server, planted: dict[str, Planted]
) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("stack")
    dags = home / "dags"
    dags.mkdir()
    for dag in DAGS:
        shutil.copy(dag, dags)
    log = home / "emulator.log"
    options = ["--port", "0", "--no-worker", "--state", str(home / "lightly.db"), "--log-level", "DEBUG"]
    command = [sys.executable, "-m", "lightly_airflow.emulator", *options]
    # At DEBUG, HTTP libraries log the URLs that they ask for.
    env = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG", "AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
    environment = emulator_environment(running_s3)
    for cloud in planted.values():
        environment |= cloud.environment
    with running(command, log, environment), airflow(home / "airflow", dags, env) as started:
        url = log.read_text().splitlines()[0]
        found = connections(url, running_s3.url)
        secrets = dict(SECRETS)
        for cloud in planted.values():
            found |= cloud.connections
            secrets |= cloud.secrets
        for name, connection in found.items():
            started.add_connection(name, connection)
        yield Stack(home, started, url, running_s3, secrets, list(planted))


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
