"""Tags: named subsets of a dataset's samples, each a bit mask."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lightly_airflow.contract.models.base import AnswerModel, Id, Milliseconds, RequestModel, TagName
from lightly_airflow.contract.models.datasets import Creator, ImageType

TagCreator = Creator | Literal["SAMPLER_ACTIVE_LEARNING", "SAMPLER_CORAL", "SAMPLER_CORESET", "SAMPLER_RANDOM"]
BitMask = Annotated[str, Field(pattern=r"^0x[a-f0-9]+$")]
FileNameFormat = Literal["NAME", "DATASOURCE_FULL", "REDIRECTED_READ_URL"]
FileOutputFormat = Literal["JSON", "PLAIN"]


class TagCreateRequest(RequestModel):
    """POST /v1/datasets/{datasetId}/tags"""

    name: TagName
    prev_tag_id: Id
    query_tag_id: Id | None = None
    preselected_tag_id: Id | None = None
    bit_mask_data: BitMask
    tot_size: int
    creator: TagCreator | None = None
    changes: dict[str, Any] | None = None
    run_id: Id | None = None


class InitialTagCreateRequest(RequestModel):
    """POST /v1/datasets/{datasetId}/tags/initial"""

    name: TagName | None = None
    creator: TagCreator | None = None
    img_type: ImageType
    run_id: Id | None = None


class TagUpsizeRequest(RequestModel):
    """POST /v1/datasets/{datasetId}/tags/upsize"""

    upsize_tag_name: TagName
    upsize_tag_creator: TagCreator
    run_id: Id | None = None


class Tag(AnswerModel):
    """A tag. Bit i of the mask, lowest first, is the i-th sample of the dataset's mappings."""

    id: Id
    dataset_id: Id
    prev_tag_id: Id | None = None
    query_tag_id: Id | None = None
    preselected_tag_id: Id | None = None
    name: str
    bit_mask_data: BitMask = Field(repr=False)
    tot_size: int
    created_at: Milliseconds
    last_modified_at: Milliseconds | None = None
    changes: list[dict[str, Any]] | None = None
    run_id: Id | None = None

    @property
    def size(self) -> int:
        """How many samples the tag holds."""
        return int(self.bit_mask_data, 16).bit_count()


class FilenameAndReadUrl(AnswerModel):
    """An exported sample and a URL that reads it."""

    file_name: str
    read_url: str = Field(repr=False)
