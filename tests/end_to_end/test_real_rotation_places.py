"""Keys are rotated in a real Airflow: in each place where it keeps connections, beside a run, in vain; and told nowhere.

That a token of the ``lightly`` connection may be rotated while tasks wait is shown by test_real_airflow_waits.py, and what
becomes of a rotation whose triggerer is killed by test_real_rotation.py.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from lightly_airflow.contract.operations import datasets, datasources, schedules
from lightly_airflow.demo.processes import child_environment, running, wait_until
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World
from tests.airflow_faces.conftest import PlayedWorker
from tests.client.flows.conftest import CONFIG
from tests.end_to_end.parts import Api, Parts, airflow_in_parts
from tests.end_to_end.searched import dump, found_in
from tests.s3_server import Key, S3Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
HERE = Path(__file__).parent
TOKEN = "canary-token/+&=2b6d"
WRONG: Key = ("AKIACANARYWRONGKEY01", "canary/wrong+secret=7c3e")
PLACES = ("database", "environment", "file")
ORDER = ("first", "second")
VAIN = {"refused": "refused before", "rolled_back": "rolled back", "broken": "broken"}
LOCAL_FILES = "airflow.secrets.local_filesystem.LocalFilesystemBackend"


@dataclass
class Scene:
    """An Airflow, a LightlyOne process and a bucket whose policies hold.

    :param file: where Airflow's secrets backend finds connections; it lies apart from what is searched.
    :param emulator: LightlyOne once more, on the same state file, for what the test itself asks.
    :param keys: user -> first and second access key.
    """

    home: Path
    file: Path
    s3: S3Server
    emulator: Emulator
    keys: dict[str, tuple[Key, Key]]
    airflow: Api = field(init=False)
    parts: Parts = field(init=False)

    @property
    def call(self) -> Any:
        return self.emulator.api(TOKEN)

    def connection(self, key: Key) -> dict[str, Any]:
        extra = json.dumps({"region_name": "us-east-1", "endpoint_url": self.s3.url})
        return {"conn_type": "aws", "login": key[0], "password": key[1], "extra": extra}

    def write(self, key: Key) -> None:
        """The file of Airflow's local secrets backend."""
        self.file.write_text(json.dumps({"keys_file": self.connection(key)}))

    def switch(self, place: str) -> None:
        """The second key takes the first one's place in a connection."""
        second = self.connection(self.keys[place][1])
        if place == "database":
            self.airflow.change_connection("keys_database", **second)
        elif place == "file":
            self.write(self.keys[place][1])
        else:
            # What a process has in its environment changes with its restart; the scheduler is the parent of the workers.
            self.parts.restart("scheduler", AIRFLOW_CONN_KEYS_ENVIRONMENT=json.dumps(second))

    def dataset(self, name: str, key: Key | None = None) -> str:
        """A dataset, with that key in its datasources if one is given; its id."""
        dataset_id = str(self.call(datasets.create_dataset(name, "Images")).id)
        for purpose in ("INPUT", "LIGHTLY") if key else ():
            fields = {"purpose": purpose, "full_path": f"s3://cameras/{purpose.lower()}/", "s3_region": "us-east-1"}
            keys = dict(zip(("s3_access_key_id", "s3_secret_access_key"), key or (), strict=True))
            self.call(datasources.put_datasource(dataset_id, S3Config.model_validate({**fields, **keys})))
        return dataset_id

    def key_ids(self, dataset_id: str) -> list[str]:
        """The access keys that LightlyOne has, of INPUT and LIGHTLY."""
        purposes: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
        found = [self.emulator.world.datasource_config(dataset_id, purpose) for purpose in purposes]
        return [one.s3_access_key_id.get_secret_value() for one in found if isinstance(one, S3Config)]

    def runs(self, dag_id: str, *confs: dict[str, str]) -> list[str]:
        """Runs of a DAG at the same time; their ids once all have succeeded."""
        ids = [self.airflow.trigger(dag_id, conf) for conf in confs]
        for run_id in ids:
            assert self.airflow.wait(dag_id, run_id, timeout=200)["state"] == "success", self.log(dag_id, run_id)
        return ids

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        return {one["task_id"]: one["state"] for one in self.airflow.task_instances(dag_id, run_id)}

    def log(self, dag_id: str, run_id: str) -> str:
        return "\n".join(self.airflow.task_log(dag_id, run_id, task_id) for task_id in self.states(dag_id, run_id))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, running_s3: S3Server) -> Iterator[Scene]:
    home, file = tmp_path_factory.mktemp("rotation"), tmp_path_factory.mktemp("secrets") / "connections.json"
    (home / "dags").mkdir()
    shutil.copy(HERE / "dags" / "rotates_keys.py", home / "dags")
    users = (*PLACES, "waiting")
    running_s3.reset()
    running_s3.put("cameras", "input/a.jpg", b"a")
    running_s3.put("cameras", "lightly/b.txt", b"b")
    keys = {user: (running_s3.add_user(user, ("s3:*", "*")), running_s3.add_key(user)) for user in users}
    command = [sys.executable, "-m", "lightly_airflow.emulator", "--port", "0", "--no-worker", "--log-level", "DEBUG"]
    log, state = home / "emulator.log", home / "lightly.db"
    env = child_environment(LIGHTLY_TOKEN=TOKEN, AWS_ENDPOINT_URL_S3=running_s3.url)
    with running([*command, "--state", str(state)], log, env) as process, running_s3.enforced():
        wait_until(lambda: "http://" in log.read_text(), process, "the emulator", log)
        with closing(World(state)) as world:
            told = Scene(home, file, running_s3, Emulator(world, [TOKEN]), keys)
            told.write(keys["file"][0])
            with airflow_in_parts(home / "airflow", home / "dags", environment(told)) as (told.parts, told.airflow):
                add_connections(told, log.read_text().splitlines()[0])
                yield told


