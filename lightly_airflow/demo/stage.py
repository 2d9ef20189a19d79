"""Everything that the demo needs, running: an S3 server with pictures, the emulator, Airflow with its connections."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import requests

from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.demo.airflow_process import RunningAirflow, airflow
from lightly_airflow.demo.photos import Picture, upload
from lightly_airflow.demo.processes import child_environment, free_port, running, wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAGS = Path(__file__).parents[2] / "dags"
DAG = "nightly_curation"
DATASET = "city-cameras"
BUCKET = "cameras"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Stage:
    """What runs.

    :param folder: where everything is kept.
    :param pictures: the names of the files in the input datasource.
    """

    folder: Path
    s3: S3Client = field(repr=False)
    lightly: ApiSettings
    airflow: RunningAirflow
    pictures: list[str]


@dataclass(frozen=True)
class Server:
    """A program that serves at ``url``, once it is ready."""

    name: str
    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Returns once it answers; raises :class:`DemoError` if it does not."""
        wait_until(self._answers, self.process, self.name, self.log)

    def _answers(self) -> bool:
        try:
            requests.get(self.url, timeout=5)  # any answer will do
        except requests.RequestException:
            return False
        return True


@contextmanager
def stage(folder: Path, pictures: Iterator[Picture], *, editable: bool = False) -> Iterator[Stage]:
    """Starts everything, and ends everything with the ``with`` block.

    :param folder: emptied first.
    :param pictures: what the bucket is filled with while Airflow starts.
    :param editable: keep the connections in Airflow's database, where its web page shows them and lets them be changed.
        By default they are environment variables: the triggerer's first look into the database takes it six seconds.
    :raises DemoError: one of the programs does not start.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    token = secrets.token_hex(16)
    with ExitStack() as stack:
        s3_server = stack.enter_context(_s3_server(folder))
        emulator = stack.enter_context(_emulator(folder, s3_server.url, token))
        lightly = ApiSettings(token, api_url=emulator.url, app_url=emulator.url)
        client = _s3_client(s3_server.url)
        uploading = stack.enter_context(ThreadPoolExecutor(1)).submit(_upload, s3_server, client, pictures)
        flow = stack.enter_context(_connected_airflow(folder, _connections(lightly, s3_server.url), editable=editable))
        emulator.wait()
        yield Stage(folder, client, lightly, flow, uploading.result())


@contextmanager
def _connected_airflow(
    folder: Path, connections: Mapping[str, Mapping[str, str]], *, editable: bool
) -> Iterator[RunningAirflow]:
    variables = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(one) for name, one in connections.items()}
    settings = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
    with airflow(folder / "airflow", DAGS, settings if editable else {**settings, **variables}) as flow:
        if editable:
            for name, connection in connections.items():
                flow.add_connection(name, connection)
        yield flow


@contextmanager
def _s3_server(folder: Path) -> Iterator[Server]:
    port, log = free_port(), folder / "s3.log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, log, child_environment()) as process:
        yield Server("The S3 server", f"http://127.0.0.1:{port}", log, process)


@contextmanager
def _emulator(folder: Path, s3_url: str, token: str) -> Iterator[Server]:
    port, log = free_port(), folder / "emulator.log"
    options = ["--port", str(port), "--state", str(folder / "lightly.db"), "--poll-seconds", "0.5"]
    env = child_environment(LIGHTLY_TOKEN=token, AWS_ENDPOINT_URL_S3=s3_url)
    with running([sys.executable, "-m", "lightly_airflow.emulator", *options], log, env) as process:
        yield Server("The emulator", f"http://127.0.0.1:{port}", log, process)


def _s3_client(url: str) -> S3Client:
    key = secrets.token_hex(8)  # moto's server takes any
    client: S3Client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=key, region_name="us-east-1"
    )
    return client


def _upload(server: Server, client: S3Client, pictures: Iterator[Picture]) -> list[str]:
    server.wait()
    return upload(pictures, client, BUCKET)


def _connections(lightly: ApiSettings, s3_url: str) -> dict[str, dict[str, str]]:
    """The three connections that the DAG names. Real access keys would differ in their rights."""
    store = {"conn_type": "aws", "extra": json.dumps({"region_name": REGION, "endpoint_url": s3_url})}
    return {
        "lightly_default": {"conn_type": "lightly", "host": lightly.api_url, "password": lightly.token},
        "cameras_read": {**store, **_access_key()},
        "cameras_write": {**store, **_access_key()},
    }


def _access_key() -> dict[str, str]:
    return {"login": f"AKIA{secrets.token_hex(8).upper()}", "password": secrets.token_hex(20)}
