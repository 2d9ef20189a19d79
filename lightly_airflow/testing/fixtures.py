"""The emulator as pytest fixtures; ``lightly_default`` points to whatever a test asks for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lightly_airflow.testing.plan import Faults
from lightly_airflow.testing.proxy import faulty
from lightly_airflow.testing.running import LightlyEmulator, emulator

_DEFAULT = "AIRFLOW_CONN_LIGHTLY_DEFAULT"


@pytest.fixture
def lightly_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[LightlyEmulator]:
    """LightlyOne's API alone: runs wait in the queue, the test itself plays the worker. ``lightly_default`` points there."""
    with emulator() as running:
        monkeypatch.setenv(_DEFAULT, running.connection)
        yield running


@pytest.fixture
def lightly_emulator(lightly_api: LightlyEmulator) -> Iterator[LightlyEmulator]:
    """LightlyOne's API with a worker that curates real images. S3 datasources are looked for at AWS_ENDPOINT_URL_S3."""
    with lightly_api.worker():
        yield lightly_api


@pytest.fixture
def lightly_faults(lightly_api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """A proxy before LightlyOne's API, to which ``lightly_default`` points: it makes the faults that the test asks for.

    The test fails if one of them has not fired as often as it was to.
    """
    with faulty(lightly_api) as faults:
        monkeypatch.setenv(_DEFAULT, faults.connection)
        yield faults
