"""The proxy, and either of the package's transports to ask through it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lightly_airflow.testing import Faults, LightlyEmulator, faulty
from tests.client.asking import Ask
from tests.client.conftest import through_httpx, through_requests


@pytest.fixture
def faults(lightly_api: LightlyEmulator) -> Iterator[Faults]:
    with faulty(lightly_api) as running:
        yield running


@pytest.fixture(params=[through_requests, through_httpx], ids=["requests", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Sends one request through either of the package's transports."""
    chosen: Ask = request.param
    return chosen