def environment(scene: Scene) -> dict[str, str]:
    return {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__SECRETS__BACKEND": LOCAL_FILES,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(scene.file)}),
        "AIRFLOW_CONN_KEYS_ENVIRONMENT": json.dumps(scene.connection(scene.keys["environment"][0])),
    }


def add_connections(scene: Scene, url: str) -> None:
    add = scene.airflow.add_connection
    add("lightly_default", {"conn_type": "lightly", "host": url, "password": TOKEN})
    add("keys_database", scene.connection(scene.keys["database"][0]))
    add("keys_waiting", scene.connection(scene.keys["waiting"][1]))
    add("keys_before", scene.connection(scene.keys["waiting"][0]))
    add("keys_wrong", scene.connection(WRONG))


@pytest.fixture(scope="module")
def rotated(scene: Scene) -> dict[str, str]:
    """Place -> a dataset that was set with the first key there and rotated to the second; then the first was deleted."""
    ids = {place: scene.dataset(f"keys from {place}") for place in PLACES}
    confs = [{"dataset": dataset_id, "connection": f"keys_{place}"} for place, dataset_id in ids.items()]
    scene.runs("sets_keys", *confs)
    assert [scene.key_ids(one) for one in ids.values()] == [[scene.keys[place][0][0]] * 2 for place in PLACES]
    for place in PLACES:
        scene.switch(place)
    scene.runs("rotates_keys", *confs)
    for place in PLACES:
        scene.s3.delete_key(place, scene.keys[place][0][0])
    return ids


@pytest.mark.parametrize("place", PLACES)
def test_wherever_airflow_keeps_the_connection(scene: Scene, rotated: dict[str, str], place: str) -> None:
    """LightlyOne has the second key for both purposes, and gets in after the first one's deletion."""
    assert scene.key_ids(rotated[place]) == [scene.keys[place][1][0]] * 2
    assert scene.call(datasources.verify_datasource(rotated[place])).errors is None


def test_what_has_not_changed_is_left(scene: Scene, rotated: dict[str, str]) -> None:
    """Airflow remembers what it has set, over the restart of its scheduler."""
    conf = {"dataset": rotated["database"], "connection": "keys_database"}
    (run_id,) = scene.runs("rotates_keys", conf)
    told = scene.airflow.xcom("rotates_keys", run_id, "rotate")
    assert (told["counts"]["unchanged"], told["rotated"]) == (2, [])


