"""A real S3 server for tests: moto's, in a thread of this process."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Server:
    """moto's S3. Its state is the process's, so every user begins by emptying it."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
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

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Stores an object; makes the bucket if need be."""
        if bucket not in [one["Name"] for one in self.client.list_buckets()["Buckets"]]:
            self.client.create_bucket(Bucket=bucket)
        self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

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
