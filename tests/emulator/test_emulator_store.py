"""The state file: lasting, private, and safe for several threads and processes."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.operations import datasets, datasources, schedules, workers
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World

from .conftest import SECRET, TOKEN, Clock, Desk

LOCKER = """
import sys
from lightly_airflow.contract.errors import LightlyConflict
from lightly_airflow.contract.operations import schedules
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World

path, token, dataset_id, worker_id, *scheduled_ids = sys.argv[1:]
world = World(path)
api, won = Emulator(world, [token]).api(token), 0
sys.stdin.readline()
for scheduled_id in scheduled_ids:
    try:
        api(schedules.update_scheduled_run(dataset_id, worker_id, scheduled_id, "LOCKED"))
        api(schedules.update_scheduled_run(dataset_id, worker_id, scheduled_id, "DONE"))
        won += 1
    except LightlyConflict:
        pass
world.close()
print(won)
"""


def test_a_restart_loses_nothing(tmp_path: Path, clock: Clock) -> None:
    """Datasets, credentials, queue and signatures are there again."""
    path = tmp_path / "state.db"
    before = World(path, clock)
    desk = Desk(Emulator(before, [TOKEN]), clock)
    dataset_id = desk.dataset()
    scheduled_id = desk.scheduled(dataset_id)
    url = desk.emulator.urls.artifact("0" * 24)
    before.close()

    after = World(path, clock)
    desk = Desk(Emulator(after, [TOKEN]), clock)
    assert desk.api(datasets.get_dataset(dataset_id)).name == "city-cameras"
    assert [one.id for one in desk.api(schedules.scheduled_runs(dataset_id, []))] == [scheduled_id]
    config = after.datasource_config(dataset_id, "INPUT")
    assert config is not None
    assert config.type == "S3"
    assert config.s3_secret_access_key.get_secret_value() == SECRET
    assert desk.emulator.urls.artifact("0" * 24) == url
    after.close()


def test_the_state_file_is_the_users_alone(tmp_path: Path) -> None:
    """It holds credentials, so nobody else may read it or what SQLite keeps beside it; the token is not in it."""
    world = World(tmp_path / "state.db")
    desk = Desk(Emulator(world, [TOKEN]), Clock())
    desk.dataset()
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
        assert TOKEN.encode() not in path.read_bytes()
    world.close()


def test_a_failed_transaction_leaves_nothing(world: World) -> None:
    """What was added before the failure is gone again."""

    def create_and_fail() -> None:
        with world.transaction():
            Emulator(world, [TOKEN]).api(TOKEN)(datasets.create_dataset("half", "Images"))
            raise RuntimeError("after the first half")

    with pytest.raises(RuntimeError, match="first half"):
        create_and_fail()
    assert world.count(DatasetData) == 0


def test_twenty_creators_of_one_name_make_one_dataset(desk: Desk) -> None:
    """Of concurrent creations of one name exactly one succeeds and the rest are told that the name exists."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: desk.send("POST", "/v1/datasets", {"name": "same"}), range(20)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 19
    assert {body["code"] for status, body in answers if status == 409} == {"DATASET_NAME_EXISTS"}
    assert len(desk.api(datasets.list_datasets(100))) == 1


def test_two_processes_never_lock_the_same_run(tmp_path: Path) -> None:
    """Two workers in processes of their own, after the same runs, lock each of them once."""
    path = tmp_path / "state.db"
    world = World(path)
    desk = Desk(Emulator(world, [TOKEN]), Clock())
    dataset_id = desk.dataset()
    scheduled = [desk.scheduled(dataset_id) for _ in range(20)]
    names = ["worker-one", "worker-two"]
    ids = [desk.api(workers.register_worker(name, [])).id for name in names]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOCKER, str(path), TOKEN, dataset_id, worker_id, *scheduled],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for worker_id in ids
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    won = sum(int(process.communicate(timeout=30)[0]) for process in processes)
    left = desk.api(schedules.scheduled_runs(dataset_id, ["OPEN"]))
    assert won + len(left) == len(scheduled)
    assert won == len(desk.api(schedules.scheduled_runs(dataset_id, ["DONE"]))) > 0
    world.close()


def test_an_input_output_datasource_serves_both_purposes(desk: Desk) -> None:
    """A purpose of its own comes first, INPUT_OUTPUT fills in."""
    dataset_id = desk.dataset(purposes=("INPUT_OUTPUT", "LIGHTLY"))
    paths = {}
    for purpose in ("INPUT", "LIGHTLY"):
        config = desk.emulator.world.datasource_config(dataset_id, purpose)
        assert config is not None
        paths[purpose] = config.full_path.rsplit("/", 2)[1]
    assert paths == {"INPUT": "input_output", "LIGHTLY": "lightly"}
    assert len(desk.api(datasources.all_datasources(dataset_id))) == 2
