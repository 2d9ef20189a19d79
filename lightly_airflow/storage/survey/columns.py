"""Listings through obstore as columns, for the storages whose rules ask for nothing that obstore does not tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.lifecycle.columns import Objects, microseconds, text_column, time_column
from lightly_airflow.storage.listing import StoredObject

_PAGE = 1000  # what S3 returns in one answer; more would only wait


def list_columns(directory: Directory) -> Iterator[Objects]:
    """Everything in a directory, an answer of the store at a time.

    :raises StorageError: the store refused or cannot be reached.
    """
    with directory.explained(f"list {directory}"):
        for page in directory.store.list(chunk_size=_PAGE, return_arrow=True):
            yield _objects(directory.path.prefix, page)


def as_columns(root: str, found: Sequence[StoredObject]) -> Objects:
    """Objects that were listed one by one.

    :param root: their directory in its bucket, as ``dir/sub/``.
    """
    return Objects(
        root,
        text_column([one.path for one in found]),
        time_column([one.size for one in found]),
        time_column([microseconds(one.last_modified) for one in found]),
    )


def _objects(root: str, page: Any) -> Objects:
    from arro3.core import DataType

    return Objects(
        root,
        text_column(page["path"].to_pylist()),
        page["size"].to_numpy().astype(np.int64),
        page["last_modified"].cast(DataType.int64()).to_numpy(),
    )
