"""A night of a DAG on this machine: a real bucket, LightlyOne's emulator with its worker, Airflow in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from airflow.dag_processing.dagbag import DagBag
from airflow.utils import db
from moto.server import ThreadedMotoServer
from PIL import Image

from lightly_airflow.contract.operations import datasets, runs
from lightly_airflow.testing import LightlyEmulator

DAG_FILE = Path("dags/nightly_curation.py")
KEYS: dict[str, Any] = {
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
    "region_name": "eu-central-1",
}
pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own, while it sets up its database


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """s3://cameras with two images, and the DAG's two connections to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")  # the emulator's worker looks there
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)  # moto keeps buckets as long as the process
    bucket = boto3.resource("s3", **KEYS).Bucket("cameras")
    bucket.create(CreateBucketConfiguration={"LocationConstraint": KEYS["region_name"]})
    bucket.put_object(Key="lightly/")
    for colour in ("red", "blue"):
        bucket.put_object(Key=f"input/{colour}.png", Body=picture(colour))
    for name in ("READ", "WRITE"):
        monkeypatch.setenv(f"AIRFLOW_CONN_CAMERAS_{name}", json.dumps({"conn_type": "aws", "extra": KEYS}))
    yield
    server.stop()


@pytest.mark.timeout(120)
def test_a_night(lightly_emulator: LightlyEmulator, cameras: None) -> None:
    """The DAG succeeds, and LightlyOne has one completed run, which selected one of the two images."""
    db.initdb()
    dag = DagBag(DAG_FILE, bundle_name="dags-folder").dags["nightly_curation"]
    finished = dag.test(run_conf={"n_samples": 1, "poll_interval": 1})
    assert finished.state == "success"
    (dataset,) = lightly_emulator.call(datasets.datasets_named("city-cameras"))
    (run,) = lightly_emulator.call(runs.runs_of_dataset(dataset.id))
    assert (run.state, run.message) == ("COMPLETED", "selected 1 of 2 images")
