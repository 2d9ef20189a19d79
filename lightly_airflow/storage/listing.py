"""Streams what a directory holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lightly_airflow.storage.directory import Directory

if TYPE_CHECKING:
    from obstore import ObjectMeta

LIGHTLY_DIRECTORY = ".lightly/"
_PAGE = 1000  # what S3 returns in one answer; more would only wait


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object.

    :param path: relative to the store's directory.
    :param size: in bytes.
    :param last_modified: when it was written; has a time zone.
    """

    path: str
    size: int
    last_modified: datetime


def list_objects(store: Directory, prefix: str = "", *, own: bool = False) -> Iterator[StoredObject]:
    """Every object under the store's directory, in the store's order, page by page.

    :param prefix: only this subdirectory; by default everything.
    :param own: also what lies under ``.lightly/``, LightlyOne's own directory, which holds no inputs; default no.
    :raises StorageError: the store refused or cannot be reached.
    """
    with store.explained(f"list {store}{prefix}"):
        for page in store.store.list(prefix or None, chunk_size=_PAGE):
            yield from (_stored(item) for item in page if not _is_directory(item) and (own or not _is_own(item)))


def _stored(item: ObjectMeta) -> StoredObject:
    return StoredObject(item["path"], item["size"], item["last_modified"])


def _is_own(item: ObjectMeta) -> bool:
    return item["path"].startswith(LIGHTLY_DIRECTORY)


def _is_directory(item: ObjectMeta) -> bool:
    # Consoles mark directories by empty objects named "dir/"; obstore gives their names without the slash.
    return item["size"] == 0 and not PurePosixPath(item["path"]).suffix
