"""``wasb`` connections: what LightlyOne is told of them, and what is refused."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException
from azure.storage.blob import generate_account_sas

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.hooks.datasource import DatasourceOptions, datasource_hook
from lightly_airflow.operators import LightlySetDatasourceOperator
from lightly_airflow.storage.sas import sas_fields
from tests.azurite_server import new_key

KEY = new_key()
NO_SAS: dict[str, Any] = {"extra": {}}
INSTEAD = "put the storage account's name into login and a SAS token into the extra's sas_token"


def token(letters: str = "rl", hours: float = 48) -> str:
    expiry = datetime.now(UTC) + timedelta(hours=hours)
    return generate_account_sas("cameras", KEY, "co", letters, expiry)


SAS = token("rlw")


def config(
    monkeypatch: pytest.MonkeyPatch, path: str = "nightly/input/", purpose: Any = "INPUT", **fields: Any
) -> dict[str, Any]:
    options = DatasourceOptions(thumbnail_suffix=None, **fields.pop("options", {}))
    connection = {"conn_type": "wasb", "login": "cameras", "extra": {"sas_token": SAS}, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS_READ", json.dumps(connection))
    return wire(datasource_hook("cameras_read", path).config(path, purpose, options))


def test_account_and_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire body, whole: the SAS token travels as the account key."""
    assert config(monkeypatch) == {
        "type": "AZURE",
        "purpose": "INPUT",
        "fullPath": "nightly/input/",
        "accountName": "cameras",
        "accountKey": SAS,
    }


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"extra": {"sas_token": f"?{SAS}"}}, f"?{SAS}"),
        ({"extra": {"extra__wasb__sas_token": SAS}}, SAS),
        ({"login": None, "extra": {"sas_token": f"https://cameras.blob.core.windows.net/nightly?{SAS}"}}, f"?{SAS}"),
        ({"login": None, "host": "https://cameras.blob.core.windows.net/"}, SAS),
        ({"login": None, "host": "cameras.blob.core.windows.net"}, SAS),
        (
            {
                "login": None,
                "extra": {
                    "connection_string": "BlobEndpoint=https://cameras.blob.core.windows.net/;SharedAccessSignature="
                    + SAS
                },
            },
            SAS,
        ),
        ({"extra": {"connection_string": f"AccountName=cameras;SharedAccessSignature={SAS};"}}, SAS),
    ],
)
def test_token_in_each_of_its_places(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], sent: str) -> None:
    """Wherever the Microsoft provider finds it; not a letter of it is changed."""
    body = config(monkeypatch, **fields)
    assert (body["accountName"], body["accountKey"]) == ("cameras", sent)


@pytest.mark.parametrize(
    "fields",
    [
        {"password": KEY, **NO_SAS},
        {"extra": {"shared_access_key": KEY, "sas_token": SAS}},
        {"extra": {"account_key": KEY}},
        {"login": None, "extra": {"connection_string": f"AccountName=cameras;AccountKey={KEY};"}},
    ],
)
@pytest.mark.parametrize(("purpose", "letters"), [("INPUT", "rl"), ("LIGHTLY", "rwdl")])
def test_token_made_of_an_account_key(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], purpose: str, letters: str
) -> None:
    """For the container alone, with the letters that the purpose needs and the author's lifetime; never the key."""
    body = config(monkeypatch, purpose=purpose, options={"sas_lifetime": timedelta(hours=30)}, **fields)
    made = sas_fields(body["accountKey"])
    assert (made["sp"], made["sr"]) == (letters, "c")
    left = datetime.fromisoformat(made["se"]) - datetime.now(UTC)
    assert timedelta(hours=29, minutes=59) < left <= timedelta(hours=30)
    assert KEY not in json.dumps(body)


