"""Keys are rotated between two nights, against real storage servers and with the emulator's worker: no request is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import AzureConfig
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.exceptions import LightlyRotationFailed
from lightly_airflow.operators import (
    LightlyRotateCredentialsOperator,
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
)
from lightly_airflow.storage.access import check_access
from lightly_airflow.storage.stores import open_store
from lightly_airflow.testing import LightlyEmulator
from tests.airflow_faces.conftest import Store, TaskInstance
from tests.airflow_faces.variables import Variables
from tests.azurite_server import ACCOUNT, Azurite, azurite_account, new_key
from tests.gate import Gate
from tests.pictures import pictures
from tests.s3_server import Key, S3Server

PURPOSES = ("INPUT", "LIGHTLY")
PUT = datasources.PUT.operation
WRONG: Key = ("AKIAWRONGWRONGWRONGX", "wrong/secret+with/signs")
DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


@dataclass
class Story:
    """A dataset whose datasources follow one connection, and a LightlyOne that tells what it refuses.

    :param place: its bucket or container, as resource paths begin.
    """

    api: LightlyEmulator
    monkeypatch: pytest.MonkeyPatch
    place: str
    gate: Gate = field(init=False)
    dataset_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self.api.server)
        self.dataset_id = self.gate.call(datasets.create_dataset("cameras", "Images")).id

    def connect(self, **fields: Any) -> None:
        """Writes the connection ``cameras`` anew, as somebody does in Airflow."""
        self.monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(fields))

    def connect_s3(self, key: Key) -> None:
        self.connect(conn_type="aws", login=key[0], password=key[1], extra={"region_name": "us-east-1"})

    def begin(self, **options: Any) -> None:
        """Sets both datasources from the connection."""
        for purpose in PURPOSES:
            LightlySetDatasourceOperator(
                task_id="set",
                dataset_id=self.dataset_id,
                purpose=purpose,
                resource_path=f"{self.place}/{purpose.lower()}/",
                datasource_conn_id="cameras",
                **options,
            ).execute({})

    def curate(self) -> None:
        """A night: all images are looked at by the real worker, and one more is selected."""
        result = LightlyScheduleRunOperator(
            task_id="curate",
            dataset_id=self.dataset_id,
            worker_config={"use_datapool": True, "datasource": {"process_all": True}},
            selection_config={"n_samples": 1, "strategies": [DIVERSITY]},
            poll_interval=0.1,
            deferrable=False,
        ).execute({"ti": TaskInstance(), "task_state_store": Store()})
        assert (result["state"], result["counts"]["selected"]) == ("COMPLETED", 1)

    def rotate(self) -> None:
        """Both purposes follow the connection."""
        task = LightlyRotateCredentialsOperator(
            task_id="rotate", dataset_id=self.dataset_id, datasource_conn_id="cameras", deferrable=False
        )
        assert task.execute({})["rotated"] == [self.dataset_id]


@pytest.fixture
def emulator(
    lightly_emulator: LightlyEmulator, variables: Variables, monkeypatch: pytest.MonkeyPatch
) -> LightlyEmulator:
    """LightlyOne with its worker, and an Airflow that has a key for fingerprints."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    return lightly_emulator


@pytest.fixture
def on_s3(emulator: LightlyEmulator, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Story, Key]]:
    """A bucket whose policies hold, and the first key of a user who may use it."""
    for name, content in pictures().items():
        s3.put("cameras", f"input/{name}", content)
    s3.put("cameras", "lightly/", b"")
    first = s3.add_user("lightly", ("s3:*", "*"))
    story = Story(emulator, monkeypatch, "s3://cameras")
    with s3.enforced():
        story.connect_s3(first)
        story.begin()
        yield story, first


def test_an_access_key(on_s3: tuple[Story, Key], s3: S3Server) -> None:
    """A second key is made, the connection switched, the datasources rotated and the first key deleted between two nights."""
    story, first = on_s3
    story.curate()
    second = s3.add_key("lightly")
    story.connect_s3(second)
    story.rotate()
    s3.delete_key("lightly", first[0])
    story.curate()
    assert (s3.lifecycle.refused, story.gate.refused) == ([], [])
    # And that counts: the first key opens nothing any more.
    story.connect_s3(first)
    with pytest.raises(LightlyRotationFailed, match="the access key id is unknown"):
        story.rotate()
    assert s3.lifecycle.refused


def test_a_wrong_key(on_s3: tuple[Story, Key], s3: S3Server) -> None:
    """It is refused before LightlyOne is told of it, and the night succeeds with the one that is there."""
    story, _ = on_s3
    story.curate()
    story.connect_s3(WRONG)
    before = story.gate.operations.count(PUT)
    with pytest.raises(
        LightlyRotationFailed, match="refused before: LightlyOne could not use INPUT s3://cameras/input/"
    ):
        story.rotate()
    assert s3.lifecycle.refused
    assert story.gate.operations.count(PUT) == before
    story.curate()
    assert story.gate.refused == []


def fill(azurite: Azurite) -> None:
    for name, content in pictures().items():
        azurite.put("cameras", f"input/{name}", content)
    azurite.put("cameras", "lightly/here.txt", b"here")


@pytest.mark.slow
def test_a_token_that_runs_out(emulator: LightlyEmulator, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection has a new SAS token before the old one has run out; the night after it has, goes well."""
    fill(azurite)
    story, lifetime = Story(emulator, monkeypatch, "cameras"), 20
    ends = time.monotonic() + lifetime
    old, new = azurite.sas("rwdl", hours=lifetime / 3600), azurite.sas("rwdl")
    story.connect(conn_type="wasb", login=ACCOUNT, host=azurite.url, extra={"sas_token": old})
    story.begin(sas_min_validity=1)
    story.curate()
    story.connect(conn_type="wasb", login=ACCOUNT, host=azurite.url, extra={"sas_token": new})
    story.rotate()
    time.sleep(max(0, ends - time.monotonic()))
    refused = azurite.refused()
    story.curate()
    assert (azurite.refused(), story.gate.refused) == (refused, [])
    assert not opens(old)
    assert azurite.refused() != refused


def opens(token: str) -> bool:
    """Whether a token opens the container's inputs."""
    config = AzureConfig(
        purpose="INPUT", full_path="cameras/input/", account_name=ACCOUNT, account_key=SecretStr(token)
    )
    return not check_access(open_store(config), "INPUT").errors


def test_an_account_key_that_is_made_anew(
    emulator: LightlyEmulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An account has two keys: the connection goes over to the second, and then the first is made anew."""
    first, second = new_key(), new_key()
    story = Story(emulator, monkeypatch, "cameras")
    with azurite_account([first, second], tmp_path) as azurite:
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azurite.url)
        fill(azurite)
        old = azurite.sas("rl")
        story.connect(conn_type="wasb", login=ACCOUNT, host=azurite.url, password=first)
        story.begin()
        story.curate()
        story.connect(conn_type="wasb", login=ACCOUNT, host=azurite.url, password=second)
        story.rotate()
        assert opens(old)
        assert azurite.refused() == []
    with azurite_account([new_key(), second], tmp_path, azurite.port) as azurite:
        story.curate()
        assert (azurite.refused(), story.gate.refused) == ([], [])
        assert not opens(old)
        assert azurite.refused()
