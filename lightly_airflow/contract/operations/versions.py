"""Which version of the official client LightlyOne wants; the only operations that need no token."""

from __future__ import annotations

from lightly_airflow.contract.endpoint import Endpoint

LATEST: Endpoint[str] = Endpoint(
    "GET", "/v1/versions/pip/latest", str, query={"currentVersion": str}, token=False, media="text"
)
MINIMUM: Endpoint[str] = Endpoint("GET", "/v1/versions/pip/minimum", str, token=False, media="text")
