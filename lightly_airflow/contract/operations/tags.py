"""Tags and their exports."""

from __future__ import annotations

from lightly_airflow.contract.endpoint import PAGING, Endpoint
from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.tags import (
    FilenameAndReadUrl,
    FileNameFormat,
    FileOutputFormat,
    InitialTagCreateRequest,
    Tag,
    TagCreateRequest,
    TagUpsizeRequest,
)
from lightly_airflow.contract.wire import Call

_EXPORT = {
    "expiresIn": int,
    "accessControl": str,
    "fileNameFormat": FileNameFormat,
    "includeMetaData": bool,
    "format": FileOutputFormat,
    "previewExample": bool,
    **PAGING,
}

LIST: Endpoint[list[Tag]] = Endpoint("GET", "/v1/datasets/{datasetId}/tags", list[Tag])
GET: Endpoint[Tag] = Endpoint("GET", "/v1/datasets/{datasetId}/tags/{tagId}", Tag)
CREATE: Endpoint[CreatedEntity] = Endpoint(
    "POST", "/v1/datasets/{datasetId}/tags", CreatedEntity, 201, TagCreateRequest
)
CREATE_INITIAL: Endpoint[CreatedEntity] = Endpoint(
    "POST", "/v1/datasets/{datasetId}/tags/initial", CreatedEntity, 201, InitialTagCreateRequest
)
UPSIZE: Endpoint[CreatedEntity] = Endpoint(
    "POST", "/v1/datasets/{datasetId}/tags/upsize", CreatedEntity, 201, TagUpsizeRequest
)
DELETE: Endpoint[None] = Endpoint("DELETE", "/v1/datasets/{datasetId}/tags/{tagId}")
EXPORT_FILENAMES: Endpoint[str] = Endpoint(
    "GET", "/v1/datasets/{datasetId}/tags/{tagId}/export/basic/filenames", str, query=_EXPORT, media="text"
)
EXPORT_FILENAMES_AND_READ_URLS: Endpoint[list[FilenameAndReadUrl]] = Endpoint(
    "GET",
    "/v1/datasets/{datasetId}/tags/{tagId}/export/basic/filenamesAndReadUrls",
    list[FilenameAndReadUrl],
    query={"format": FileOutputFormat, "previewExample": bool, **PAGING},
)


def list_tags(dataset_id: str) -> Call[list[Tag]]:
    """GET /v1/datasets/{datasetId}/tags"""
    return LIST.call(datasetId=dataset_id)


def create_tag(dataset_id: str, request: TagCreateRequest) -> Call[CreatedEntity]:
    """POST /v1/datasets/{datasetId}/tags"""
    return CREATE.call(datasetId=dataset_id, body=request)


def create_initial_tag(dataset_id: str, run_id: str | None = None) -> Call[CreatedEntity]:
    """POST /v1/datasets/{datasetId}/tags/initial: all samples so far, as ``initial-tag``."""
    body = InitialTagCreateRequest(img_type="full", creator="USER_WORKER", run_id=run_id)
    return CREATE_INITIAL.call(datasetId=dataset_id, body=body)


def upsize_tags(dataset_id: str, name: str, run_id: str | None = None) -> Call[CreatedEntity]:
    """POST /v1/datasets/{datasetId}/tags/upsize: takes new samples into ``initial-tag`` and tags them as ``name``."""
    body = TagUpsizeRequest(upsize_tag_name=name, upsize_tag_creator="USER_WORKER", run_id=run_id)
    return UPSIZE.call(datasetId=dataset_id, body=body)
