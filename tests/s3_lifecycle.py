"""What moto's S3 lacks of lifecycles: it drops sizes from rules, and tells of no object when it expires."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import botocore.parsers
import botocore.session
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from tests.plain_expiry import plain_expiry, plain_rules

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Header = tuple[str, str]


class Lifecycle:
    """Stands before moto. Rules are kept as they were put, and HEAD and GET of an object tell when it expires.

    :ivar requests: how many there were, by kind: ``LIST``, ``GET lifecycle`` and the like, else the method.
    :ivar refused: method, path and status of what was answered with 401 or 403.
    :ivar before_listing: called before each page of a listing is made, with the number of those before it.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._configurations: dict[str, bytes] = {}
        self.reset()

    def reset(self) -> None:
        self._configurations.clear()
        self.requests: Counter[str] = Counter()
        self.refused: list[str] = []
        self.before_listing: Callable[[int], object] = lambda number: None

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        bucket, _, key = unquote(environ["PATH_INFO"]).lstrip("/").partition("/")
        kind = _kind(environ)
        if kind == "LIST":
            self.before_listing(self.requests["LIST"])
        self.requests[kind] += 1
        sent = _body(environ) if kind == "PUT lifecycle" else b""
        status, headers, body = _answer(self._application, environ)
        if status.startswith(("401", "403")):
            self.refused.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {status}")
        if status.startswith("2"):
            headers, body = self._changed(kind, bucket, key, sent, headers, body)
        start_response(status, headers)
        return [body]

    def _changed(
        self, kind: str, bucket: str, key: str, sent: bytes, headers: list[Header], body: bytes
    ) -> tuple[list[Header], bytes]:
        if kind == "GET lifecycle":
            kept = self._configurations[bucket]
            return [*(one for one in headers if one[0].lower() != "content-length"), _length(kept)], kept
        if kind == "PUT lifecycle":
            self._configurations[bucket] = sent
        if kind == "DELETE lifecycle":
            del self._configurations[bucket]
        if kind in ("HEAD", "GET") and key:
            headers = [*headers, *self._expiration(bucket, key)]
        return headers, body

    def _expiration(self, bucket: str, key: str) -> list[Header]:
        if bucket not in self._configurations:
            return []
        stored, backend = stored_object(bucket, key), _backend()
        tags = backend.tagger.get_tag_dict_for_resource(stored.arn)
        rules = plain_rules(parse_lifecycle(self._configurations[bucket]))
        removed = plain_expiry(rules, key, stored.size, tags, stored.last_modified.replace(tzinfo=UTC))
        if removed is None:
            return []
        date = f"{removed.at:%a, %d %b %Y %H:%M:%S GMT}"
        return [("x-amz-expiration", f'expiry-date="{date}", rule-id="{quote(removed.rule)}"')]


def parse_lifecycle(document: bytes) -> list[dict[str, Any]]:
    """A lifecycle configuration in boto3's form, read by boto3's own parser."""
    service = botocore.session.get_session().get_service_model("s3")
    shape: Any = service.operation_model("GetBucketLifecycleConfiguration").output_shape
    parser = botocore.parsers.create_parser("rest-xml")
    rules: list[dict[str, Any]] = parser.parse({"body": document, "headers": {}, "status_code": 200}, shape)["Rules"]
    return rules


def stored_object(bucket: str, key: str) -> Any:
    """moto's own object."""
    return _backend().get_bucket(bucket).keys[key]


def age(bucket: str, key: str, when: datetime) -> None:
    """Make an object as old as if it had been written then."""
    stored_object(bucket, key).last_modified = when.astimezone(UTC).replace(tzinfo=None)


def put_quickly(bucket: str, key: str, body: bytes) -> None:
    """Stores an object without a request, for buckets of thousands."""
    _backend().put_object(bucket, key, body)


def _backend() -> Any:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _kind(environ: Environ) -> str:
    method, query = str(environ["REQUEST_METHOD"]), parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    if "lifecycle" in query:
        return f"{method} lifecycle"
    return "LIST" if method == "GET" and "list-type" in query else method


def _body(environ: Environ) -> bytes:
    sent: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(sent)
    return sent


def _answer(application: Application, environ: Environ) -> tuple[str, list[Header], bytes]:
    started: list[Any] = []
    body = b"".join(application(environ, lambda *given: started.append(given)))
    return started[-1][0], list(started[-1][1]), body


def _length(body: bytes) -> Header:
    return "Content-Length", str(len(body))
