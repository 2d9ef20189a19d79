"""The datapool: the samples that a dataset holds already, as a selection needs them.

A sample's descriptor travels in its metadata's ``dynamic`` member, where LightlyOne keeps it in a store of its own. So
earlier inputs are not read again, which worker 2.11.2 avoids too, and other datasets can be asked for by SIMILARITY.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lightly_airflow.contract.models.samples import SampleMetaData, SamplePartial
from lightly_airflow.contract.operations import samples, tags
from lightly_airflow.emulator.worker.descriptor import DIMENSIONS, Array
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.images import ImageFacts, numeric_metadata
from lightly_airflow.emulator.worker.journal import Api
from lightly_airflow.emulator.worker.metadata import CustomMetadata
from lightly_airflow.emulator.worker.selection import SampleTable

_MEMBER = "emulatorDescriptor"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Member:
    """An image as a selection sees it, whether it is new or came earlier."""

    name: str
    meta: SampleMetaData
    descriptor: Array


def read_pool(api: Api, dataset_id: str) -> list[Member]:
    """All samples of a dataset, in the order of its tags' bits."""
    found: list[SamplePartial] = []
    while len(found) % _PAGE == 0:
        query = {"mode": "full", "pageSize": _PAGE, "pageOffset": len(found)}
        page = api(samples.LIST_PARTIAL.call(datasetId=dataset_id, query=query))
        found += page
        if not page:
            break
    return [_member(sample) for sample in found]


def tag_embeddings(api: Api, dataset_id: str, tag_name: str) -> Array:
    """The descriptors of a tag's samples.

    :raises RunFailed: there is no such tag, or it is empty.
    """
    tag = next((tag for tag in api(tags.list_tags(dataset_id)) if tag.name == tag_name), None)
    if tag is None:
        raise RunFailed(f"SIMILARITY: dataset {dataset_id} has no tag {tag_name!r}")
    mask = int(tag.bit_mask_data, 16)
    chosen = [member.descriptor for i, member in enumerate(read_pool(api, dataset_id)) if mask >> i & 1]
    if not chosen:
        raise RunFailed(f"SIMILARITY: tag {tag_name!r} of dataset {dataset_id} has no samples")
    return np.stack(chosen)


def table_of(members: Sequence[Member | ImageFacts], custom: CustomMetadata) -> SampleTable:
    """One row an image, in the given order."""
    rows = [numeric_metadata(member.meta) for member in members]
    numbers = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    for key, values in custom.numbers.items():
        numbers[key] = np.array([values[member.name] for member in members])
    classes = {key: np.array([values[member.name] for member in members]) for key, values in custom.classes.items()}
    return SampleTable(np.stack([member.descriptor for member in members]), numbers, classes)


def with_descriptor(facts: ImageFacts) -> SampleMetaData:
    """The metadata under which a sample is stored: its facts, and its descriptor for later runs."""
    packed = base64.b64encode(facts.descriptor.astype("<f4").tobytes()).decode()
    return facts.meta.model_copy(update={"dynamic": {_MEMBER: packed}})


def _member(sample: SamplePartial) -> Member:
    meta = sample.meta_data or SampleMetaData()
    packed = (meta.dynamic or {}).get(_MEMBER, "")
    descriptor = np.frombuffer(base64.b64decode(packed), "<f4")
    if descriptor.size != DIMENSIONS:
        raise RunFailed(f"sample {sample.file_name!r} was not made by this worker; use another dataset")
    return Member(sample.file_name or "", meta, descriptor)
