"""A rotation in a real Airflow: it waits in the triggerer, which is killed, and reads its connection anew each time."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.contract.operations import datasets, datasources, schedules
from lightly_airflow.testing import LightlyEmulator
from tests.airflow_faces.conftest import PlayedWorker
from tests.client.flows.conftest import CONFIG
from tests.end_to_end.parts import Api, airflow_in_parts
from tests.gate import Gate
from tests.s3_server import S3Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
HERE = Path(__file__).parent
DAG = "rotates"
SECRETS = [f"canary/rotated+key={number}" for number in range(3)]


def until(condition: Callable[[], bool]) -> None:
    while not condition():  # the test's own timeout ends this
        time.sleep(0.1)


def dataset(gate: Gate, number: int) -> str:
    """A dataset whose datasources have the first key."""
    dataset_id = gate.call(datasets.create_dataset(f"rotated-{number}", "Images")).id
    for purpose in ("INPUT", "LIGHTLY"):
        told = {"purpose": purpose, "full_path": f"s3://cameras/{purpose.lower()}/", "s3_region": "us-east-1"}
        keys = {"s3_access_key_id": "key", "s3_secret_access_key": SECRETS[0]}
        gate.call(datasources.put_datasource(dataset_id, S3Config.model_validate({**told, **keys})))
    return dataset_id


def run(gate: Gate, dataset_id: str) -> str:
    config_id = gate.call(schedules.create_config(CONFIG)).id
    return gate.call(schedules.schedule_run(dataset_id, config_id, "MID", [])).id


def secret_of(gate: Gate, dataset_id: str) -> str:
    config: Any = gate.server.emulator.world.datasource_config(dataset_id, "LIGHTLY")
    return str(config.s3_secret_access_key.get_secret_value())


def states(api: Api, run_id: str) -> dict[str, Any]:
    return {one["task_id"]: one["state"] for one in api.task_instances(DAG, run_id)}


def test_each_when_its_own_run_has_ended(lightly_api: LightlyEmulator, s3: S3Server, tmp_path: Path) -> None:
    """One is rotated at once, one after the triggerer was killed, one with what the connection holds by then."""
    s3.put("cameras", "input/a.jpg", b"a")
    s3.put("cameras", "lightly/b.txt", b"b")
    gate = Gate(lightly_api.server)
    ids = [dataset(gate, number) for number in range(3)]
    worker = PlayedWorker(gate)
    scheduled = [run(gate, one) for one in ids[1:]]
    runs = [worker.pick_up(*pair) for pair in zip(ids[1:], scheduled, strict=True)]
    (tmp_path / "dags").mkdir()
    shutil.copy(HERE / "dags" / "rotates.py", tmp_path / "dags")
    with airflow_in_parts(tmp_path / "airflow", tmp_path / "dags") as (parts, api):
        api.add_connection("lightly_default", json.loads(lightly_api.connection))
        extra = json.dumps({"region_name": "us-east-1", "endpoint_url": s3.url})
        camera = {"conn_type": "aws", "login": "key", "password": SECRETS[1], "extra": extra}
        api.add_connection("rotated_cameras", camera)
        run_id = api.trigger(DAG, {"dataset": ids[2], "run": scheduled[1]})
        until(lambda: states(api, run_id) == {"rotate": "deferred", "watch": "deferred"})
        assert [secret_of(gate, one) for one in ids] == [SECRETS[1], SECRETS[0], SECRETS[0]]
        parts.restart("triggerer")
        worker.end(runs[0], "COMPLETED")
        until(lambda: secret_of(gate, ids[1]) == SECRETS[1])
        until(lambda: states(api, run_id)["rotate"] == "deferred")
        api.change_connection("rotated_cameras", conn_type="aws", password=SECRETS[2])
        worker.end(runs[1], "COMPLETED")
        assert api.wait(DAG, run_id, timeout=300)["state"] == "success"
        told = api.xcom(DAG, run_id, "rotate")
        log = api.task_log(DAG, run_id, "rotate")
    assert [secret_of(gate, one) for one in ids] == [SECRETS[1], SECRETS[1], SECRETS[2]]
    assert told["counts"] == {"unchanged": 0, "would be rotated": 0, "rotated": 6}
    assert (told["rotated"], told["dry_run"]) == (ids, False)
    kept = b"".join(one.read_bytes() for one in (tmp_path / "airflow").rglob("*") if one.is_file())
    for secret in SECRETS:
        assert secret not in log
        assert secret.encode() not in kept
