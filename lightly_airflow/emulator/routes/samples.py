"""Samples. Their index, the order of the mappings and of the tags' bits, is the order in which they came."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.samples import SampleCreateRequest, SamplePartial
from lightly_airflow.contract.operations import samples
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.owned import the_dataset, the_sample
from lightly_airflow.emulator.routing import Ask, Routes
from lightly_airflow.emulator.signed_urls import SignedUrls

ROUTES = Routes()
_SAMPLE_TYPES = {"Images": "IMAGE", "Videos": "VIDEO_FRAME", "Crops": "CROP"}


@ROUTES.serves(samples.CREATE)
def create_sample(ask: Ask[SampleCreateRequest]) -> CreatedEntity:
    """A new sample at the end of the mappings. That a file name cannot come twice is a guess."""
    with ask.world.transaction():
        dataset = the_dataset(ask)
        if ask.world.count(SamplePartial, dataset_id=dataset.id, file_name=ask.body.file_name):
            raise Refusal(409, "CONFLICT", f"the dataset holds {ask.body.file_name!r} already")
        sample = _sample(ask, dataset)
        ask.world.add(sample)
        ask.world.save(_grown(dataset, sample))
    return CreatedEntity(id=sample.id)


@ROUTES.serves(samples.LIST_PARTIAL)
def list_partial(ask: Ask[Any]) -> list[SamplePartial]:
    """The samples as ids, as ids and file names, or in full, which is the default."""
    name = {"file_name": ask.query["fileName"]} if "fileName" in ask.query else {}
    found = ask.world.find(SamplePartial, dataset_id=the_dataset(ask).id, **name, **ask.paging)
    mode = ask.query.get("mode", "full")
    if mode == "full":
        return found
    return [SamplePartial(id=one.id, file_name=one.file_name if mode == "fileNames" else None) for one in found]


@ROUTES.serves(samples.READ_URL)
def read_url(ask: Ask[Any]) -> str:
    """A signed URL of the file, or of its thumbnail; the file itself where there is none."""
    sample = the_sample(ask)
    return thumbnail_url(ask.urls, sample) if ask.query.get("type") == "thumbnail" else full_url(ask.urls, sample)


@ROUTES.serves(samples.MAPPINGS)
def mappings(ask: Ask[Any]) -> list[str]:
    """Ids or file names in the order of the tags' bits."""
    field = ask.required("field")
    found = ask.world.find(SamplePartial, dataset_id=the_dataset(ask).id, **ask.paging)
    return [one.id if field == "_id" else str(one.file_name) for one in found]


@ROUTES.serves(samples.EMBEDDINGS)
def embeddings(ask: Ask[Any]) -> list[dict[str, Any]]:
    """None: the emulator's descriptors stay with the worker."""
    the_dataset(ask)
    return []


def full_url(urls: SignedUrls, sample: SamplePartial) -> str:
    """A signed URL of a sample's file in the input datasource."""
    return urls.stored(str(sample.dataset_id), "INPUT", str(sample.file_name))


def thumbnail_url(urls: SignedUrls, sample: SamplePartial) -> str:
    """A signed URL of a sample's thumbnail in the Lightly datasource; of the file itself where there is none."""
    if sample.thumb_name is None:
        return full_url(urls, sample)
    return urls.stored(str(sample.dataset_id), "LIGHTLY", sample.thumb_name)


def _sample(ask: Ask[SampleCreateRequest], dataset: DatasetData) -> SamplePartial:
    now = ask.world.milliseconds()
    return SamplePartial(
        id=ask.world.new_id(),
        type=_SAMPLE_TYPES[dataset.type],
        dataset_id=dataset.id,
        index=dataset.n_samples,
        created_at=now,
        last_modified_at=now,
        **dict(ask.body),
    )


def _grown(dataset: DatasetData, sample: SamplePartial) -> DatasetData:
    size = (sample.meta_data and sample.meta_data.size_in_bytes) or 0
    grown = {"n_samples": dataset.n_samples + 1, "size_in_bytes": dataset.size_in_bytes + size}
    return dataset.model_copy(update={**grown, "last_modified_at": sample.created_at})
