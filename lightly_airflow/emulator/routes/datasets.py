"""Datasets: names are unique within one owner; nobody shares, so lists of shared ones are empty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.datasets import DatasetCreateRequest, DatasetData, DatasetUpdateRequest
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.samples import SamplePartial
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.operations import datasets
from lightly_airflow.emulator.records import ArtifactRecord, DatasourceRecord, LogRecord, ScheduleRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.owned import dataset_of, the_dataset
from lightly_airflow.emulator.routing import Ask, Routes
from lightly_airflow.emulator.world import World

ROUTES = Routes()
CONTENTS = (DatasourceRecord, ScheduleRecord, Run, SamplePartial, Tag)


@ROUTES.serves(datasets.LIST)
def list_datasets(ask: Ask[Any]) -> list[DatasetData]:
    """The user's datasets, oldest first."""
    return [] if _others_only(ask) else ask.world.find(DatasetData, user_id=ask.user_id, **ask.paging)


@ROUTES.serves(datasets.QUERY_BY_NAME)
def query_by_name(ask: Ask[Any]) -> list[DatasetData]:
    """The user's datasets of that name, or whose names begin so."""
    name = ask.ids["datasetName"]
    if _others_only(ask):
        return []
    if ask.query.get("exact"):
        return ask.world.find(DatasetData, user_id=ask.user_id, name=name, **ask.paging)
    mine = ask.world.find(DatasetData, user_id=ask.user_id)
    return ask.page([dataset for dataset in mine if dataset.name.startswith(name)])


@ROUTES.serves(datasets.CREATE)
def create_dataset(ask: Ask[DatasetCreateRequest]) -> CreatedEntity:
    """A new dataset; Images if no type is given."""
    world, wanted = ask.world, ask.body
    if wanted.parent_dataset_id:
        dataset_of(ask, wanted.parent_dataset_id)
    now = world.milliseconds()
    dataset = DatasetData(
        id=world.new_id(),
        name=wanted.name,
        user_id=ask.user_id,
        type=wanted.type or "Images",
        img_type=wanted.img_type,
        parent_dataset_id=wanted.parent_dataset_id,
        n_samples=0,
        size_in_bytes=0,
        created_at=now,
        last_modified_at=now,
    )
    with world.transaction():
        _refuse_taken_name(ask, wanted.name)
        world.add(dataset)
    return CreatedEntity(id=dataset.id)


@ROUTES.serves(datasets.GET)
def get_dataset(ask: Ask[Any]) -> DatasetData:
    """One dataset."""
    return the_dataset(ask)


@ROUTES.serves(datasets.UPDATE)
def rename_dataset(ask: Ask[DatasetUpdateRequest]) -> None:
    """Another name; the dataset's own name is no conflict."""
    with ask.world.transaction():
        dataset = the_dataset(ask)
        if ask.body.name != dataset.name:
            _refuse_taken_name(ask, ask.body.name)
        changed = {"name": ask.body.name, "last_modified_at": ask.world.milliseconds()}
        ask.world.save(dataset.model_copy(update=changed))


@ROUTES.serves(datasets.DELETE)
def delete_dataset(ask: Ask[Any]) -> None:
    """The dataset and all that it holds; a run that is at work then fails. ``force`` makes no difference here."""
    with ask.world.transaction():
        dataset = the_dataset(ask)
        _forget_runs(ask.world, (run.id for run in ask.world.find(Run, dataset_id=dataset.id)))
        for kind in CONTENTS:
            ask.world.remove(kind, dataset_id=dataset.id)
        ask.world.remove(DatasetData, id=dataset.id)


def _forget_runs(world: World, run_ids: Iterable[str]) -> None:
    for run_id in run_ids:
        for artifact in world.find(ArtifactRecord, run_id=run_id):
            world.remove_file(artifact.id)
        world.remove(ArtifactRecord, run_id=run_id)
        world.remove(LogRecord, run_id=run_id)


def _others_only(ask: Ask[Any]) -> bool:
    return bool(ask.query.get("shared") or ask.query.get("getAssetsOfTeam"))


def _refuse_taken_name(ask: Ask[Any], name: str) -> None:
    if ask.world.count(DatasetData, user_id=ask.user_id, name=name):
        raise Refusal(409, "DATASET_NAME_EXISTS", f"there is a dataset named {name!r} already")
