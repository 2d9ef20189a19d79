"""A bucket of cameras whose listings come in small pages, and surveys of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from lightly_airflow.contract.models.datasources import DatasourceConfig
from lightly_airflow.storage.lifecycle.columns import Array, microseconds
from lightly_airflow.storage.lifecycle.survey import Survey
from lightly_airflow.storage.reach import HERE, Reach
from lightly_airflow.storage.survey.inputs import read_rules, survey_inputs
from tests.s3_lifecycle import age
from tests.s3_server import S3Server
from tests.storage.conftest import s3_config

# Not today: what objects are at real time plays no part.
NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
PAGE = 3


CONFIG = s3_config("key", "secret")


class Look(Protocol):
    def __call__(
        self,
        config: DatasourceConfig = ...,
        *,
        until: datetime = ...,
        reach: Reach = HERE,
        dataset_type: str = "Images",
        lasting: Callable[[Array], None] | None = None,
    ) -> Survey: ...


@pytest.fixture
def cameras(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server with the bucket ``cameras``, three objects to a page."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(PAGE))
    s3.client.create_bucket(Bucket="cameras")
    s3.lifecycle.requests.clear()
    return s3


@pytest.fixture
def look() -> Look:
    """Reads the rules and surveys a datasource at ``NOW``: which inputs last a day, or until the time given?"""

    def survey(
        config: DatasourceConfig = CONFIG,
        *,
        until: datetime = NOW + timedelta(days=1),
        reach: Reach = HERE,
        dataset_type: str = "Images",
        lasting: Callable[[Array], None] | None = None,
    ) -> Survey:
        empty, rules = Survey(microseconds(NOW), microseconds(until)), read_rules(config, reach)
        return survey_inputs(empty, config, rules, dataset_type, reach=reach, lasting=lasting)

    return survey


def put(server: S3Server, days_ago: float, *names: str, tags: str = "", size: int = 1) -> None:
    """Objects of the bucket that were written so many days ago; not counted as requests."""
    counted = server.lifecycle.requests.copy()
    for name in names:
        server.client.put_object(Bucket="cameras", Key=name, Body=b"1" * size, Tagging=tags)
        age("cameras", name, NOW - timedelta(days=days_ago))
    server.lifecycle.requests = counted


def set_rules(server: S3Server, *rules: dict[str, Any]) -> None:
    """The bucket's rules; not counted as a request."""
    server.set_rules("cameras", *rules)
    server.lifecycle.requests.clear()
