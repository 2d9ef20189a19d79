"""Azure datasources on a real Azure storage: tried before they are set, and curated from and to."""

from __future__ import annotations

import json
import logging
import re
from typing import Any
from urllib.parse import quote, unquote

import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations import datasets
from lightly_airflow.hooks.datasource import DatasourceOptions, datasource_hook
from lightly_airflow.operators import LightlyScheduleRunOperator, LightlySetDatasourceOperator
from lightly_airflow.storage.access import check_access
from lightly_airflow.storage.stores import open_store
from lightly_airflow.testing import LightlyEmulator
from tests.azurite_server import ACCOUNT, Azurite, new_key
from tests.emulator.worker.conftest import picture
from tests.s3_server import S3Server

SELECTION = {"n_samples": 2, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}
STALE = "the SAS token has expired, is for another container or was signed with a key since rotated"


def connect(monkeypatch: pytest.MonkeyPatch, azurite: Azurite, token: str = "", **fields: Any) -> None:
    connection = {"conn_type": "wasb", "login": ACCOUNT, "host": azurite.url, "extra": {"sas_token": token}, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))


def access(purpose: Purpose, path: str = "cameras/lightly/") -> Any:
    hook = datasource_hook("cameras", path)
    config = hook.config(path, purpose, DatasourceOptions())
    return check_access(open_store(config, hook.reach(config)), purpose)


def secret_forms(token: str) -> list[str]:
    signature = re.search("sig=([^&]+)", token)
    assert signature
    return [token, quote(token, safe=""), signature[1], unquote(signature[1])]


@pytest.fixture
def filled(azurite: Azurite) -> Azurite:
    """A container with three images and a directory for what comes of them."""
    for letter in "abc":
        azurite.put("cameras", f"input/{letter}.png", picture(ord(letter)))
    azurite.put("cameras", "lightly/here.txt", b"here")
    return azurite


def test_letters_that_suffice(filled: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading with r and l; writing with w as well, and d takes the probe away."""
    connect(monkeypatch, filled, filled.sas("rl"))
    assert access("INPUT").errors == {}
    connect(monkeypatch, filled, "?" + filled.sas("rwl"))
    assert access("LIGHTLY").errors == {}
    before = filled.names("cameras")
    connect(monkeypatch, filled, filled.sas("rwdl"))
    assert access("LIGHTLY").errors == {}
    assert filled.names("cameras") == before


@pytest.mark.parametrize("place", ["password", "connection string"])
def test_account_key(filled: Azurite, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """The storage accepts the token that is made of it, and the probe is gone afterwards."""
    before = filled.names("cameras")
    text = f"AccountName={ACCOUNT};AccountKey={filled.key};BlobEndpoint={filled.url};"
    if place == "password":
        connect(monkeypatch, filled, password=filled.key)
    else:
        connect(monkeypatch, filled, login=None, host=None, extra={"connection_string": text})
    monkeypatch.delenv("AZURE_STORAGE_ENDPOINT")
    assert access("INPUT").errors == {}
    assert access("LIGHTLY").errors == {}
    assert filled.names("cameras") == before


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("wrong signature", STALE),
        ("other container", STALE),
        ("no container", "the container 'gone' does not exist"),
        ("unreachable", "the storage cannot be reached"),
    ],
)
def test_what_only_the_storage_knows(
    filled: Azurite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str, told: str
) -> None:
    """Each cause has its own words, and no form of the token is in any of them."""
    token = {
        "wrong signature": filled.sas("rwl", key=new_key()),
        "other container": filled.sas("rwl", container="others"),
        "no container": filled.sas("rwl", container="gone"),
    }.get(case, filled.sas("rwl"))
    url = "http://127.0.0.1:9/lightlytest" if case == "unreachable" else filled.url
    connect(monkeypatch, filled, token, host=url)
    caplog.set_level(logging.DEBUG)
    result = access("LIGHTLY", "gone/lightly/" if case == "no container" else "cameras/lightly/")
    assert set(result.errors) == {"can_list", "can_read", "can_write", "can_overwrite"}
    assert all(told in problem for problem in result.errors.values())
    everything = repr(result) + caplog.text + repr(datasource_hook("cameras", "").credentials)  # type: ignore[attr-defined]
    assert not [form for form in secret_forms(token) if form in everything]


def test_an_account_key_in_the_environment_does_not_help(filled: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proven is the token: the worker's own credentials must not stand in for it."""
    connect(monkeypatch, filled, filled.sas("rwl", key=new_key()))
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", filled.key)
    assert set(access("LIGHTLY").errors) == {"can_list", "can_read", "can_write", "can_overwrite"}


def test_expired_since_it_was_set(filled: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """What LightlyOne runs into when nobody rotates the token."""
    connect(monkeypatch, filled, filled.sas("rl"))
    hook = datasource_hook("cameras", "cameras/input/")
    config = hook.config("cameras/input/", "INPUT", DatasourceOptions())
    expired = config.model_copy(update={"account_key": SecretStr(filled.sas("rl", hours=-1))})
    assert all(STALE in problem for problem in check_access(open_store(expired), "INPUT").errors.values())
    assert check_access(open_store(config), "INPUT").errors == {}


def curate(api: LightlyEmulator, context: dict[str, Any], **places: tuple[str, str]) -> dict[str, Any]:
    dataset_id = api.call(datasets.create_dataset("cameras", "Images")).id
    for purpose, (path, conn_id) in places.items():
        LightlySetDatasourceOperator(
            task_id="t", dataset_id=dataset_id, resource_path=path, datasource_conn_id=conn_id, purpose=purpose.upper()
        ).execute(context)
    task = LightlyScheduleRunOperator(
        task_id="curate", dataset_id=dataset_id, selection_config=SELECTION, poll_interval=0.1, deferrable=False
    )
    return dict(task.execute(context))


def test_azure_to_azure(
    lightly_emulator: LightlyEmulator,
    context: dict[str, Any],
    filled: Azurite,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A whole run with a token; it selects, writes, and no form of the token is in any log or result."""
    token = filled.sas("rwdl")
    connect(monkeypatch, filled, token)
    places = {"input": ("cameras/input/", "cameras"), "lightly": ("azure://cameras/lightly/", "cameras")}
    result = curate(lightly_emulator, context, **places)
    assert result["state"] == "COMPLETED"
    assert result["counts"]["selected"] == 2
    assert any(name.startswith("lightly/.lightly/") for name in filled.names("cameras"))
    logged = capfd.readouterr()
    assert not [form for form in secret_forms(token) if form in logged.out + logged.err + json.dumps(result)]


def test_s3_to_azure(
    lightly_emulator: LightlyEmulator,
    context: dict[str, Any],
    filled: Azurite,
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Inputs in one cloud, results in another, with a token made of the account key."""
    for letter in "abc":
        s3.put("cameras", f"input/{letter}.png", picture(ord(letter)))
    aws = {"conn_type": "aws", "login": "key", "password": "secret", "extra": {"region_name": "us-east-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS_S3", json.dumps(aws))
    connect(monkeypatch, filled, password=filled.key)
    places = {"input": ("s3://cameras/input/", "cameras_s3"), "lightly": ("cameras/lightly/", "cameras")}
    result = curate(lightly_emulator, context, **places)
    assert (result["state"], result["counts"]["selected"]) == ("COMPLETED", 2)
