"""A dataset's buckets, opened with the datasource's own credentials; what goes wrong there, as LightlyOne's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.world import World
from lightly_airflow.storage.directory import Directory, StorageError
from lightly_airflow.storage.objects import read_object
from lightly_airflow.storage.stores import open_store


def open_bucket(world: World, dataset_id: str, purpose: Purpose) -> Directory:
    """The directory of a dataset's datasource.

    :raises Refusal: there is no such datasource, or its kind cannot be opened here.
    """
    config = world.datasource_config(dataset_id, purpose)
    if config is None:
        raise Refusal(404, "DATASET_DATASOURCE_UNKNOWN", f"the dataset has no {purpose} datasource")
    try:
        return open_store(config)
    except LightlyConfigError as error:
        raise Refusal(400, "DATASET_DATASOURCE_INVALID", f"{purpose}: {error}") from None


@contextmanager
def answered(purpose: Purpose) -> Iterator[None]:
    """Turn a bucket's refusal into LightlyOne's."""
    try:
        yield
    except StorageError as error:
        raise Refusal(400, "DATASET_DATASOURCE_CREDENTIALS_ERROR", f"{purpose}: {error}") from None


def read_bucket(world: World, dataset_id: str, purpose: Purpose, path: str) -> bytes:
    """The bytes of one object.

    :param path: relative to the datasource's directory.
    :raises Refusal: there is no such datasource, or the bucket refuses.
    """
    with answered(purpose):
        return read_object(open_bucket(world, dataset_id, purpose), path)
