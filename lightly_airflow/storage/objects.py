"""Reads and writes single objects; a refusal comes as :class:`StorageError`, without URL and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightly_airflow.storage.errors import explained, location

if TYPE_CHECKING:
    from obstore.store import ObjectStore


def read_object(store: ObjectStore, path: str) -> bytes:
    """The bytes of one object.

    :param path: relative to the store's directory.
    :raises StorageError: there is none, the store refused, or it cannot be reached.
    """
    with explained(store, f"read {location(store)}{path}"):
        return store.get(path).bytes().to_bytes()


def write_object(store: ObjectStore, path: str, content: bytes) -> None:
    """Write one object, in place of an older one.

    :param path: relative to the store's directory.
    :raises StorageError: the store refused or cannot be reached.
    """
    with explained(store, f"write {location(store)}{path}"):
        store.put(path, content)
