"""A datasource is proven before LightlyOne is told of it: the directory, its permissions, and whether it holds inputs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from lightly_airflow.contract.files import is_image, is_video
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.storage.access import Access, check_access
from lightly_airflow.storage.directory import Directory, StorageError
from lightly_airflow.storage.listing import list_objects
from lightly_airflow.storage.paths import ResourcePath

log = logging.getLogger(__name__)
_COUNT_STEP = 100_000  # a listing of a million objects takes minutes: so often the log says that it goes on
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an INPUT directory holds.

    :param usable: how many files LightlyOne takes, by their endings.
    :param ignored: how many others there are.
    :param examples: a few of those others.
    """

    usable: int = 0
    ignored: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What trying a datasource has shown.

    :param path: the directory.
    :param access: the permissions.
    :param exists: whether the directory is there; ``None`` if it could not be listed.
    :param inputs: what it holds; ``None`` for another purpose than INPUT, or if it could not be listed.
    """

    path: ResourcePath
    access: Access
    exists: bool | None
    inputs: Inputs | None


def prove(directory: Directory, purpose: Purpose, dataset_type: str) -> Proof:
    """Try a datasource with its own credentials: LightlyOne's four permissions, the directory, and an INPUT's files.

    The directory has to exist, and may be empty: https://docs.lightly.ai/docs/cloud-storage.

    :param directory: the datasource's directory.
    :param purpose: what it is for; only INPUT's files are counted.
    :param dataset_type: which files are inputs: of ``Videos`` the videos, of any other type the images.
    :raises StorageError: listing broke off midway.
    """
    exists = _exists(directory)  # before a probe is written, which would make the directory
    access = check_access(directory, purpose)
    counted = purpose == "INPUT" and access.can_list
    return Proof(directory.path, access, exists, _count(directory, dataset_type) if counted else None)


def _exists(directory: Directory) -> bool | None:
    if directory.present is not None:
        return directory.present()
    try:
        found = any(_everything(directory))
    except StorageError:
        return None
    return found or not directory.path.prefix  # an empty bucket that can be listed is there


def _everything(directory: Directory) -> Iterator[str]:
    """Like ``list_objects``, with the empty objects by which object stores mark a directory."""
    with directory.explained(f"list {directory}"):
        for page in directory.store.list():
            # The marker of the directory itself has an empty name here.
            yield from (f"{directory}{item['path']}" for item in page)


def _count(directory: Directory, dataset_type: str) -> Inputs:
    fits = is_video if dataset_type == "Videos" else is_image
    usable, others, examples = 0, 0, []
    for number, item in enumerate(list_objects(directory), start=1):
        if fits(item.path):
            usable += 1
        else:
            others += 1
            examples += [item.path] if others <= _EXAMPLES else []
        if number % _COUNT_STEP == 0:
            log.info("Counted %s objects in %s so far, %s of them inputs", f"{number:,}", directory, f"{usable:,}")
    return Inputs(usable, others, tuple(examples))
