"""Where rotations are played: datasets on one connection, LightlyOne with a counter, and a bucket whose policies hold."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from cryptography.fernet import Fernet

from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.contract.operations import datasets, datasources, runs, schedules
from lightly_airflow.exceptions import LightlyRotationFailed
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators import LightlyRotateCredentialsOperator, LightlySetDatasourceOperator
from lightly_airflow.testing import LightlyEmulator
from tests.client.flows.conftest import CONFIG
from tests.gate import Gate
from tests.s3_server import S3Server

if TYPE_CHECKING:
    from tests.airflow_faces.conftest import PlayedWorker

Key = tuple[str, str]
ALL, PUT, VERIFY = (one.operation for one in (datasources.ALL, datasources.PUT, datasources.VERIFY))
GET, LIST, QUEUE = datasets.GET.operation, datasets.LIST.operation, schedules.LIST_OF_DATASET.operation
LOOK = runs.GET_OF_SCHEDULE.operation
WRONG = ("AKIAWRONGWRONGWRONGX", "wrong/secret+with/signs")


def counts(*, unchanged: int = 0, would: int = 0, rotated: int = 0) -> dict[str, int]:
    """What the operator tells of outcomes."""
    return {"unchanged": unchanged, "would be rotated": would, "rotated": rotated}


@contextmanager
def staged(api: LightlyEmulator, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A bucket, and the connections CAMERAS and PREVIOUS with its user's first key."""
    s3.put("cameras", "input/a.jpg", b"a")
    s3.put("cameras", "lightly/b.txt", b"b")
    keys = s3.add_user("lightly", ("s3:*", "*")), s3.add_user("admin", ("iam:*", "*"))
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    stage = Stage(api, monkeypatch, "s3://cameras", s3, *keys)
    stage.connect(stage.first)
    stage.connect(stage.first, "PREVIOUS")
    with s3.enforced():
        yield stage


@dataclass
class Played:
    """Rotations on any cloud: connections, datasets that are set from them, and LightlyOne behind a counter.

    :param place: the bucket or container, as resource paths begin.
    """

    api: LightlyEmulator
    monkeypatch: pytest.MonkeyPatch
    place: str
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self.api.server)

    def write(self, name: str, **fields: Any) -> None:
        """Writes an Airflow connection."""
        self.monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(fields))

    def dataset(self, name: str, **options: Any) -> str:
        """A dataset with an INPUT and a LIGHTLY datasource of the connection CAMERAS."""
        dataset_id = self.api.call(datasets.create_dataset(name, "Images")).id
        for purpose in ("INPUT", "LIGHTLY"):
            LightlySetDatasourceOperator(
                task_id="set", dataset_id=dataset_id, purpose=purpose, datasource_conn_id="cameras",
                resource_path=f"{self.place}/{purpose.lower()}/", thumbnail_suffix="small/[filename].[extension]",
                preflight=False, **options,
            ).execute({})  # fmt: skip
        return dataset_id

    def verified(self, dataset_id: str) -> bool:
        """Whether LightlyOne itself gets in."""
        return self.gate.call(datasources.verify_datasource(dataset_id)).errors is None

    def rotate(self, dataset_id: Any, purpose: Any = "INPUT", **arguments: Any) -> Any:
        self.gate.operations.clear()
        return self.operator(dataset_id=dataset_id, purpose=purpose, **arguments).execute({})

    def operator(self, **arguments: Any) -> LightlyRotateCredentialsOperator:
        """As a new process would have it; it waits no longer than a test can."""
        told = {"datasource_conn_id": "cameras", "poll_interval": 0.01, **arguments}
        made = LightlyRotateCredentialsOperator(task_id="rotate", **told)
        made.hook = LightlyHook(sleep=lambda seconds: time.sleep(min(seconds, 0.01)))
        return made

    def failing(self, dataset_id: Any, **arguments: Any) -> str:
        with pytest.raises(LightlyRotationFailed) as caught:
            self.rotate(dataset_id, **arguments)
        return str(caught.value)


@dataclass
class Stage(Played):
    """A bucket with a user, datasets whose two datasources have the user's first key, and all that was said.

    :param first: the first access key; :attr:`second` is made by :meth:`second_key`.
    """

    s3: S3Server
    first: Key
    admin: Key

    def connect(self, key: Key, name: str = "CAMERAS", **extra: Any) -> None:
        extra = {"region_name": "us-east-1", **extra}
        self.write(name, conn_type="aws", login=key[0], password=key[1], extra=extra)

    def second_key(self) -> Key:
        with self._iam() as iam:
            key = iam.create_access_key(UserName="lightly")["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def delete(self, key: Key) -> None:
        with self._iam() as iam:
            iam.delete_access_key(UserName="lightly", AccessKeyId=key[0])

    @contextmanager
    def _iam(self) -> Iterator[Any]:
        """Policies hold for those who make keys as well."""
        (key_id, secret), url = self.admin, self.s3.url
        keys: Any = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "region_name": "us-east-1"}
        with closing(boto3.client("iam", endpoint_url=url, **keys)) as iam:
            yield iam

    def datasets(self, count: int) -> list[str]:
        """So many datasets, each with an INPUT and a LIGHTLY datasource of the connection."""
        return [self.dataset(f"cameras-{number}", region="eu-west-1") for number in range(count)]

    def key_of(self, dataset_id: str, purpose: Any = "INPUT") -> str:
        """The access key that LightlyOne has."""
        config = self.api.server.emulator.world.datasource_config(dataset_id, purpose)
        assert isinstance(config, S3Config)
        return config.s3_access_key_id.get_secret_value()

    def switched(self, count: int) -> list[str]:
        """So many datasets, and a connection that has another key by now."""
        ids = self.datasets(count)
        self.connect(self.second_key())
        return ids

    def begun(self, worker: PlayedWorker, dataset_id: str) -> str:
        """A run of the dataset that a worker has begun; its id."""
        return worker.pick_up(dataset_id, self.run(dataset_id))

    def run(self, dataset_id: str) -> str:
        """A run of the dataset in the queue; the scheduled run's id."""
        config_id = self.api.call(schedules.create_config(CONFIG)).id
        return self.api.call(schedules.schedule_run(dataset_id, config_id, "MID", [])).id
