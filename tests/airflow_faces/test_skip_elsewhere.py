"""Expiring inputs are left out on every cloud: sensor, operator and the emulator's worker together, on real servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lightly_airflow.contract.operations import datasets, runs, tags
from lightly_airflow.operators import LightlyScheduleRunOperator, LightlySetDatasourceOperator
from lightly_airflow.sensors import LightlyInputExpirationSensor
from lightly_airflow.testing import LightlyEmulator
from tests.gcs_server import GcsServer
from tests.pictures import pictures
from tests.s3_server import S3Server

pytestmark = pytest.mark.timeout(120)
RULE = {"ID": "soon", "Status": "Enabled", "Filter": {"Prefix": "input/scene0/"}, "Expiration": {"Days": 1}}


@pytest.fixture
def on_obs(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """OBS, with a rule for one directory."""
    fill(s3.put)
    s3.set_rules("cameras", RULE)
    extra = {"endpoint_url": s3.url}
    told = json.dumps({"conn_type": "aws", "login": "key", "password": "secret", "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", told)
    return "obs"


@pytest.fixture
def on_google(gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Google, where all objects are removed after 30 days and those of one directory are 29 days old."""

    def put(bucket: str, name: str, body: bytes) -> None:
        age = timedelta(days=29 if "scene0" in name else 1)
        created = (datetime.now(UTC) - age).isoformat(timespec="seconds").replace("+00:00", "Z")
        gcs.put(bucket, name, body, timeCreated=created)

    fill(put)
    gcs.bucket("cameras", {"action": {"type": "Delete"}, "condition": {"age": 30}})
    key = gcs.service_account("curator", "list", "get", "create", "delete", "buckets.get")
    told = {"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": key}}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(told))
    return "gs"


def fill(put: Callable[[str, str, bytes], object]) -> None:
    put("cameras", "lightly/.keep", b"1")
    for name, content in pictures().items():
        put("cameras", f"input/{name}", content)


@pytest.mark.parametrize("cloud", ["on_obs", "on_google"])
def test_a_night(
    lightly_emulator: LightlyEmulator, context: dict[str, Any], cloud: str, request: pytest.FixtureRequest
) -> None:
    """None of the expiring images is selected, or even read."""
    scheme = request.getfixturevalue(cloud)
    paths = {purpose: f"{scheme}://cameras/{purpose.lower()}/" for purpose in ("INPUT", "LIGHTLY")}
    dataset_id = lightly_emulator.call(datasets.create_dataset("cameras", "Images")).id
    for purpose, path in paths.items():
        LightlySetDatasourceOperator(
            task_id="set", dataset_id=dataset_id, purpose=purpose, resource_path=path, datasource_conn_id="cameras"
        ).execute(context)
    found = LightlyInputExpirationSensor(
        task_id="expiration",
        resource_path=paths["INPUT"],
        datasource_conn_id="cameras",
        min_days_to_expiration=2,
        handling_strategy="SKIP",
        lightly_resource_path=paths["LIGHTLY"],
        lightly_datasource_conn_id="cameras",
        relevant_filenames_file=".lightly/lasting.txt",
    ).execute(context)
    assert (found["inputs"], found["expiring"], found["relevant_filenames_file"]) == (10, 3, ".lightly/lasting.txt")
    result = LightlyScheduleRunOperator(
        task_id="curate",
        dataset_id=dataset_id,
        worker_config={"relevant_filenames_file": found["relevant_filenames_file"]},
        selection_config={
            "n_samples": 7,
            "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}],
        },
        poll_interval=0.2,
    ).execute(context)
    assert result["counts"]["input"] == 7
    tag = lightly_emulator.call(runs.run_tags(str(result["run_id"])))[0]
    names = lightly_emulator.call(tags.EXPORT_FILENAMES.call(datasetId=dataset_id, tagId=tag.id)).splitlines()
    assert {name.split("/")[0] for name in names} == {"scene1", "scene2"}
