"""What an author or operator of Airflow gets to read when something outside the DAG is wrong: whole messages.

Mistakes in the DAG itself stand in the tests of each operator.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConnectionError, LightlyUnauthorized
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations import datasets, runs
from lightly_airflow.exceptions import LightlyPermissionError, LightlyRunFailed
from lightly_airflow.operators import (
    LightlyCreateDatasetOperator,
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)
from lightly_airflow.testing import LightlyEmulator
from tests.s3_server import S3Server

PURPOSES: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {
        "conn_type": "aws",
        "login": "AKIAKEY",
        "password": "secret",
        "extra": {"region_name": "eu-central-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))


def dataset_on(api: LightlyEmulator, context: dict[str, Any], bucket: str) -> str:
    dataset_id = api.call(datasets.create_dataset("cameras", "Images")).id
    for purpose in PURPOSES:
        LightlySetDatasourceOperator(
            task_id="t",
            dataset_id=dataset_id,
            resource_path=f"s3://{bucket}/{purpose.lower()}/",
            datasource_conn_id="cameras",
            purpose=purpose,
            preflight=False,  # what LightlyOne itself says is looked at here
        ).execute(context)
    return dataset_id


def verify(dataset_id: str, context: dict[str, Any]) -> str:
    with pytest.raises(LightlyPermissionError) as caught:
        LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset_id).execute(context)
    # The probe has a name of its own each time.
    return re.sub(r"access-check-[0-9a-f]+", "access-check", str(caught.value))


def curate(dataset_id: str, context: dict[str, Any]) -> str:
    task = LightlyScheduleRunOperator(
        task_id="curate", dataset_id=dataset_id, selection_config=SELECTION, poll_interval=0.1, deferrable=False
    )
    with pytest.raises(LightlyRunFailed) as caught:
        task.execute(context)
    return str(caught.value)


def test_empty_bucket(lightly_emulator: LightlyEmulator, context: dict[str, Any], s3: S3Server, keys: None) -> None:
    """The run says where it looked and for what."""
    s3.put("cameras", "input/", b"")
    s3.put("cameras", "lightly/", b"")
    dataset_id = dataset_on(lightly_emulator, context, "cameras")
    message = curate(dataset_id, context)
    run = lightly_emulator.call(runs.runs_of_dataset(dataset_id))[0]
    link = f"{lightly_emulator.url}/compute/runs?scheduledRunId={run.scheduled_id}"
    assert message == (
        f"LightlyOne run {run.id} of dataset {dataset_id} ended FAILED: no images found under s3://cameras/input/;"
        f" supported types are bmp, gif, jpeg, jpg, png, tiff. See {link}"
    )


def refused(bucket: str, reason: str) -> list[str]:
    """What verification says of each permission, where every access is refused for one reason."""
    source, target = f"s3://{bucket}/input/", f"s3://{bucket}/lightly/"
    listing = f"INPUT: cannot list {source}: {reason}; LIGHTLY: cannot list {target}: {reason}"
    writing = f"LIGHTLY: cannot write {target}.lightly/access-check: {reason}"
    both = f"INPUT {source} or LIGHTLY {target}"
    return [
        f"- no permission to list on {both}: {listing}",
        f"- no permission to read on {both}: {listing}",
        f"- no permission to write on LIGHTLY {target}: {writing}",
        f"- no permission to overwrite on LIGHTLY {target}: {writing}",
    ]


def test_missing_bucket(lightly_api: LightlyEmulator, context: dict[str, Any], s3: S3Server, keys: None) -> None:
    """Verification names each permission, the datasource and the reason."""
    dataset_id = dataset_on(lightly_api, context, "gone")
    head, *lines = verify(dataset_id, context).splitlines()
    assert head == f"LightlyOne cannot use the datasources of dataset {dataset_id}:"
    assert lines == refused("gone", "the bucket 'gone' does not exist")


def test_wrong_s3_keys(lightly_api: LightlyEmulator, context: dict[str, Any], s3: S3Server, keys: None) -> None:
    """An access key that the store does not know; the key is not in the message."""
    s3.put("cameras", "input/a.jpg", b"a")
    dataset_id = dataset_on(lightly_api, context, "cameras")
    with s3.enforced():
        head, *lines = verify(dataset_id, context).splitlines()
    assert head == f"LightlyOne cannot use the datasources of dataset {dataset_id}:"
    assert lines == refused("cameras", "the access key id is unknown; check the key or whether it was rotated")
    assert "AKIAKEY" not in "".join(lines)


def create(context: dict[str, Any]) -> str:
    return LightlyCreateDatasetOperator(task_id="dataset", dataset_name="cameras").execute(context)


def test_wrong_token(lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """LightlyOne's code and words, and where the token comes from."""
    connection = {"conn_type": "lightly", "host": lightly_api.url, "password": "wrong-token"}
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", json.dumps(connection))
    with pytest.raises(LightlyUnauthorized) as caught:
        create(context)
    told, _, request = str(caught.value).partition(" (request ")
    assert told == (
        "GET /v1/datasets/query/name/{datasetName}: 401 UNAUTHORIZED: the token is not known here; put a valid"
        " API token into the lightly connection's password field"
    )
    assert len(request) == 25


def test_unreachable_api(context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Which host, and what to look at."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    connection = {"conn_type": "lightly", "host": f"http://127.0.0.1:{port}", "password": "token"}
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", json.dumps(connection))
    monkeypatch.setattr("lightly_airflow.client.policy.MAX_RETRIES", 0)  # otherwise after 15 seconds of trying
    with pytest.raises(LightlyConnectionError) as caught:
        create(context)
    assert str(caught.value) == (
        f"GET /v1/datasets/query/name/{{datasetName}}: cannot reach LightlyOne at http://127.0.0.1:{port}: nothing"
        " accepts connections there; check the connection's host and port"
    )
