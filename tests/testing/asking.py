"""Asking the emulator through the proxy."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.operations import datasets
from lightly_airflow.contract.wire import Call
from lightly_airflow.testing import TOKEN, Faults
from tests.client.asking import Ask
from tests.client.conftest import through_requests

LIST = datasets.LIST.operation
CREATE = datasets.CREATE.operation


def made(ask: Ask, faults: Faults, call: Call[Any], timeout: float = 5.0) -> Any:
    """One call through the proxy, without retries."""
    return call.parse(ask(ApiSettings(token=TOKEN, api_url=faults.url, timeout=timeout), call.request))


def error_of(ask: Ask, faults: Faults, call: Call[Any], timeout: float = 5.0) -> LightlyError:
    with pytest.raises(LightlyError) as caught:
        made(ask, faults, call, timeout)
    return caught.value


def outcomes(faults: Faults, times: int) -> list[str | None]:
    """The faults that so many plain requests meet."""
    before = len(faults.requests)
    for _ in range(times):
        with suppress(LightlyError):
            made(through_requests, faults, datasets.list_datasets())
    return [one.fault for one in faults.requests[before:]]
