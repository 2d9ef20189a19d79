"""Samples of a dataset, and the mappings that give them their order."""

from __future__ import annotations

from typing import Any, Literal

from lightly_airflow.contract.endpoint import PAGING, Endpoint
from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.samples import SampleCreateRequest, SamplePartial, SamplePartialMode
from lightly_airflow.contract.wire import Call

CREATE: Endpoint[CreatedEntity] = Endpoint(
    "POST", "/v1/datasets/{datasetId}/samples", CreatedEntity, 201, SampleCreateRequest
)
LIST_PARTIAL: Endpoint[list[SamplePartial]] = Endpoint(
    "GET",
    "/v1/datasets/{datasetId}/samples/partial",
    list[SamplePartial],
    query={"mode": SamplePartialMode, "fileName": str, **PAGING},
)
READ_URL: Endpoint[str] = Endpoint(
    "GET",
    "/v1/datasets/{datasetId}/samples/{sampleId}/readurl",
    str,
    query={"type": Literal["full", "thumbnail"]},
    media="text",
)
MAPPINGS: Endpoint[list[str]] = Endpoint(
    "GET", "/v1/datasets/{datasetId}/mappings", list[str], query={"field": Literal["_id", "fileName"], **PAGING}
)
EMBEDDINGS: Endpoint[list[dict[str, Any]]] = Endpoint(
    "GET", "/v1/datasets/{datasetId}/embeddings", list[dict[str, Any]]
)


def create_sample(dataset_id: str, sample: SampleCreateRequest) -> Call[CreatedEntity]:
    """POST /v1/datasets/{datasetId}/samples: appended to the mappings."""
    return CREATE.call(datasetId=dataset_id, body=sample)


def mappings(dataset_id: str, field: Literal["_id", "fileName"], page_size: int, page_offset: int) -> Call[list[str]]:
    """GET /v1/datasets/{datasetId}/mappings: one page of the samples in the order of the tags' bits."""
    return MAPPINGS.call(datasetId=dataset_id, query={"field": field, "pageSize": page_size, "pageOffset": page_offset})
