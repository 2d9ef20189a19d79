"""A real S3 server for tests: moto's, in a thread of this process, with the lifecycles that it lacks."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.server import ThreadedMotoServer

from tests.s3_lifecycle import Lifecycle

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Key = tuple[str, str]  # an access key's id and secret
A = TypeVar("A")


class S3Server:
    """moto's S3. Its state is the process's, so every user begins by emptying it."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        web: Any = self._server._server
        self.lifecycle = web.app = Lifecycle(web.app)
        self._web = web
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name="us-east-1",
        )

    def stop(self) -> None:
        self.client.close()
        self._server.stop()

    def reset(self) -> None:
        self._post("reset", b"")
        self.lifecycle.reset()

    @contextmanager
    def behind(self, make: Callable[[Any], A]) -> Iterator[A]:
        """Inside, requests come first to what ``make`` makes of the server's WSGI application."""
        before = self._web.app
        self._web.app = made = make(before)
        try:
            yield made
        finally:
            self._web.app = before

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Stores an object; makes the bucket if need be."""
        if bucket not in [one["Name"] for one in self.client.list_buckets()["Buckets"]]:
            self.client.create_bucket(Bucket=bucket)
        self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def set_rules(self, bucket: str, *rules: Any) -> None:
        """Gives a bucket lifecycle rules, in boto3's form."""
        self.client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def add_user(self, name: str, *allowed: tuple[str, str]) -> Key:
        """A user who may do what the pairs of action and resource say; the access key."""
        with closing(self._client("iam")) as iam:
            iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=_policy(allowed))
        return self.add_key(name)

    def add_key(self, name: str) -> Key:
        """One more access key of a user. It and the next two go past :meth:`enforced`, as an account's owner would."""
        key = self._iam.create_access_key(user_name=name)
        return key.access_key_id, key.secret_access_key

    def delete_key(self, name: str, key_id: str) -> None:
        self._iam.delete_access_key(key_id, name)

    def deactivate_key(self, name: str, key_id: str) -> None:
        self._iam.update_access_key(name, key_id, "Inactive")

    def age_key(self, key_id: str, made: datetime) -> None:
        """Has an access key be made at another time than now, which no request could."""
        users = self._iam.users.values()
        next(key for user in users for key in user.access_keys if key.access_key_id == key_id).create_date = made

    def add_role(self, name: str, external_id: str, *allowed: tuple[str, str]) -> str:
        """A role that this account's users may assume with the external id; its ARN."""
        with closing(self._client("iam")) as iam:
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_trust(external_id))["Role"]
            iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=_policy(allowed))
        return str(role["Arn"])

    def allow_role(self, name: str, *allowed: tuple[str, str]) -> None:
        """What a role may do from now on."""
        self._iam.put_role_policy(name, "allowed", _policy(allowed))

    def trust(self, name: str, *external_ids: str) -> None:
        """Has a role be assumed with these external ids from now on. It goes past :meth:`enforced`."""
        self._iam.update_assume_role_policy(name, _trust(*external_ids))

    @property
    def _iam(self) -> Any:
        return iam_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id="root",
            aws_secret_access_key="root",
            region_name="us-east-1",
        )

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Inside, only known access keys with fitting policies get in."""
        self._post("reset-auth", b"0")
        try:
            yield
        finally:
            self._post("reset-auth", b"inf")

    def _post(self, path: str, body: bytes) -> None:
        request = urllib.request.Request(
            f"{self.url}/moto-api/{path}", body, {"Content-Type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(request, timeout=10).close()


def _trust(*external_ids: str) -> str:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},  # this server knows single users and everybody
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": list(external_ids)}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [trust]})


def _policy(allowed: Iterable[tuple[str, str]]) -> str:
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A running server, where the AWS clients of this process look for S3."""
    server = S3Server()
    os.environ["AWS_ENDPOINT_URL_S3"] = server.url
    try:
        yield server
    finally:
        del os.environ["AWS_ENDPOINT_URL_S3"]
        server.stop()
