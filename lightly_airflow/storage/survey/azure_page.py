"""Azure's answers as columns: https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs and .../get-blob-tags.

Pure. A page of 5,000 blobs costs a few passes over its elements, and no call a blob.
"""

from __future__ import annotations

from urllib.parse import unquote
from xml.etree import ElementTree as ET

import numpy as np

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, SECOND, Array, Objects, text_column

_MONTHS = np.array([b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"])
_EXAMPLE = "Thu, 01 Jan 1970 00:00:00 GMT"


def read_page(body: bytes, root: str) -> tuple[Objects, str]:
    """The blobs of a page, with the facts that :mod:`~lightly_airflow.storage.lifecycle.azure` asks for; and the next marker.

    The directories of accounts with a hierarchical namespace are listed like blobs and left out here.

    :param body: the answer, as XML.
    :param root: the prefix that was listed, with which every name begins.
    :raises ValueError: the answer cannot be read.
    """
    page = _parsed(body)
    names = _names(page, encoded=b'Encoded="true"' in body)
    count = len(names)
    facts = {
        "created": http_times(_texts(page, "Creation-Time", count)),
        "accessed": http_times(_texts(page, "LastAccessTime", count)),
        "expires": http_times(_texts(page, "Expiry-Time", count)),
        "blob_type": text_column(_texts(page, "BlobType", count)),
    }
    sizes = text_column([text or "0" for text in _texts(page, "Content-Length", count)]).astype(np.int64)
    modified = http_times(_texts(page, "Last-Modified", count))
    objects = Objects(root, text_column([name[len(root) :] for name in names]), sizes, modified, facts)
    is_file = text_column(_texts(page, "ResourceType", count)) != "directory"
    return objects.where(is_file), page.findtext("NextMarker") or ""


def read_tags(body: bytes) -> dict[str, str]:
    """The index tags of a blob.

    :param body: the answer of Get Blob Tags, as XML.
    :raises ValueError: the answer cannot be read.
    """
    tags = _parsed(body).iter("Tag")
    return {tag.findtext("Key", ""): tag.findtext("Value", "") for tag in tags}


def http_times(texts: list[str]) -> Array:
    """Times in HTTP's form, whose width is fixed, such as ``Sun, 06 Nov 1994 08:49:37 GMT``; ``NEVER`` for an empty text.

    :raises ValueError: a text has another form.
    """
    fixed = np.array([text or _EXAMPLE for text in texts], dtype=f"S{len(_EXAMPLE)}")
    if not np.strings.endswith(fixed, b" GMT").all():
        raise ValueError("a time is not in HTTP's form")
    letters = fixed.view("S1").reshape(len(fixed), len(_EXAMPLE))
    month = np.argmax(letters[:, 8:11].copy().view("S3") == _MONTHS, axis=1)
    months = ((_number(letters, 12, 16) - 1970) * 12 + month).astype("datetime64[M]")
    day = months.astype("datetime64[D]").astype(np.int64) + _number(letters, 5, 7) - 1
    seconds = (_number(letters, 17, 19) * 60 + _number(letters, 20, 22)) * 60 + _number(letters, 23, 25)
    return np.where(text_column(texts) == "", NEVER, day * DAY + seconds * SECOND)


def _number(letters: Array, start: int, stop: int) -> Array:
    """The number that stands between two places of every text."""
    digits = letters.view(np.uint8).astype(np.int64) - ord("0")
    number = np.zeros(len(letters), np.int64)
    for place in range(start, stop):
        number = number * 10 + digits[:, place]
    return number


def _parsed(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314 - it comes from the storage that holds the inputs
    except ET.ParseError:
        raise ValueError("the answer is not XML") from None


def _names(page: ET.Element, *, encoded: bool) -> list[str]:
    """A name that XML cannot hold is percent-encoded, and says so."""
    if not encoded:
        return [name.text or "" for name in page.iter("Name")]
    told = ((name.text or "", name.get("Encoded") == "true") for name in page.iter("Name"))
    return [unquote(text) if is_encoded else text for text, is_encoded in told]


def _texts(page: ET.Element, name: str, count: int) -> list[str]:
    """A property of every blob of a page; empty for those that have it not."""
    found = [element.text or "" for element in page.iter(name)]
    if len(found) == count:
        return found
    if not found:
        return [""] * count
    return [properties.findtext(name) or "" for properties in page.iter("Properties")]
