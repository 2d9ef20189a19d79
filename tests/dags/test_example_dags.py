"""Every example DAG, run whole by Airflow in this process, against the emulator and real storage servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations import datasets, runs, tags
from lightly_airflow.storage.listing import list_objects
from lightly_airflow.storage.reach import HERE
from lightly_airflow.storage.stores import open_store
from lightly_airflow.testing import LightlyEmulator, emulator
from tests.azurite_server import Azurite
from tests.dags.clouds import environment, fill
from tests.dags.running import run, selected
from tests.gcs_server import GcsServer
from tests.pictures import FAMILIES, pictures
from tests.s3_server import S3Server

# The multi-cloud DAG's datasets, with the kinds of their INPUT and LIGHTLY.
CURATED = {
    "street-cameras": ("S3", "S3"),
    "harbour-cameras": ("S3", "AZURE"),
    "factory-cameras": ("AZURE", "AZURE"),
    "drone-flights": ("GCS", "S3"),
    "railway-cameras": ("OBS", "OBS"),
    "microscopes": ("LOCAL", "LOCAL"),
}
ON_AZURE = [name for name, kinds in CURATED.items() if "AZURE" in kinds]
PURPOSES: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    # Airflow's own, while it sets up its database and runs tasks in this process.
    pytest.mark.filterwarnings("default"),
]


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


@pytest.fixture
def events(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The bucket of the DAG on expiring inputs: a rule removes the first scene's images in a day or two, others later."""
    s3.put("events", "lightly/", b"")
    for name, content in pictures().items():
        s3.put("events", f"input/{name}", content)
    s3.set_rules("events", expires("soon", 1, "input/scene0/"), expires("later", 40, "input/"))
    connection = json.dumps(
        {"conn_type": "aws", "login": "key", "password": "secret", "extra": {"region_name": "eu-central-1"}}
    )
    for name in ("READ", "WRITE"):
        monkeypatch.setenv(f"AIRFLOW_CONN_EVENTS_{name}", connection)
    return s3


def expires(name: str, days: int, prefix: str) -> dict[str, Any]:
    return {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}}


def test_expiring_inputs(airflow_database: None, lightly_emulator: LightlyEmulator, events: S3Server) -> None:
    """The images that would vanish are left out by the worker, the others are curated; its picture lies beside the report."""
    states = run("expiring_inputs", {"n_samples": 2, "min_days": 2, "poll_interval": 1})
    assert set(states.values()) == {"success"}
    (dataset,) = lightly_emulator.call(datasets.datasets_named("traffic-events"))
    (one,) = lightly_emulator.call(runs.runs_of_dataset(dataset.id))
    tag = lightly_emulator.call(runs.run_tags(one.id))[0]
    names = lightly_emulator.call(tags.EXPORT_FILENAMES.call(datasetId=dataset.id, tagId=tag.id)).splitlines()
    assert {name.split("/")[0] for name in names} == {"scene1", "scene2"}
    assert [key.rpartition("/")[2] for key in events.keys("events", f"lightly/.lightly/runs/{one.id}/")] == [
        "input_expiration.svg",
        "report.pdf",
    ]


def test_expiring_inputs_that_are_not_to_be_skipped(
    airflow_database: None, lightly_emulator: LightlyEmulator, events: S3Server
) -> None:
    """The night ends before anything is scheduled."""
    states = run("expiring_inputs", {"min_days": 2, "strategy": "ABORT"})
    assert (states["expiration"], states["curate"]) == ("failed", "upstream_failed")
    (dataset,) = lightly_emulator.call(datasets.datasets_named("traffic-events"))
    assert lightly_emulator.call(runs.runs_of_dataset(dataset.id)) == []


@dataclass(frozen=True)
class Night:
    """What the multi-cloud DAG has done: task id -> state, and the LightlyOne that it spoke to."""

    states: dict[str, str]
    api: LightlyEmulator


@pytest.fixture(scope="module")
def azurite_if_there(request: pytest.FixtureRequest) -> Azurite | None:
    """The others' night goes on without it."""
    try:
        found: Azurite = request.getfixturevalue("running_azurite")
    except pytest.skip.Exception:
        return None
    found.reset()
    return found


@pytest.fixture(scope="module")
def night(
    airflow_database: None,
    running_s3: S3Server,
    running_gcs: GcsServer,
    azurite_if_there: Azurite | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Night]:
    """All curations of the multi-cloud DAG, in one run."""
    running_s3.reset()
    running_gcs.reset()
    clouds = (running_s3, running_gcs, azurite_if_there, tmp_path_factory.mktemp("disk"))
    fill(*clouds)
    with emulator() as running, running.worker(), pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment(*clouds), "AIRFLOW_CONN_LIGHTLY_DEFAULT": running.connection}.items():
            patch.setenv(name, value)
        skipped = None if azurite_if_there else f"({'|'.join(ON_AZURE)})\\..*"
        yield Night(run("multi_cloud_curation", {"n_samples": FAMILIES, "poll_interval": 1}, skipped), running)


@pytest.mark.parametrize("name", CURATED)
def test_a_night_in_several_clouds(night: Night, azurite_if_there: Azurite | None, name: str) -> None:
    """Each dataset is read from its cloud, has one of each scene selected, and has its results where they belong."""
    if name in ON_AZURE and azurite_if_there is None:
        pytest.skip("Azurite is not installed: install node and npm, and run make test")
    assert {state for task_id, state in night.states.items() if task_id.startswith(f"{name}.")} == {"success"}
    (dataset,) = night.api.call(datasets.datasets_named(name))
    sources = [night.api.server.emulator.world.datasource_config(dataset.id, purpose) for purpose in PURPOSES]
    assert tuple(source.type for source in sources if source) == CURATED[name]
    assert selected(night.api, dataset.id) == {"scene0", "scene1", "scene2"}
    assert sources[1]
    results = list_objects(open_store(sources[1], HERE), ".lightly/runs/", own=True)
    assert [item.path.rpartition("/")[2] for item in results] == ["report.pdf"]