@pytest.fixture(scope="module")
def waited(scene: Scene) -> dict[str, Any]:
    """What was seen of a dataset with a run under way, while the task waited and afterwards."""
    dataset_id = scene.dataset("with a run", scene.keys["waiting"][0])
    config_id = scene.call(schedules.create_config(CONFIG)).id
    scheduled_id = scene.call(schedules.schedule_run(dataset_id, config_id, "MID", ())).id
    worker = PlayedWorker(scene)  # type: ignore[arg-type]  # it wants nothing but calls
    run = worker.pick_up(dataset_id, scheduled_id)
    dag_run = scene.airflow.trigger("rotates_keys", {"dataset": dataset_id, "connection": "keys_waiting"})
    while (state := scene.states("rotates_keys", dag_run)["rotate"]) not in ("deferred", "failed"):
        time.sleep(0.3)  # the test's own timeout ends this
    time.sleep(5)  # a few looks at the run
    seen: dict[str, Any] = {"state": state, "keys": scene.key_ids(dataset_id)}
    worker.end(run, "COMPLETED")
    ended = scene.airflow.wait("rotates_keys", dag_run, timeout=120)["state"]
    return {**seen, "ended": ended, "keys after": scene.key_ids(dataset_id), "log": scene.log("rotates_keys", dag_run)}


def test_a_run_under_way_is_waited_for_in_the_triggerer(scene: Scene, waited: dict[str, Any]) -> None:
    """As long as it lasts, LightlyOne has the first key; then the second."""
    first, second = scene.keys["waiting"]
    assert (waited["state"], waited["keys"]) == ("deferred", [first[0]] * 2)
    assert (waited["ended"], waited["keys after"]) == ("success", [second[0]] * 2), waited["log"]


@pytest.fixture(scope="module")
def in_vain(scene: Scene) -> dict[str, tuple[str, str, list[str]]]:
    """Task -> its state, its log and the keys that LightlyOne then has, of the rotations to a wrong key."""
    ids = {name: scene.dataset(name.replace("_", " "), scene.keys["waiting"][0]) for name in VAIN}
    run_id = scene.airflow.trigger("rotates_in_vain", ids)
    scene.airflow.wait("rotates_in_vain", run_id, timeout=120)
    states = scene.states("rotates_in_vain", run_id)
    return {
        name: (states[name], scene.airflow.task_log("rotates_in_vain", run_id, name), scene.key_ids(ids[name]))
        for name in VAIN
    }


@pytest.mark.parametrize("name", VAIN)
def test_a_wrong_key(scene: Scene, in_vain: dict[str, tuple[str, str, list[str]]], name: str) -> None:
    """The log says what came of it, and LightlyOne has what it says."""
    state, log, keys = in_vain[name]
    assert state == "failed"
    assert VAIN[name] in log
    assert keys == [WRONG[0] if name == "broken" else scene.keys["waiting"][0][0]] * 2


def test_it_is_told_nowhere(
    scene: Scene,
    rotated: dict[str, str],
    waited: dict[str, Any],
    in_vain: dict[str, tuple[str, str, list[str]]],
) -> None:
    """After every outcome, at DEBUG: neither secrets nor their plain hashes, in logs, XComs, rendered fields, Variables, both
    databases. LightlyOne's state file has all of them, encrypted."""
    keys = {
        f"{order} key of {user}": key
        for user, both in scene.keys.items()
        for order, key in zip(ORDER, both, strict=True)
    }
    keys["wrong key"] = WRONG
    secrets = {"token": TOKEN, **{name: key[1] for name, key in keys.items()}}
    hashes = {f"hash of {name}": hashlib.sha256(secret.encode()).hexdigest() for name, secret in secrets.items()}
    found, searched = found_in(scene.home, secrets | hashes, {f"id of {name}": key[0] for name, key in keys.items()})
    assert found == []
    assert searched > 20
    # The search does find what is there: Airflow keeps logins in clear.
    assert found_in(scene.home, {"wrong key's id": WRONG[0]}, {})[0]
    assert "lightly_rotation_" in dump(scene.home / "airflow" / "airflow.db")
    with closing(sqlite3.connect(scene.home / "lightly.db")) as state:
        assert state.execute("SELECT count(*) FROM datasource").fetchone() == (14,)
