"""What the tests of example DAGs share: Airflow's database, and the cameras' bucket."""

from __future__ import annotations

import json

import pytest

from tests.pictures import pictures
from tests.s3_server import S3Server


@pytest.fixture(scope="module")
def airflow_database() -> None:
    from airflow.utils import db

    db.initdb()


@pytest.fixture
def cameras(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The bucket that the DAG reads and writes, and its two connections."""
    s3.put("cameras", "lightly/", b"")
    for name, content in pictures().items():
        s3.put("cameras", f"input/{name}", content)
    connection = json.dumps(
        {"conn_type": "aws", "login": "key", "password": "secret", "extra": {"region_name": "eu-central-1"}}
    )
    for name in ("READ", "WRITE"):
        monkeypatch.setenv(f"AIRFLOW_CONN_CAMERAS_{name}", connection)
    return s3