@pytest.mark.parametrize(
    "path",
    [
        "nightly/input",
        "azure://nightly/input/",
        "wasb://nightly/input",
        "wasb://nightly@cameras/input/",
        "wasbs://nightly@cameras.blob.core.windows.net/input/",
    ],
)
def test_paths_as_other_tools_write_them(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """LightlyOne wants the container and the directory alone."""
    assert config(monkeypatch, path=path)["fullPath"] == "nightly/input/"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"extra": {"tenant_id": "t"}}, f"a service principal (tenant_id) cannot be given to LightlyOne; {INSTEAD}"),
        (
            {"extra": {"managed_identity_client_id": "m"}},
            f"a managed identity cannot be given to LightlyOne; {INSTEAD}",
        ),
        (
            {"extra": {"workload_identity_tenant_id": "w"}},
            f"a workload identity cannot be given to LightlyOne; {INSTEAD}",
        ),
        (
            NO_SAS,
            "neither a SAS token nor an account key is set; default credentials and anonymous access cannot be given to"
            f" LightlyOne; {INSTEAD}",
        ),
        ({"login": None}, f"no storage account; {INSTEAD}"),
        (
            {"path": "wasb://nightly@others/input/"},
            "it is for the storage account 'cameras', the path names 'others'",
        ),
        (
            {"password": "no=key", **NO_SAS},
            "the account key is not base64; copy it from the storage account's access keys. A SAS token goes into the"
            " extra's sas_token",
        ),
        (
            {"purpose": "LIGHTLY", "extra": {"sas_token": "sp=rl&se=2199-01-01&sv=2024-11-04&sr=c&sig=c2VjcmV0"}},
            "the SAS token does not do: its permissions are sp=rl, but LIGHTLY needs sp=rlw; w (write) missing. Make a new"
            " one",
        ),
        (
            {"password": KEY, "options": {"sas_lifetime": timedelta(hours=1)}, **NO_SAS},
            "sas_lifetime (1:00:00) is below sas_min_validity (1 day, 0:00:00): the SAS token could expire before the run"
            " ends; raise sas_lifetime",
        ),
    ],
)
def test_what_lightlyone_cannot_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], message: str
) -> None:
    """Each names the connection and what to do instead, and never a secret."""
    with pytest.raises(LightlyConfigError) as caught:
        config(monkeypatch, **fields)
    assert str(caught.value) == f"connection 'cameras_read': {message}"


def test_expiry_that_the_author_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is valid for two days more does for a run of one, and not for a run of three."""
    assert config(monkeypatch)["accountKey"] == SAS
    with pytest.raises(LightlyConfigError, match=r"it expires at .* UTC \(se\), but is needed until .* UTC"):
        config(monkeypatch, options={"sas_min_validity": timedelta(hours=72)})


@pytest.mark.parametrize(
    ("fields", "endpoint"),
    [
        ({}, None),
        ({"host": "https://cameras.blob.core.windows.net/"}, None),
        ({"host": "cameras"}, None),
        ({"host": "http://127.0.0.1:10000/cameras"}, "http://127.0.0.1:10000/cameras"),
        (
            {"extra": {"sas_token": f"https://cameras.blob.core.chinacloudapi.cn/nightly?{SAS}"}},
            "https://cameras.blob.core.chinacloudapi.cn",
        ),
        (
            {
                "extra": {
                    "connection_string": "AccountName=cameras;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn"
                }
            },
            "https://cameras.blob.core.chinacloudapi.cn",
        ),
    ],
)
def test_storages_that_are_not_azures_public_one(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], endpoint: str | None
) -> None:
    """Airflow reaches them where the connection says; the token in a URL does not come along."""
    connection = {"conn_type": "wasb", "login": "cameras", "extra": {"sas_token": SAS}, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS_READ", json.dumps(connection))
    hook = datasource_hook("cameras_read", "nightly/")
    assert hook.reach(hook.config("nightly/", "INPUT", DatasourceOptions())).endpoint == endpoint


def test_a_pasted_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection URI where the path belongs."""
    with pytest.raises(LightlyConfigError) as caught:
        config(monkeypatch, path="wasb://cameras:topsecret@nightly/input/")
    assert str(caught.value) == "the given path is no Azure path; write container/dir/"


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SAS token needs none; making one does, and the message has the line that installs it."""
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    assert config(monkeypatch)["accountKey"] == SAS
    with pytest.raises(AirflowOptionalProviderFeatureException) as caught:
        config(monkeypatch, password=KEY, **NO_SAS)
    assert str(caught.value).endswith(": pip install 'lightly-airflow[microsoft-azure]'")


def test_durations_are_checked_when_the_dag_is_parsed() -> None:
    """A literal that is no duration."""
    with pytest.raises(LightlyConfigError, match="sas_lifetime: 'a week' is not a number of seconds above 0"):
        LightlySetDatasourceOperator(
            task_id="t", dataset_id="x", resource_path="a/b/", purpose="INPUT", sas_lifetime="a week"
        )
