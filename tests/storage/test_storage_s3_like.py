"""Stores that speak S3: by an assumed role, and OBS."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pydantic import SecretStr

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import ObsConfig, S3DelegatedAccessConfig
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.objects import read_object, write_object
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.stores import open_store
from tests.s3_server import S3Server

EXTERNAL_ID, KMS_KEY = "cameras/Lightly+2026", "arn:aws:kms:us-east-1:123456789012:key/one"


def delegated(**more: Any) -> S3DelegatedAccessConfig:
    return S3DelegatedAccessConfig(
        purpose="LIGHTLY",
        full_path="s3://cameras/raw/",
        s3_region="us-east-1",
        s3_external_id=EXTERNAL_ID,
        s3_arn="arn:aws:iam::123456789012:role/lightly",
        **more,
    )


@pytest.fixture
def identity(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """An AWS identity of this machine that may do nothing but assume roles."""
    s3.put("cameras", "raw/a.jpg", b"1")
    key, secret = s3.add_user("machine", ("sts:AssumeRole", "*"))
    for name, value in {"ACCESS_KEY_ID": key, "SECRET_ACCESS_KEY": secret, "ENDPOINT_URL_STS": s3.url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return s3


def test_role_is_assumed_with_this_machines_identity(identity: S3Server) -> None:
    """The role's permissions count; what is written is encrypted with the datasource's key."""
    identity.add_role("lightly", EXTERNAL_ID, ("s3:*", "*"))
    directory = open_store(delegated(s3_server_side_encryption_kms_key=KMS_KEY))
    with identity.enforced():
        assert read_object(directory, "a.jpg") == b"1"
        write_object(directory, "b.jpg", b"2")
    assert identity.client.head_object(Bucket="cameras", Key="raw/b.jpg")["SSEKMSKeyId"] == KMS_KEY


def test_wrong_external_id(identity: S3Server) -> None:
    """What to look at is said, and the external id is not."""
    identity.add_role("lightly", "another/external-id", ("s3:*", "*"))
    with identity.enforced(), pytest.raises(StorageError) as caught:
        read_object(open_store(delegated()), "a.jpg")
    assert str(caught.value) == (
        "cannot read s3://cameras/raw/a.jpg: the role may not be assumed; check its trust policy and the external id"
    )


def test_sts_out_of_reach(identity: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another trouble than a refusal has its own words."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StorageError, match="the role could not be assumed; check the AWS identity of this machine"):
        read_object(open_store(delegated()), "a.jpg")


def test_session_that_is_given(s3: S3Server) -> None:
    """Whoever has a session of the role already needs no STS; a made-up one is refused."""
    s3.put("cameras", "raw/a.jpg", b"1")
    session = {"access_key_id": "ASIAMADEUP", "secret_access_key": "secret", "token": "token"}
    directory = open_store(delegated(), Reach(session=session))
    assert read_object(directory, "a.jpg") == b"1"
    with s3.enforced(), pytest.raises(StorageError, match="the access key id is unknown"):
        read_object(directory, "a.jpg")


def test_without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that installs it."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(LightlyConfigError, match="^assuming a role needs boto3: pip install"):
        open_store(delegated())


def obs(endpoint: str) -> ObsConfig:
    keys = {"obs_access_key_id": SecretStr("key"), "obs_secret_access_key": SecretStr("secret")}
    return ObsConfig(purpose="INPUT", full_path="obs://cameras/raw/", obs_endpoint=endpoint, **keys)


def test_obs_is_reached_at_its_own_endpoint(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the one that the environment has for S3."""
    s3.put("cameras", "raw/a.jpg", b"1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert read_object(open_store(obs(s3.url)), "a.jpg") == b"1"


@pytest.mark.parametrize(
    ("endpoint", "region"),
    [("https://obs.eu-de.otc.t-systems.com", "eu-de"), ("http://127.0.0.1:9000", "us-east-1")],
)
def test_obs_region_stands_in_the_endpoint(endpoint: str, region: str) -> None:
    """Requests are signed for it."""
    store: Any = open_store(obs(endpoint)).store
    assert store.config["region"] == region
