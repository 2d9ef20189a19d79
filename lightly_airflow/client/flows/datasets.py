"""Creating a dataset so that a retry, a lost response or a neighbour doing the same makes no second one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Literal

from lightly_airflow.client.policy import may_have_happened
from lightly_airflow.contract.errors import LightlyApiError, LightlyConfigError, LightlyError
from lightly_airflow.contract.models.datasets import DatasetData, DatasetType
from lightly_airflow.contract.operations import datasets, workers
from lightly_airflow.contract.rules import check_dataset_name
from lightly_airflow.contract.wire import Flow, Pause

IfExists = Literal["return", "fail", "skip", "unique"]
MAX_TRIES = 4


@dataclass(frozen=True, slots=True)
class DatasetOutcome:
    """A dataset that is there now, and whether this conversation made it."""

    dataset_id: str
    name: str
    created: bool


def ensure_dataset(name: str, dataset_type: DatasetType, if_exists: IfExists) -> Flow[DatasetOutcome]:
    """The dataset of that exact name, created if need be.

    :param name: the dataset's name.
    :param dataset_type: ``Images`` or ``Videos``; an existing dataset of another type is an error.
    :param if_exists: ``return`` and ``skip`` take the existing one (``skip`` leaves it to the caller to tell them
        apart), ``fail`` raises, ``unique`` takes the next free of ``name``, ``name_1``, ``name_2`` ...
    :raises LightlyConfigError: for an illegal name, a dataset of another type, or ``fail`` and a name that is taken.
    """
    check_dataset_name(name)
    if if_exists == "unique":
        return (yield from _create_unique(name, dataset_type))
    found = yield from dataset_named(name)
    if found is not None and if_exists == "fail":
        raise _taken(name)
    if found is None:
        outcome = yield from _create(name, dataset_type)
        if outcome is not None:
            return outcome
        if if_exists == "fail":
            raise _taken(name)
        found = yield from dataset_named(name)
    return _existing(found, name, dataset_type)


def dataset_named(name: str) -> Flow[DatasetData | None]:
    """The token's own dataset of exactly that name, if there is one."""
    found = yield from datasets.datasets_named(name)
    return next((dataset for dataset in found if dataset.name == name), None)


def whoami() -> Flow[str | None]:
    """The id of the user whom the token belongs to; ``None`` where nothing of theirs tells it. LightlyOne's API has no
    operation that asks for the user, but every dataset and worker names its owner."""
    own = yield from datasets.list_datasets(page_size=1)
    if own:
        return own[0].user_id
    registered = yield from workers.list_workers()
    return registered[0].user_id if registered else None


def _create(name: str, dataset_type: DatasetType) -> Flow[DatasetOutcome | None]:
    """Creates a dataset that was not there a moment ago; ``None`` if somebody else was faster."""
    for attempt in count():
        try:
            created = yield from datasets.create_dataset(name, dataset_type)
        except LightlyError as error:
            if _is_conflict(error):
                return None
            if not may_have_happened(error) or attempt + 1 == MAX_TRIES:
                raise
        else:
            return DatasetOutcome(created.id, name, created=True)
        # The answer was lost: the dataset is there if the request was not.
        found = yield from dataset_named(name)
        if found is not None:
            return DatasetOutcome(_existing(found, name, dataset_type).dataset_id, name, created=True)
        yield from Pause(2.0**attempt)
    raise AssertionError("count() does not end")


def _create_unique(name: str, dataset_type: DatasetType) -> Flow[DatasetOutcome]:
    for number in count():
        candidate = f"{name}_{number}" if number else name
        if (yield from dataset_named(candidate)) is None:
            outcome = yield from _create(candidate, dataset_type)
            if outcome is not None:
                return outcome
    raise AssertionError("count() does not end")


def _is_conflict(error: LightlyError) -> bool:
    return isinstance(error, LightlyApiError) and (error.status == 409 or error.code == "DATASET_NAME_EXISTS")


def _existing(found: DatasetData | None, name: str, dataset_type: DatasetType) -> DatasetOutcome:
    if found is None:
        raise LightlyConfigError(
            f"LightlyOne says that a dataset {name!r} exists but does not list it;"
            " it may belong to a team: choose another name"
        )
    if found.type != dataset_type:
        raise LightlyConfigError(
            f"dataset {name!r} exists with type {found.type}, not {dataset_type}; choose another name or that type"
        )
    return DatasetOutcome(found.id, name, created=False)


def _taken(name: str) -> LightlyConfigError:
    return LightlyConfigError(
        f"dataset {name!r} exists already; choose another name, or if_exists='return', 'skip' or 'unique'"
    )
