"""Datasources: set, verify, list what is in them."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.contract.models.datasources import (
    Cursors,
    DatasourceConfig,
    ProcessedUntil,
    ProcessedUntilRequest,
    Purpose,
    RawSamples,
    VerifyData,
)
from lightly_airflow.contract.wire import Call

_LISTING = {"from": int, "to": int, "relevantFilenamesFileName": str}

GET: Endpoint[dict[str, Any]] = Endpoint(
    "GET", "/v1/datasets/{datasetId}/datasource", dict[str, Any], query={"purpose": Purpose}
)
PUT: Endpoint[None] = Endpoint("PUT", "/v1/datasets/{datasetId}/datasource", body=DatasourceConfig)
ALL: Endpoint[list[dict[str, Any]]] = Endpoint("GET", "/v1/datasets/{datasetId}/datasource/all", list[dict[str, Any]])
VERIFY: Endpoint[VerifyData] = Endpoint("GET", "/v1/datasets/{datasetId}/datasource/verify", VerifyData)
LIST: Endpoint[RawSamples] = Endpoint(
    "GET",
    "/v1/datasets/{datasetId}/datasource/list",
    RawSamples,
    query={**_LISTING, "cursor": str, "useRedirectedReadUrl": bool},
)
LIST_DIVIDED: Endpoint[Cursors] = Endpoint(
    "GET", "/v1/datasets/{datasetId}/datasource/list/dnc", Cursors, query={**_LISTING, "dncShards": int}
)
GET_PROCESSED_UNTIL: Endpoint[ProcessedUntil] = Endpoint(
    "GET", "/v1/datasets/{datasetId}/datasource/processedUntilTimestamp", ProcessedUntil
)
PUT_PROCESSED_UNTIL: Endpoint[None] = Endpoint(
    "PUT", "/v1/datasets/{datasetId}/datasource/processedUntilTimestamp", body=ProcessedUntilRequest
)


def put_datasource(dataset_id: str, config: DatasourceConfig) -> Call[None]:
    """PUT /v1/datasets/{datasetId}/datasource: sets or replaces the datasource of the config's purpose, at once."""
    return PUT.call(datasetId=dataset_id, body=config)


def all_datasources(dataset_id: str) -> Call[list[dict[str, Any]]]:
    """GET /v1/datasets/{datasetId}/datasource/all; what comes in place of the secrets is LightlyOne's choice."""
    return ALL.call(datasetId=dataset_id)


def verify_datasource(dataset_id: str) -> Call[VerifyData]:
    """GET /v1/datasets/{datasetId}/datasource/verify: INPUT and LIGHTLY together, in four permissions."""
    return VERIFY.call(datasetId=dataset_id)


def get_processed_until(dataset_id: str) -> Call[ProcessedUntil]:
    """GET .../datasource/processedUntilTimestamp, in seconds; 0 when nothing was processed yet."""
    return GET_PROCESSED_UNTIL.call(datasetId=dataset_id)


def put_processed_until(dataset_id: str, seconds: int) -> Call[None]:
    """PUT .../datasource/processedUntilTimestamp"""
    return PUT_PROCESSED_UNTIL.call(datasetId=dataset_id, body=ProcessedUntilRequest(processed_until_timestamp=seconds))
