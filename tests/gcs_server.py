"""A Google storage server for tests: gcp-storage-emulator's store, with the identities and refusals that it lacks.

The emulator asks for no token, knows no permissions, and has no listing and deleting in Google's XML API, which obstore
speaks. Here, tokens are exchanged for keys whose signature is checked, every request needs its permission, and answers
have the headers and error documents of https://cloud.google.com/storage/docs/xml-api/reference-status. Rules, and listings with
the facts that they ask for, are in Google's JSON API: tests/gcs_json.py. What IAM tells of keys: tests/gcs_iam.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from gcp_storage_emulator import server as emulator
from gcp_storage_emulator.storage import Storage

from tests.gcs_iam import IAM_ROOT, Iam
from tests.gcs_json import PAGE, ROOT, json_answer

ALL = ("list", "get", "create", "delete")
_TIMES, _MADE = ("timeCreated", "updated"), "2026-01-02T03:04:05.678Z"
_AUDIENCE = "https://oauth2.googleapis.com/token"


class _Memory(Storage):  # type: ignore[misc]
    def _write_config_to_file(self) -> None:
        """The original writes everything anew with each object."""


@dataclass
class GcsServer:
    """Google's storage and its token service. Keys are made by :meth:`service_account`.

    ``faults`` are the statuses with which the next requests to the JSON APIs fail, ``lifetime`` is that of tokens, in seconds.
    """

    storage: Storage = field(default_factory=lambda: _Memory(use_memory_fs=True))
    keys: dict[str, dict[str, RSAPublicKey]] = field(default_factory=dict)
    grants: dict[str, set[str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    iam: Iam = field(default_factory=Iam)
    faults: list[int] = field(default_factory=list)
    lifetime: int = 3599
    url: str = ""

    def service_account(self, name: str, *granted: str) -> dict[str, str]:
        """The key file of a service account that may do what is granted; its older keys stop working.

        :param granted: of ``list``, ``get``, ``create``, ``delete``, ``buckets.get`` and ``serviceAccountKeys.get``.
        """
        email = _email(name)
        self.keys[email], self.grants[email] = {}, set(granted)
        self.tokens = {token: owner for token, owner in self.tokens.items() if owner != email}
        return self.add_key(name)

    def add_key(self, name: str) -> dict[str, str]:
        """The key file of one more key of a service account."""
        email = _email(name)
        key, key_id = generate_private_key(public_exponent=65537, key_size=2048), secrets.token_hex(20)
        self.iam.add(email, key_id)
        self.keys[email][key_id] = key.public_key()
        return {
            "type": "service_account",
            "project_id": "project-of-tests",
            "private_key_id": key_id,
            "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "client_email": email,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }

    def delete_key(self, file: dict[str, str]) -> None:
        """Deletes the key of a key file. Tokens that it has got already are good until they end, as at Google."""
        del self.keys[file["client_email"]][file["private_key_id"]]

    def bucket(self, name: str, *rules: dict[str, Any], **more: Any) -> None:
        """Makes a bucket, or changes it: its lifecycle rules, and more fields of its resource."""
        lifecycle = {"lifecycle": {"rule": list(rules)}} if rules else {}
        self.storage.create_bucket(name, {"name": name, **lifecycle, **more})

    def put(self, bucket: str, key: str, body: bytes, **facts: Any) -> None:
        """Stores an object, with more fields of its resource; makes the bucket if need be."""
        if bucket not in self.storage.buckets:
            self.bucket(bucket)
        known = {
            "name": key,
            "crc32c": "",
            "md5Hash": "",
            "storageClass": "STANDARD",
            **dict.fromkeys(_TIMES, _MADE),
            **facts,
        }
        self.storage.create_file(bucket, key, body, known)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Every object's name and content."""
        return {key: self.storage.get_file(bucket, key) for key in sorted(self.storage.objects.get(bucket, {}))}

    def reset(self) -> None:
        self.storage.wipe()
        self.faults.clear()
        self.lifetime = 3599

    def token(self, assertion: str) -> tuple[int, dict[str, Any]]:
        """What the token service answers to a signed claim."""
        claim = jwt.decode(assertion, options={"verify_signature": False})
        owner = claim["iss"]
        if owner not in self.keys:
            return 400, {"error": "invalid_grant", "error_description": "Invalid grant: account not found"}
        if not any(_signed(assertion, key) for key in self.keys[owner].values()):
            return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        token = secrets.token_urlsafe()
        self.tokens[token] = owner
        self.iam.scopes[token] = claim["scope"].split()
        return 200, {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}

    def refusal(self, method: str, bucket: str, key: str, token: str) -> tuple[int, str, str] | None:
        """Status, code and details of an error; ``None`` when the request may go on."""
        owner = self.tokens.get(token)
        if owner is None:
            return 401, "AuthenticationRequired", ""
        if bucket not in self.storage.buckets:
            return 404, "NoSuchBucket", ""
        present = key in self.storage.objects.get(bucket, {})
        for action in _needed(method, key, present):
            if action not in self.grants[owner]:
                details = f"{owner} does not have storage.objects.{action} access to the Google Cloud Storage object."
                return 403, "AccessDenied", details
        return (404, "NoSuchKey", "") if key and method != "PUT" and not present else None


