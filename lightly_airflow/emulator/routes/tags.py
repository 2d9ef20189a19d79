"""Tags: ``initial-tag`` is the root, others come off it. Error codes are LightlyOne's, their statuses guesses."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.tags import InitialTagCreateRequest, Tag, TagCreateRequest, TagUpsizeRequest
from lightly_airflow.contract.operations import tags
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.owned import the_dataset, the_tag
from lightly_airflow.emulator.routing import Ask, Routes

ROUTES = Routes()
INITIAL_TAG = "initial-tag"


@ROUTES.serves(tags.LIST)
def list_tags(ask: Ask[Any]) -> list[Tag]:
    """The dataset's tags, oldest first."""
    return ask.world.find(Tag, dataset_id=the_dataset(ask).id)


@ROUTES.serves(tags.GET)
def get_tag(ask: Ask[Any]) -> Tag:
    """One tag."""
    return the_tag(ask)


@ROUTES.serves(tags.CREATE)
def create_tag(ask: Ask[TagCreateRequest]) -> CreatedEntity:
    """A subset of the dataset's samples, off another tag."""
    wanted = ask.body
    with ask.world.transaction():
        dataset = the_dataset(ask)
        _refuse_taken_name(ask, dataset, wanted.name)
        for role in ("prev", "query", "preselected"):
            _check_relative(ask, dataset, role)
        _check_mask(dataset, wanted)
        changes = wanted.changes and [_change(ask, wanted.creator or "UNKNOWN", wanted.changes)]
        told = wanted.model_dump(exclude={"creator", "changes"}, exclude_none=True)
        return _add(ask, Tag(**_fresh(ask, dataset), **told, changes=changes))


@ROUTES.serves(tags.CREATE_INITIAL)
def create_initial(ask: Ask[InitialTagCreateRequest]) -> CreatedEntity:
    """The root of all tags, with all samples that are there."""
    with ask.world.transaction():
        dataset = the_dataset(ask)
        if _initial(ask, dataset):
            raise Refusal(409, "TAG_INITIAL_EXISTS", "the dataset has its initial tag already; upsize it instead")
        told = {"name": ask.body.name or INITIAL_TAG, "run_id": ask.body.run_id}
        return _add(ask, Tag(**_fresh(ask, dataset), **told, bit_mask_data=_all(dataset), tot_size=dataset.n_samples))


@ROUTES.serves(tags.UPSIZE)
def upsize(ask: Ask[TagUpsizeRequest]) -> CreatedEntity:
    """Take the new samples into the initial tag, and tag them, and only them, under the given name."""
    with ask.world.transaction():
        dataset = the_dataset(ask)
        initial = _initial(ask, dataset)
        if initial is None:
            raise Refusal(404, "TAG_NO_TAG_IN_DATASET", "the dataset has no initial tag yet; create it first")
        _refuse_taken_name(ask, dataset, ask.body.upsize_tag_name)
        mask = _all(dataset)
        new = hex(int(mask, 16) ^ int(initial.bit_mask_data, 16))
        _resize(ask, dataset, initial, mask)
        told = {"name": ask.body.upsize_tag_name, "run_id": ask.body.run_id, "prev_tag_id": initial.id}
        return _add(ask, Tag(**_fresh(ask, dataset), **told, bit_mask_data=new, tot_size=dataset.n_samples))


@ROUTES.serves(tags.DELETE)
def delete_tag(ask: Ask[Any]) -> None:
    """Forget a tag that no other comes off; never the initial one."""
    with ask.world.transaction():
        tag = the_tag(ask)
        if tag.prev_tag_id is None:
            raise Refusal(409, "TAG_UNDELETABLE_IS_INITIAL", "the initial tag cannot be deleted")
        if ask.world.count(Tag, dataset_id=tag.dataset_id, prev_tag_id=tag.id):
            raise Refusal(409, "TAG_UNDELETABLE_NOT_A_LEAF", f"other tags come off {tag.name!r}; delete those first")
        ask.world.remove(Tag, id=tag.id)


def _initial(ask: Ask[Any], dataset: DatasetData) -> Tag | None:
    return next((tag for tag in ask.world.find(Tag, dataset_id=dataset.id) if tag.prev_tag_id is None), None)


def _fresh(ask: Ask[Any], dataset: DatasetData) -> dict[str, Any]:
    now = ask.world.milliseconds()
    return {"id": ask.world.new_id(), "dataset_id": dataset.id, "created_at": now, "last_modified_at": now}


def _add(ask: Ask[Any], tag: Tag) -> CreatedEntity:
    ask.world.add(tag)
    return CreatedEntity(id=tag.id)


def _all(dataset: DatasetData) -> str:
    return hex((1 << dataset.n_samples) - 1)


def _resize(ask: Ask[Any], dataset: DatasetData, initial: Tag, mask: str) -> None:
    for tag in ask.world.find(Tag, dataset_id=dataset.id):
        held = {"bit_mask_data": mask} if tag.id == initial.id else {}
        ask.world.save(tag.model_copy(update={"tot_size": dataset.n_samples, **held}))


def _change(ask: Ask[Any], creator: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {"userId": ask.user_id, "creator": creator, "ts": ask.world.milliseconds(), "changes": changes}


def _refuse_taken_name(ask: Ask[Any], dataset: DatasetData, name: str) -> None:
    if ask.world.count(Tag, dataset_id=dataset.id, name=name):
        raise Refusal(409, "TAG_NAME_EXISTS", f"the dataset has a tag named {name!r} already")


def _check_relative(ask: Ask[TagCreateRequest], dataset: DatasetData, role: str) -> None:
    tag_id = getattr(ask.body, f"{role}_tag_id")
    if tag_id and not ask.world.count(Tag, id=tag_id, dataset_id=dataset.id):
        raise Refusal(404, f"TAG_{role.upper()}TAG_NOT_IN_DATASET", f"the dataset has no tag {tag_id} ({role}TagId)")


def _check_mask(dataset: DatasetData, wanted: TagCreateRequest) -> None:
    size = dataset.n_samples
    if wanted.tot_size != size or int(wanted.bit_mask_data, 16) >> size:
        raise Refusal(400, "DATASET_TAG_INVALID", f"body.totSize and body.bitMaskData: the dataset has {size} samples")
