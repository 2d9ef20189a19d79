"""Samples: the files that a dataset holds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lightly_airflow.contract.models.base import AnswerModel, Id, Milliseconds, RequestModel

SamplePartialMode = Literal["ids", "fileNames", "full"]
Three = Field(min_length=3, max_length=3)


class SampleMetaData(RequestModel):
    """What the worker measures of an image. ``luminance`` 0 to 100; ``mean`` and ``std`` a channel, 0 to 1."""

    custom: dict[str, Any] | None = None
    dynamic: dict[str, Any] | None = None
    sharpness: Annotated[float, Field(ge=0)] | None = None
    luminance: Annotated[float, Field(ge=0, le=100)] | None = None
    size_in_bytes: Annotated[int, Field(ge=0)] | None = None
    snr: Annotated[float, Field(ge=0)] | None = None
    uniform_row_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    mean: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Three] | None = None
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Three] | None = None
    std: Annotated[list[Annotated[float, Field(ge=0)]], Three] | None = None
    sum_of_squares: Annotated[list[Annotated[float, Field(ge=0)]], Three] | None = None
    sum_of_values: Annotated[list[Annotated[float, Field(ge=0)]], Three] | None = None


class SampleCreateRequest(RequestModel):
    """POST /v1/datasets/{datasetId}/samples"""

    file_name: str
    thumb_name: str | None = None
    exif: dict[str, Any] | None = None
    meta_data: SampleMetaData | None = None
    custom_meta_data: dict[str, Any] | None = None


class SamplePartial(AnswerModel):
    """A sample in one of three modes: its id alone, its id and file name, or everything."""

    id: Id
    type: str | None = None
    dataset_id: Id | None = None
    file_name: str | None = None
    thumb_name: str | None = None
    exif: dict[str, Any] | None = None
    index: int | None = None
    created_at: Milliseconds | None = None
    last_modified_at: Milliseconds | None = None
    meta_data: SampleMetaData | None = None
    custom_meta_data: dict[str, Any] | None = None
