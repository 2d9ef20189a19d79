"""Every example DAG, run whole by Airflow in this process, against the emulator and a real S3 server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lightly_airflow.contract.operations import datasets, runs, tags
from lightly_airflow.testing import LightlyEmulator
from tests.pictures import FAMILIES, pictures
from tests.s3_server import S3Server

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.timeout(120),
    # Airflow's own, while it sets up its database and runs tasks in this process.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def airflow_database() -> None:
    from airflow.utils import db

    db.initdb()


@pytest.fixture
def cameras(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The bucket that the DAG reads and writes, and its two connections."""
    s3.put("cameras", "lightly/", b"")
    for name, content in pictures().items():
        s3.put("cameras", f"input/{name}", content)
    connection = json.dumps(
        {"conn_type": "aws", "login": "key", "password": "secret", "extra": {"region_name": "eu-central-1"}}
    )
    for name in ("READ", "WRITE"):
        monkeypatch.setenv(f"AIRFLOW_CONN_CAMERAS_{name}", connection)
    return s3


def load(name: str) -> DAG:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(ROOT / "dags" / f"{name}.py", bundle_name="dags-folder")
    assert bag.import_errors == {}
    return bag.dags[name]


def run(name: str, conf: dict[str, Any]) -> dict[str, str]:
    """Runs a DAG to its end; task id -> state."""
    finished = load(name).test(run_conf=conf)
    return {one.task_id: str(one.state) for one in finished.get_task_instances()}


def test_two_nights(airflow_database: None, lightly_emulator: LightlyEmulator, cameras: S3Server) -> None:
    """The first night selects one of each scene; the second, with new pictures, takes those that differ from the first."""
    states = run("nightly_curation", {"n_samples": FAMILIES, "poll_interval": 1})
    assert set(states.values()) == {"success"}
    (dataset,) = lightly_emulator.call(datasets.datasets_named("city-cameras"))
    assert selected(lightly_emulator, dataset.id) == {"scene0", "scene1", "scene2"}
    for name, content in pictures(first=FAMILIES).items():
        cameras.put("cameras", f"input/{name}", content)
    assert set(run("nightly_curation", {"n_samples": FAMILIES, "poll_interval": 1}).values()) == {"success"}
    assert selected(lightly_emulator, dataset.id) == {"scene3", "scene4", "scene5"}


def selected(api: LightlyEmulator, dataset_id: str) -> set[str]:
    """The scenes that the newest run has selected from."""
    newest = api.call(runs.runs_of_dataset(dataset_id))[0]
    tag = api.call(runs.run_tags(newest.id))[0]
    names = api.call(tags.EXPORT_FILENAMES.call(datasetId=dataset_id, tagId=tag.id)).splitlines()
    assert len(names) == FAMILIES
    return {name.split("/")[0] for name in names}
