"""Datasets: containers of samples and tags, with a type and up to one datasource a purpose."""

from __future__ import annotations

from typing import Literal

from lightly_airflow.contract.models.base import AnswerModel, DatasetName, Id, Milliseconds, RequestModel, Seconds

DatasetType = Literal["Images", "Videos", "Crops"]
ImageType = Literal["full", "thumbnail", "meta"]
Creator = Literal["UNKNOWN", "USER_WEBAPP", "USER_PIP", "USER_PIP_LIGHTLY_MAGIC", "USER_WORKER"]


class DatasetCreateRequest(RequestModel):
    """POST /v1/datasets"""

    name: DatasetName
    type: DatasetType | None = None
    img_type: ImageType | None = None
    creator: Creator | None = None
    parent_dataset_id: Id | None = None


class DatasetUpdateRequest(RequestModel):
    """PUT /v1/datasets/{datasetId}"""

    name: DatasetName


class DatasetData(AnswerModel):
    """A dataset as LightlyOne tells it. ``datasource_processed_until_timestamp`` is in seconds, the rest in ms."""

    id: Id
    name: str
    user_id: str
    type: str
    access_type: str | None = None
    img_type: str | None = None
    n_samples: int
    size_in_bytes: int
    meta_data_configuration_id: Id | None = None
    datasources: list[str] | None = None
    created_at: Milliseconds
    last_modified_at: Milliseconds
    datasource_processed_until_timestamp: Seconds | None = None
    access_role: str | None = None
    parent_dataset_id: Id | None = None
    original_dataset_id: Id | None = None
