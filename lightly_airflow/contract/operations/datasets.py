"""Datasets: create, find, read, delete."""

from __future__ import annotations

from typing import Literal

from lightly_airflow.contract.endpoint import PAGING, TEAM, Endpoint
from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.datasets import (
    DatasetCreateRequest,
    DatasetData,
    DatasetType,
    DatasetUpdateRequest,
)
from lightly_airflow.contract.wire import Call

Whose = Literal["own", "shared", "team"]
_WHOSE = {"own": {"shared": False}, "shared": {"shared": True}, "team": {"getAssetsOfTeam": True}}

LIST: Endpoint[list[DatasetData]] = Endpoint(
    "GET", "/v1/datasets", list[DatasetData], query={"shared": bool, "excludePlayground": bool, **TEAM, **PAGING}
)
CREATE: Endpoint[CreatedEntity] = Endpoint("POST", "/v1/datasets", CreatedEntity, 201, DatasetCreateRequest)
QUERY_BY_NAME: Endpoint[list[DatasetData]] = Endpoint(
    "GET",
    "/v1/datasets/query/name/{datasetName}",
    list[DatasetData],
    query={"shared": bool, "exact": bool, "excludePlayground": bool, **TEAM, **PAGING},
)
GET: Endpoint[DatasetData] = Endpoint("GET", "/v1/datasets/{datasetId}", DatasetData)
UPDATE: Endpoint[None] = Endpoint("PUT", "/v1/datasets/{datasetId}", body=DatasetUpdateRequest)
DELETE: Endpoint[None] = Endpoint("DELETE", "/v1/datasets/{datasetId}", query={"force": bool})


def create_dataset(name: str, dataset_type: DatasetType) -> Call[CreatedEntity]:
    """POST /v1/datasets. 409 or DATASET_NAME_EXISTS where the owner has one of that name already."""
    return CREATE.call(body=DatasetCreateRequest(name=name, type=dataset_type, creator="USER_PIP"))


def datasets_named(name: str, page_size: int = 100, page_offset: int = 0) -> Call[list[DatasetData]]:
    """GET /v1/datasets/query/name/{datasetName}?exact=True: the token's own dataset of that name, in a list."""
    query = {"exact": True, "shared": False, "pageSize": page_size, "pageOffset": page_offset}
    return QUERY_BY_NAME.call(datasetName=name, query=query)


def datasets_starting_with(prefix: str, page_size: int, page_offset: int) -> Call[list[DatasetData]]:
    """GET /v1/datasets/query/name/{datasetName}?exact=False: one page of the datasets whose names begin so."""
    query = {"exact": False, "shared": False, "pageSize": page_size, "pageOffset": page_offset}
    return QUERY_BY_NAME.call(datasetName=prefix, query=query)


def list_datasets(page_size: int = 1, page_offset: int = 0) -> Call[list[DatasetData]]:
    """GET /v1/datasets: one page of the token's datasets."""
    return LIST.call(query={"pageSize": page_size, "pageOffset": page_offset})


def datasets_of(whose: Whose, page_size: int, page_offset: int = 0) -> Call[list[DatasetData]]:
    """GET /v1/datasets: one page of the user's own datasets, of those shared with them, or of their team's."""
    return LIST.call(query={**_WHOSE[whose], "pageSize": page_size, "pageOffset": page_offset})


def get_dataset(dataset_id: str) -> Call[DatasetData]:
    """GET /v1/datasets/{datasetId}"""
    return GET.call(datasetId=dataset_id)


def delete_dataset(dataset_id: str) -> Call[None]:
    """DELETE /v1/datasets/{datasetId}"""
    return DELETE.call(datasetId=dataset_id)
