"""A real S3 server with real keys: the storage room is tested against answers as a bucket gives them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from tests.s3_server import S3Server

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
def keys(running_s3: S3Server) -> Iterator[Keys]:
    """Keys of users who may do everything, or list and read, or list, or read and write but not list."""
    running_s3.reset()
    iam = _client("iam", running_s3)
    allowed = {
        "all": ["*"],
        "reader": ["ListBucket", "GetObject"],
        "lister": ["ListBucket"],
        "blind": ["GetObject", "PutObject"],
    }
    made = {name: _make_user(iam, name, [f"s3:{action}" for action in actions]) for name, actions in allowed.items()}
    running_s3.client.create_bucket(Bucket=BUCKET)
    with running_s3.enforced():
        yield made


@pytest.fixture(scope="module")
def owner(running_s3: S3Server, keys: Keys) -> Any:
    """A client that may do everything."""
    return _client("s3", running_s3, *keys["all"])


@pytest.fixture
def client(owner: Any) -> Any:
    """A client that may do everything, on an empty bucket."""
    for item in owner.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        owner.delete_object(Bucket=BUCKET, Key=item["Key"])
    return owner


def _client(service: str, server: S3Server, key: str = "root", secret: str = "root") -> Any:
    return boto3.client(
        service, endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
    )


def _make_user(iam: Any, name: str, actions: list[str]) -> tuple[str, str]:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]
