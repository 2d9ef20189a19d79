"""Reads and writes single objects; a refusal comes as :class:`StorageError`, without URL and credentials."""

from __future__ import annotations

from lightly_airflow.storage.directory import Directory


def read_object(store: Directory, path: str) -> bytes:
    """The bytes of one object.

    :param path: relative to the store's directory.
    :raises StorageError: there is none, the store refused, or it cannot be reached.
    """
    with store.explained(f"read {store}{path}"):
        return store.store.get(path).bytes().to_bytes()


def try_reading(store: Directory, path: str) -> None:
    """Open one object and leave it at that: a video need not be fetched to see that it may be.

    :param path: relative to the store's directory.
    :raises StorageError: there is none, the store refused, or it cannot be reached.
    """
    with store.explained(f"read {store}{path}"):
        store.store.get(path)


def write_object(store: Directory, path: str, content: bytes) -> None:
    """Write one object, in place of an older one.

    :param path: relative to the store's directory.
    :raises StorageError: the store refused or cannot be reached.
    """
    with store.explained(f"write {store}{path}"):
        store.store.put(path, content)
