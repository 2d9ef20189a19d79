"""The state file: lasting, private, and safe for several threads and processes."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import TypeAdapter

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.datasources import DatasourceConfig
from lightly_airflow.contract.operations import datasets, datasources, schedules, workers
from lightly_airflow.emulator.records import DatasourceRecord
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World

from .conftest import SECRET, TOKEN, Clock, Desk, s3_config

ADAPTER: TypeAdapter[DatasourceConfig] = TypeAdapter(DatasourceConfig)

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


CANARIES = {
    "S3DelegatedAccess": {
        "full_path": "s3://cameras/", "s3_region": "us-east-1", "s3_external_id": "canary/external+id=5",
        "s3_arn": "arn:aws:iam::123456789012:role/canary",
    },
    "AZURE": {"full_path": "cameras/", "account_name": "cameras", "account_key": "?sp=rl&sig=canary%2Bsignature"},
    "GCS": {"full_path": "gs://cameras/", "gcs_project_id": "cameras", "gcs_credentials": '{"private": "canary"}'},
    "OBS": {
        "full_path": "obs://cameras/", "obs_endpoint": "https://obs.example.org", "obs_access_key_id": "canary-obs-key",
        "obs_secret_access_key": "canary-obs-secret-\u00fc",
    },
}  # fmt: skip


def test_a_state_file_reveals_nothing(tmp_path: Path) -> None:
    """It may be sent along with a bug report: no credential of any kind is in it, nor what signs URLs and tells users by."""
    world = World(tmp_path / "state.db")
    desk = Desk(Emulator(world, [TOKEN]), Clock())
    configs: list[DatasourceConfig] = [s3_config("INPUT")]
    configs += [ADAPTER.validate_python({"type": kind, "purpose": "INPUT", **told}) for kind, told in CANARIES.items()]
    for number, config in enumerate(configs):
        dataset_id = desk.dataset(f"set-{number}", purposes=())
        desk.api(datasources.put_datasource(dataset_id, config))
        assert world.datasource_config(dataset_id, "INPUT") == config
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".key")
    assert b"s3://emulator-cameras/input/" in written
    for secret in (b"canary", SECRET.encode(), b"an-access-key-id", world._secret.encode()):
        assert secret not in written
    world.close()


def in_clear(path: Path) -> str:
    """Writes a state file as version 0.1.0 has left them, which is what memory holds; the dataset's id."""
    world = World(None)
    dataset_id = Desk(Emulator(world, [TOKEN]), Clock()).dataset()
    with closing(sqlite3.connect(path)) as file:
        world._db.backup(file)
    world.close()
    return dataset_id


def test_a_state_file_in_clear_is_read_and_closed(tmp_path: Path) -> None:
    """Of what an earlier version has written in clear, nothing stays; signed URLs and users remain what they were."""
    path = tmp_path / "state.db"
    dataset_id = in_clear(path)
    before = path.read_bytes()
    with closing(World(path)) as world:
        assert world.datasource_config(dataset_id, "INPUT") == s3_config("INPUT")
        secret = world._secret.encode()
        assert secret in before
        assert SECRET.encode() in before
        written = b"".join(one.read_bytes() for one in tmp_path.iterdir() if one.suffix != ".key")
        assert secret not in written
        assert SECRET.encode() not in written
    with closing(World(path)) as world:
        assert world.datasource_config(dataset_id, "LIGHTLY") == s3_config("LIGHTLY")


@pytest.mark.parametrize(
    ("key", "what"), [(None, "is gone"), (b"", "is damaged"), (Fernet.generate_key(), "belongs to another state file")],
    ids=["none", "empty", "another"],
)  # fmt: skip
def test_a_lost_key_is_said(tmp_path: Path, key: bytes | None, what: str) -> None:
    """In one sentence with the way out; and the file is left as it is."""
    path = tmp_path / "state.db"
    with closing(World(path)) as world:
        dataset_id = Desk(Emulator(world, [TOKEN]), Clock()).dataset()
    kept = Path(f"{path}.key").read_bytes()
    Path(f"{path}.key").unlink() if key is None else Path(f"{path}.key").write_bytes(key)
    with pytest.raises(LightlyConfigError) as caught:
        World(path)
    assert str(caught.value) == (
        f"{path}.key, the key to the credentials in state.db, {what}; put the right one there, or delete both files and"
        " begin anew"
    )
    Path(f"{path}.key").write_bytes(kept)
    with closing(World(path)) as world:
        assert world.datasource_config(dataset_id, "INPUT") == s3_config("INPUT")


def test_many_who_begin_a_state_file_share_one_key(tmp_path: Path) -> None:
    """Whoever comes first makes it; each reads what the others have written, and nothing else is left behind."""
    path = tmp_path / "state.db"
    with ThreadPoolExecutor(8) as pool:
        worlds = list(pool.map(World, [path] * 8))
    for number, world in enumerate(worlds):
        Desk(Emulator(world, [TOKEN]), Clock()).dataset(f"set-{number}")
    for world in worlds:
        assert {one.config.full_path for one in world.find(DatasourceRecord, purpose="INPUT")} == {
            s3_config("INPUT").full_path
        }
        assert world.count(DatasourceRecord) == 16
    assert {one.name for one in tmp_path.iterdir()} <= {"state.db", "state.db-wal", "state.db-shm", "state.db.key"}
    for world in worlds:
        world.close()


def test_the_state_file_is_the_users_alone(tmp_path: Path) -> None:
    """Nobody else may read it, its key or what SQLite keeps beside it; the token is not in it."""
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
