"""The example DAGs that rotate credentials, run whole by Airflow in this process, on a bucket whose policies hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.fernet import Fernet

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.testing import LightlyEmulator
from tests.dags.running import load, selected
from tests.gate import Gate
from tests.pictures import FAMILIES, pictures
from tests.s3_lifecycle import put_quickly
from tests.s3_server import Key, S3Server

PUT = datasources.PUT.operation
PURPOSES: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
WRONG: Key = ("AKIAWRONGWRONGWRONGX", "wrong/secret+with/signs")
NOT_RETRIED = {"verify", "curate"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    # Airflow's own, while it sets up its database and runs tasks in this process.
    pytest.mark.filterwarnings("default"),
    pytest.mark.usefixtures("airflow_database"),
]


@dataclass
class Cameras:
    """The cameras' bucket, the connections to it, and LightlyOne with a counter before it.

    :param first: the key that the connections begin with.
    """

    api: LightlyEmulator
    gate: Gate
    s3: S3Server
    monkeypatch: pytest.MonkeyPatch
    first: Key

    def connect(self, key: Key) -> None:
        """Writes the key into both connections."""
        extra = {"region_name": "eu-central-1"}
        connection = {"conn_type": "aws", "login": key[0], "password": key[1], "extra": extra}
        for name in ("READ", "WRITE"):
            self.monkeypatch.setenv(f"AIRFLOW_CONN_CAMERAS_{name}", json.dumps(connection))

    def dataset(self, name: str, bucket: str = "cameras") -> str:
        """A dataset whose datasources have the first key; its id."""
        dataset_id = self.gate.call(datasets.create_dataset(name, "Images")).id
        for purpose in PURPOSES:
            config = S3Config.model_validate(
                {
                    "purpose": purpose,
                    "full_path": f"s3://{bucket}/{purpose.lower()}/",
                    "s3_region": "eu-central-1",
                    "s3_access_key_id": self.first[0],
                    "s3_secret_access_key": self.first[1],
                    "thumb_suffix": "[filename]_thumb.[extension]",
                }
            )
            self.gate.call(datasources.put_datasource(dataset_id, config))
        return dataset_id

    def keys_of(self, dataset_id: str) -> set[str]:
        """The access keys that LightlyOne has for a dataset."""
        world = self.api.server.emulator.world
        configs = [world.datasource_config(dataset_id, purpose) for purpose in PURPOSES]
        return {one.s3_access_key_id.get_secret_value() for one in configs if isinstance(one, S3Config)}


@pytest.fixture
def site(cameras: S3Server, lightly_emulator: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cameras]:
    # Without one, everything would be set anew each time.
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    first = cameras.add_user("lightly", ("s3:*", "*"))
    found = Cameras(lightly_emulator, Gate(lightly_emulator.server), cameras, monkeypatch, first)
    found.connect(first)
    with cameras.enforced():
        yield found


def run(name: str, conf: dict[str, Any]) -> tuple[str, dict[str, list[str]]]:
    """Runs a DAG to its end: its state, and the states of each task, of a mapped one in the order of its indexes."""
    dag = load(name)
    for task_id in NOT_RETRIED & dag.task_dict.keys():
        dag.get_task(task_id).retries = 0  # minutes would pass before the next try
    finished = dag.test(run_conf=conf)
    states: dict[str, list[str]] = {}
    for one in sorted(finished.get_task_instances(), key=lambda one: int(one.map_index)):
        states.setdefault(one.task_id, []).append(str(one.state))
    return str(finished.state), states


def test_hourly_rotation(site: Cameras) -> None:
    """A dry run changes nothing; then all datasets of the bucket follow the connections, and those elsewhere do not."""
    ids = [site.dataset(name) for name in ("city-east", "city-west")]
    elsewhere = site.dataset("harbour", bucket="harbour")
    second = site.s3.add_key("lightly")
    site.connect(second)
    told = ("success", {"names": ["success"], "rotate": ["success"] * 3})
    assert run("credential_rotation", {"dry_run": True}) == told
    assert site.keys_of(ids[0]) == site.keys_of(ids[1]) == {site.first[0]}
    assert PUT not in site.gate.operations
    assert run("credential_rotation", {}) == told
    assert site.keys_of(ids[0]) == site.keys_of(ids[1]) == {second[0]}
    assert site.keys_of(elsewhere) == {site.first[0]}
    site.s3.delete_key("lightly", site.first[0])
    for dataset_id in ids:
        assert site.gate.call(datasources.verify_datasource(dataset_id)).errors is None
    count = site.gate.operations.count(PUT)
    assert run("credential_rotation", {}) == told
    assert site.gate.operations.count(PUT) == count == 4


def test_rotation_on_demand(site: Cameras) -> None:
    """Of the datasets that are named; a name that no dataset has is a mistake, said with those that there are."""
    ids = [site.dataset(name) for name in ("city-east", "city-west", "harbour")]
    second = site.s3.add_key("lightly")
    site.connect(second)
    state, states = run("credential_rotation", {"datasets": ["*west", "harbour"]})
    assert (state, states["rotate"]) == ("success", ["success"] * 2)
    assert [site.keys_of(one) for one in ids] == [{site.first[0]}, {second[0]}, {second[0]}]
    assert run("credential_rotation", {"datasets": ["citty-*"]}) == (
        "failed",
        {"names": ["failed"], "rotate": ["upstream_failed"]},
    )


def test_a_refused_key_spoils_no_night(site: Cameras) -> None:
    """Night after night: nothing has changed, a new key, a wrong one. With that the curation runs and the DAG run fails."""
    dataset_id = site.dataset("city-cameras")
    well = (
        "success",
        {task_id: ["success"] for task_id in ("dataset", "rotate", "verify", "curate", "report", "rotated")},
    )
    conf = {"n_samples": FAMILIES, "poll_interval": 1}
    assert run("rotate_and_curate", conf) == well
    assert selected(site.api, dataset_id) == {"scene0", "scene1", "scene2"}
    second = site.s3.add_key("lightly")
    site.connect(second)
    next_scenes(1)
    assert run("rotate_and_curate", conf) == well
    assert site.keys_of(dataset_id) == {second[0]}
    site.s3.delete_key("lightly", site.first[0])
    site.connect(WRONG)
    next_scenes(2)
    state, states = run("rotate_and_curate", conf)
    assert selected(site.api, dataset_id) == {"scene6", "scene7", "scene8"}
    assert site.keys_of(dataset_id) == {second[0]}
    assert (state, states) == ("failed", {**well[1], "rotate": ["failed"], "rotated": ["upstream_failed"]})


def test_credentials_that_do_not_work_any_more(site: Cameras) -> None:
    """Neither the new ones nor those that LightlyOne has: nothing is scheduled that could only fail."""
    site.dataset("city-cameras")
    site.s3.delete_key("lightly", site.first[0])
    state, states = run("rotate_and_curate", {"poll_interval": 1})
    assert (state, states["rotate"], states["curate"]) == ("failed", ["failed"], ["upstream_failed"])


def next_scenes(night: int) -> None:
    """The cameras have taken other pictures."""
    for name, content in pictures(first=FAMILIES * night).items():
        put_quickly("cameras", f"input/{name}", content)
