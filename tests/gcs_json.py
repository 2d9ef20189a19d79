"""The JSON side of the tests' Google storage: a bucket's resource, and listings in pages, each for its permission.

As in https://cloud.google.com/storage/docs/json_api/v1; the emulator's own answers know neither pages nor permissions.
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gcp_storage_emulator.storage import Storage

ROOT = "/storage/v1/b/"
PAGE = 3  # objects in one answer, so that few objects already make several pages
Answer = tuple[int, dict[str, Any]]


def json_answer(storage: Storage, url: str, owner: str | None, granted: set[str]) -> Answer:
    """Status and body of the answer to a GET below ``ROOT``.

    :param owner: the service account that asks; ``None`` if its token is not known.
    :param granted: what it may do.
    """
    bucket, _, rest = unquote(urlsplit(url).path).removeprefix(ROOT).partition("/")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    needed = "objects.list" if rest == "o" else "buckets.get"
    if owner is None:
        return _error(401, "Invalid Credentials")
    if bucket not in storage.buckets:
        return _error(404, "The specified bucket does not exist.")
    if needed.removeprefix("objects.") not in granted:
        return _error(403, f"{owner} does not have storage.{needed} access to the Google Cloud Storage bucket.")
    fields = set(re.findall(r"\w+", query["fields"]))  # only what is asked for is told, as Google does
    return 200, _only(fields, _listing(storage, bucket, query) if rest == "o" else storage.buckets[bucket])


def _listing(storage: Storage, bucket: str, query: dict[str, str]) -> dict[str, Any]:
    after = base64.b64decode(query.get("pageToken", "")).decode()
    known = storage.objects.get(bucket, {})
    names = [name for name in sorted(known) if name.startswith(query.get("prefix", "")) and name > after]
    page = names[: min(PAGE, int(query["maxResults"]))]
    items = [known[name] | {"size": str(len(storage.get_file(bucket, name)))} for name in page]
    more = {"nextPageToken": base64.b64encode(page[-1].encode()).decode()} if len(page) < len(names) else {}
    return {"kind": "storage#objects", **({"items": items} if items else {}), **more}


def _only(fields: set[str], found: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in found.items() if name in fields}
    return kept | ({"items": [_only(fields, one) for one in kept["items"]]} if "items" in kept else {})


def _error(status: int, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message, "errors": [{"message": message}]}}
