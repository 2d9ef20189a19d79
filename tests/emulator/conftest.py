"""The emulator in process, with a clock that tests move, and a real S3 server for what needs a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from lightly_airflow.contract.models.selection import SelectionConfig, SelectionEntry, SelectionInput, SelectionStrategy
from lightly_airflow.contract.models.worker_config import RunConfig
from lightly_airflow.contract.operations import datasets, datasources, schedules
from lightly_airflow.contract.wire import Call, Request
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World
from tests.s3_server import S3Server

T = TypeVar("T")
TOKEN, OTHER_TOKEN = "token-of-one", "token-of-other"
BUCKET = "emulator-cameras"
SECRET = "key-that-nobody-may-see"
Api = Callable[[Call[Any]], Any]


@dataclass
class Clock:
    """Stands still until a test moves it."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Desk:
    """What tests need at hand: raw requests, and the ids of a dataset that is ready for runs."""

    emulator: Emulator
    clock: Clock
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = self.emulator.api(TOKEN)

    def send(self, method: str, path: str, body: Any = None, token: str | None = TOKEN) -> tuple[int, Any]:
        """A raw request: status and body, as JSON where it is any."""
        encoded = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self.emulator.send(Request(method, path, f"{method} {path}", (), encoded), token)
        try:
            return response.status, json.loads(response.body)
        except ValueError:
            return response.status, response.body.decode()

    def dataset(self, name: str = "city-cameras", purposes: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")) -> str:
        """A dataset with datasources; its id."""
        dataset_id = str(self.api(datasets.create_dataset(name, "Images")).id)
        for purpose in purposes:
            self.api(datasources.put_datasource(dataset_id, s3_config(purpose)))
        return dataset_id

    def scheduled(self, dataset_id: str, priority: Any = "MID", runs_on: tuple[str, ...] = ()) -> str:
        """A scheduled run; its id."""
        config_id = self.api(schedules.create_config(run_config())).id
        return str(self.api(schedules.schedule_run(dataset_id, config_id, priority, runs_on)).id)


def s3_config(purpose: Purpose, path: str | None = None) -> S3Config:
    return S3Config(
        purpose=purpose,
        full_path=path or f"s3://{BUCKET}/{purpose.lower()}/",
        s3_region="us-east-1",
        s3_access_key_id=SecretStr("an-access-key-id"),
        s3_secret_access_key=SecretStr(SECRET),
    )


def run_config() -> RunConfig:
    entry = SelectionEntry(input=SelectionInput(type="EMBEDDINGS"), strategy=SelectionStrategy(type="DIVERSITY"))
    return RunConfig(selection=SelectionConfig(n_samples=5, strategies=[entry]))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> Iterator[World]:
    world = World(None, clock)
    yield world
    world.close()


@pytest.fixture
def desk(world: World, clock: Clock) -> Desk:
    return Desk(Emulator(world, [TOKEN, OTHER_TOKEN]), clock)


@pytest.fixture(scope="session")
def s3_resource(running_s3: S3Server) -> Any:
    return boto3.resource(
        "s3", endpoint_url=running_s3.url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
    )


@pytest.fixture
def bucket(s3: S3Server, s3_resource: Any) -> Any:
    """An empty bucket that datasources find by AWS's own variable."""
    return s3_resource.create_bucket(Bucket=BUCKET)
