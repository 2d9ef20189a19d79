"""What a rotation keeps of the datasource that LightlyOne has, and what it takes from the connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.operators.rotation.twin import Twins

KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/one"
S3 = {
    "id": "a" * 24, "type": "S3", "purpose": "INPUT", "fullPath": "s3://cameras/input", "s3Region": "us-gov-west",
    "s3AccessKeyId": "****", "s3SecretAccessKey": "****", "s3ServerSideEncryptionKMSKey": KMS_KEY, "createdAt": 1,
}  # fmt: skip
AZURE = {"type": "AZURE", "purpose": "INPUT", "fullPath": "cameras/input/", "accountName": "one", "accountKey": "****"}
OBS = {
    "type": "OBS", "purpose": "INPUT", "fullPath": "obs://cameras/", "obsEndpoint": "https://obs.eu-de.example/",
    "obsAccessKeyId": "****", "obsSecretAccessKey": "****",
}  # fmt: skip
LOCAL = {"type": "LOCAL", "purpose": "INPUT", "fullPath": "cameras/"}
ACCESS_KEY = {"conn_type": "aws", "login": "new key", "password": "new secret"}
ACCOUNT_KEY = {"conn_type": "wasb", "login": "one", "password": "YWNjb3VudCBrZXk="}
ELSEWHERE = "; only credentials are rotated: let LightlySetDatasourceOperator set the datasource anew"


def twin(monkeypatch: pytest.MonkeyPatch, has: dict[str, Any], connection: dict[str, Any], **extra: Any) -> Any:
    told = {**connection, "extra": {"region_name": "eu-central-1", **extra}}
    monkeypatch.setenv("AIRFLOW_CONN_NEW", json.dumps(told))
    return Twins().of(has, "new")


def test_only_the_credentials_are_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Path, region and KMS key stay to the letter, and no thumbnails stay none."""
    made = twin(monkeypatch, S3, ACCESS_KEY)
    own = {name: value for name, value in S3.items() if name not in ("id", "createdAt")}
    assert wire(made.config) == {**own, "s3AccessKeyId": "new key", "s3SecretAccessKey": "new secret"}
    assert made.looks_like(S3)
    assert "new secret" not in repr(made)


def test_from_an_access_key_to_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both open the same bucket; LightlyOne shows that it has the other."""
    role = {"role_arn": "arn:aws:iam::123456789012:role/lightly", "assume_role_kwargs": {"ExternalId": "cameras-2026"}}
    made = twin(monkeypatch, S3, ACCESS_KEY, **role)
    assert (made.config.type, made.config.full_path) == ("S3DelegatedAccess", "s3://cameras/input")
    assert not made.looks_like(S3)


def test_an_endpoint_differs_by_its_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the same place, and stays as LightlyOne has it."""
    made = twin(monkeypatch, OBS, ACCESS_KEY, endpoint_url="https://obs.eu-de.example")
    assert made.config.obs_endpoint == OBS["obsEndpoint"]


def test_one_token_for_datasources_that_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SAS token is made of the account key once, however many datasets there are."""
    monkeypatch.setenv("AIRFLOW_CONN_NEW", json.dumps(ACCOUNT_KEY))
    twins = Twins()
    assert twins.of({**AZURE, "id": "a" * 24}, "new") is twins.of({**AZURE, "id": "b" * 24}, "new")


@pytest.mark.parametrize(
    ("has", "connection", "message"),
    [
        (LOCAL, ACCOUNT_KEY, "a datasource of type LOCAL has no credentials; leave the dataset out"),
        (AZURE, {**ACCOUNT_KEY, "login": "two"}, f"connection 'new' is for another storage account{ELSEWHERE}"),
        (AZURE, ACCESS_KEY, "connection 'new' of type 'aws' reaches paths like s3://bucket/dir/ or obs://bucket/dir/"),
        (OBS, {**ACCESS_KEY, "host": "obs.eu-nl.example"}, f"connection 'new' is for another endpoint{ELSEWHERE}"),
        ({**AZURE, "type": "NEW"}, ACCOUNT_KEY, f"connection 'new' is for AZURE instead of NEW{ELSEWHERE}"),
        (
            {**AZURE, "thumbSuffix": 7},
            ACCOUNT_KEY,
            "LightlyOne's datasource is not what this package knows: thumb_suffix",
        ),
    ],
)
def test_other_places_are_refused(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, Any], connection: dict[str, Any], message: str
) -> None:
    """Each says what to do, without the values."""
    with pytest.raises(LightlyConfigError) as caught:
        twin(monkeypatch, has, connection)
    assert str(caught.value) == message
