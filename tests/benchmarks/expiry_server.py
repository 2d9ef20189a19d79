"""Buckets for the benchmark of input expiration, in a process of their own, so that their work is not counted as ours.

``python -m tests.benchmarks.expiry_server canned`` prints its URL; its buckets are named by their objects and the
milliseconds before each answer, such as ``100000-30ms``. ``... moto`` prints the URL of a real S3 server with one bucket.
Each line of its input is answered with the requests since the last, by kind; it ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.benchmarks.expiry_rules import DIRECTORY, RULES, START

PAGE, MOST, STORED = 1000, 1_000_000, 10_000
_OBJECT = (
    "<Contents><Key>{key}</Key><LastModified>{written}</LastModified>"
    "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>{size}</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)
_HEAD = (
    'ETag: "d41d8cd98f00b204e9800998ecf8427e"\r\nLast-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\n'
    'x-amz-expiration: expiry-date="Tue, 01 Dec 2026 00:00:00 GMT", rule-id="rule"\r\n'
)


def key(number: int) -> str:
    return f"{DIRECTORY}{number // 1000:06d}/img_{number:08d}.jpg"


def _page(first: int, last: bool) -> bytes:
    more = "" if last else f"<NextContinuationToken>{first // PAGE + 1}</NextContinuationToken>"
    head = f"<KeyCount>{PAGE}</KeyCount><MaxKeys>{PAGE}</MaxKeys><IsTruncated>{str(not last).lower()}</IsTruncated>"
    objects = (
        _OBJECT.format(key=key(number), written=_written(number), size=number % 100_000)
        for number in range(first, first + PAGE)
    )
    return f"<ListBucketResult>{head}{more}{''.join(objects)}</ListBucketResult>".encode()


def _written(number: int) -> str:
    return f"{START + timedelta(seconds=number % 864_000):%Y-%m-%dT%H:%M:%S}.000Z"


class Canned:
    """Pages that were made before anybody asks for them."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._pages = [_page(first, last=False) for first in range(0, MOST, PAGE)]
        self._last: dict[int, bytes] = {}
        self._rules = _lifecycle_document()

    def answer(self, method: str, count: int, query: dict[str, list[str]]) -> bytes:
        """The whole answer to a request for a bucket of so many objects."""
        if method == "HEAD":
            self.requests["HEAD"] += 1
            return f"HTTP/1.1 200 OK\r\n{_HEAD}Content-Length: 12345\r\n\r\n".encode()
        if "lifecycle" in query:
            self.requests["GET lifecycle"] += 1
            return _with_head(self._rules)
        self.requests["LIST"] += 1
        return _with_head(self._listed(count, int(query.get("continuation-token", ["0"])[0])))

    def _listed(self, count: int, page: int) -> bytes:
        if (page + 1) * PAGE < count:
            return self._pages[page]
        return self._last.setdefault(count, _page(count - PAGE, last=True))


class _Connection(asyncio.Protocol):
    canned: Canned

    def connection_made(self, transport: Any) -> None:
        self._transport, self._received = transport, b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            method, target, _ = head.decode().split("\r\n")[0].split(" ")
            bucket, _, milliseconds = urlsplit(target).path.split("/")[1].removesuffix("ms").partition("-")
            query = parse_qs(urlsplit(target).query, keep_blank_values=True)
            answer = self.canned.answer(method, int(bucket), query)
            asyncio.get_running_loop().call_later(int(milliseconds) / 1000, self._transport.write, answer)


def _with_head(body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _lifecycle_document() -> bytes:
    """What boto3 makes of the rules, whoever it is sent to."""
    import boto3

    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")
    model = client.meta.service_model.operation_model("PutBucketLifecycleConfiguration")
    sent = client._convert_to_request_dict(
        {"Bucket": "any", "LifecycleConfiguration": {"Rules": RULES}},
        model,
        endpoint_url="http://127.0.0.1",
        context={"client_config": client.meta.config},
    )
    body: bytes = sent["body"]
    return body


async def _serve_canned(canned: Canned, started: list[str], ready: threading.Event) -> None:
    _Connection.canned = canned
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    started.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    ready.set()
    await server.serve_forever()


def canned_server() -> tuple[str, Counter[str]]:
    canned, started, ready = Canned(), list[str](), threading.Event()
    threading.Thread(target=lambda: asyncio.run(_serve_canned(canned, started, ready)), daemon=True).start()
    ready.wait()
    return started[0], canned.requests


def moto_server() -> tuple[str, Counter[str]]:
    from tests.s3_lifecycle import age, put_quickly
    from tests.s3_server import S3Server

    server, bucket = S3Server(), f"{STORED}-0ms"
    server.client.create_bucket(Bucket=bucket)
    for number in range(STORED):
        put_quickly(bucket, key(number), b"")
        age(bucket, key(number), START + timedelta(seconds=number))
    server.set_rules(bucket, *RULES)
    server.lifecycle.requests.clear()
    return server.url, server.lifecycle.requests


def main() -> None:
    url, requests = {"canned": canned_server, "moto": moto_server}[sys.argv[1]]()
    print(url, flush=True)
    for _ in sys.stdin:
        print(json.dumps(requests), flush=True)
        requests.clear()


if __name__ == "__main__":
    main()