class _Handler(emulator.RequestHandler):  # type: ignore[misc]
    """Checks each request first; reading and writing objects is left to the emulator."""

    protocol_version = "HTTP/1.1"
    outer: GcsServer
    _bucket = _key = ""

    def __init__(self, *args: Any) -> None:
        super().__init__(self.outer.storage, *args)

    def do_GET(self) -> None:  # noqa: N802
        if self.path.startswith((ROOT, IAM_ROOT)):
            self._answer_json()
        elif self._goes_on("GET"):
            self._list() if not self._key else super().do_GET()

    def do_PUT(self) -> None:  # noqa: N802
        if self._goes_on("PUT"):
            super().do_PUT()

    def do_DELETE(self) -> None:  # noqa: N802
        if self._goes_on("DELETE"):
            self.storage.delete_file(self._bucket, self._key)
            self._answer(204, "")

    def do_POST(self) -> None:  # noqa: N802
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, body = self.outer.token(form["assertion"][0])
        self._answer(status, json.dumps(body), "application/json")

    def end_headers(self) -> None:
        known = self.storage.objects.get(self._bucket, {}).get(self._key)
        if known:  # obstore refuses an object without these two
            self.send_header("ETag", f'"{_etag(known)}"')
            self.send_header("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
        super().end_headers()

    def _goes_on(self, method: str) -> bool:
        self._bucket, _, self._key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        refused = self.outer.refusal(method, self._bucket, self._key, self._token())
        if refused:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, code, details = refused
            self._answer(status, f"<Error><Code>{code}</Code><Details>{escape(details)}</Details></Error>")
        return refused is None

    def _token(self) -> str:
        return str(self.headers.get("Authorization", "")).removeprefix("Bearer ")

    def _answer_json(self) -> None:
        if self.outer.faults:
            return self._answer(self.outer.faults.pop(0), "<html>try again</html>")
        owner = self.outer.tokens.get(self._token())
        granted = self.outer.grants.get(owner or "", set())
        if self.path.startswith(IAM_ROOT):
            status, body = self.outer.iam.answer(self.path, owner, self._token(), granted)
        else:
            status, body = json_answer(self.storage, self.path, owner, granted)
        return self._answer(status, json.dumps(body), "application/json")

    def _list(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        names = [name for name in sorted(self.storage.objects.get(self._bucket, {})) if name.startswith(prefix)]
        page = [name for name in names if name > after][:PAGE]
        more = bool(page) and page[-1] != names[-1]
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        entries = "".join(map(self._entry, page))
        self._answer(200, f"<ListBucketResult>{entries}{token}</ListBucketResult>")

    def _entry(self, name: str) -> str:
        known = self.storage.objects[self._bucket][name]
        size = len(self.storage.get_file(self._bucket, name))
        return (
            f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size><ETag>{_etag(known)}</ETag>"
            f"<LastModified>{known['updated']}</LastModified></Contents>"
        )

    def _answer(self, status: int, body: str, kind: str = "application/xml") -> None:
        self._key = ""  # the answer is no object
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


def _email(name: str) -> str:
    return f"{name}@project-of-tests.iam.gserviceaccount.com"


def _signed(assertion: str, key: RSAPublicKey) -> bool:
    try:
        jwt.decode(assertion, key, algorithms=["RS256"], audience=_AUDIENCE)
    except jwt.InvalidTokenError:
        return False
    return True


def _needed(method: str, key: str, present: bool) -> list[str]:
    if method == "GET":
        return ["get" if key else "list"]
    # Google counts replacing an object as deleting the older one.
    return ["delete"] if method == "DELETE" else ["create", "delete"] if present else ["create"]


def _etag(known: dict[str, Any]) -> str:
    return hashlib.md5(repr(sorted(known.items())).encode()).hexdigest()


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    """A running server, where Google's own variable leads."""
    server = GcsServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"outer": server}))
    http.daemon_threads = True
    server.url = os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        del os.environ["STORAGE_EMULATOR_HOST"]
        http.shutdown()
        http.server_close()
        thread.join()
