"""A real S3 server with real keys: the storage room is tested against answers as a bucket gives them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import Purpose, S3Config

BUCKET = "cameras"
MakeConfig = Callable[..., S3Config]
Keys = dict[str, tuple[str, str]]


def s3_config(key: str, secret: str, path: str = "s3://cameras/raw/", purpose: Purpose = "INPUT") -> S3Config:
    return S3Config(
        purpose=purpose,
        full_path=path,
        s3_region="us-east-1",
        s3_access_key_id=SecretStr(key),
        s3_secret_access_key=SecretStr(secret),
    )


@pytest.fixture
def make_config() -> MakeConfig:
    """Makes an S3 datasource: ``(key, secret, path="s3://cameras/raw/", purpose="INPUT")``."""
    return s3_config


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def keys(endpoint: str) -> Iterator[Keys]:
    """Keys of users who may do everything, or list and read, or list, or read and write but not list."""
    user = _client("iam", endpoint)
    allowed = {
        "all": ["*"],
        "reader": ["ListBucket", "GetObject"],
        "lister": ["ListBucket"],
        "blind": ["GetObject", "PutObject"],
    }
    made = {name: _make_user(user, name, [f"s3:{action}" for action in actions]) for name, actions in allowed.items()}
    _client("s3", endpoint).create_bucket(Bucket=BUCKET)
    _authorisation(endpoint, b"0")
    yield made
    _authorisation(endpoint, b"inf")


@pytest.fixture
def s3(endpoint: str, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that may do everything, on an empty bucket that this package finds by AWS's own variable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    client = _client("s3", endpoint, *keys["all"])
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    return client


def _client(service: str, endpoint: str, key: str = "root", secret: str = "root") -> Any:
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
    )


def _make_user(iam: Any, name: str, actions: list[str]) -> tuple[str, str]:
    name = f"{name}-{uuid.uuid4().hex}"  # the server's users outlive it, in this process
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


def _authorisation(endpoint: str, calls_without: bytes) -> None:
    headers = {"Content-Type": "text/plain"}
    urlopen(Request(f"{endpoint}/moto-api/reset-auth", data=calls_without, headers=headers)).close()
