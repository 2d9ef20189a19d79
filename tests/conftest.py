"""Airflow for tests: a home of its own, set before anything imports Airflow."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from tests.azurite_server import Azurite, azurite_server
from tests.ceph_server import Ceph, ceph_server
from tests.gcs_server import GcsServer, gcs_server
from tests.s3_server import S3Server, s3_server

_HOME = tempfile.mkdtemp(prefix="lightly-airflow-tests-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(Path(__file__).parents[1] / "dags")
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
_FOREIGN = ("AIRFLOW_CONN_", "AWS_", "AZURE_", "GOOGLE_", "LIGHTLY_")
for _name in [name for name in os.environ if name.startswith(_FOREIGN)]:
    del os.environ[_name]

pytest_plugins = ["lightly_airflow.testing"]


@pytest.fixture(autouse=True)
def few_masks() -> None:
    """A test begins with nothing to mask, as a task does. Airflow compiles all that was ever masked with each new secret."""
    from airflow.sdk._shared.secrets_masker import reset_secrets_masker  # after AIRFLOW_HOME is set

    reset_secrets_masker()


@pytest.fixture(scope="session", autouse=True)
def aws_is_read_once() -> Iterator[None]:
    """Each boto3 session reads botocore's descriptions of AWS anew, which was a fifth of what the tests computed."""
    read = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda self, path: read(path))
        yield


@pytest.fixture(scope="session")
def running_s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(running_s3: S3Server) -> S3Server:
    """An empty S3 server, where AWS_ENDPOINT_URL_S3 leads."""
    running_s3.reset()
    return running_s3


@pytest.fixture(scope="session")
def running_gcs() -> Iterator[GcsServer]:
    with gcs_server() as server:
        yield server


@pytest.fixture
def gcs(running_gcs: GcsServer) -> GcsServer:
    """An empty Google storage server, where STORAGE_EMULATOR_HOST leads."""
    running_gcs.reset()
    return running_gcs


@pytest.fixture(scope="session")
def running_azurite() -> Iterator[Azurite]:
    with azurite_server() as server:
        yield server


@pytest.fixture
def azurite(running_azurite: Azurite) -> Azurite:
    """An Azure storage without containers, where AZURE_STORAGE_ENDPOINT leads."""
    running_azurite.reset()
    return running_azurite


@pytest.fixture(scope="session")
def ceph() -> Iterator[Ceph]:
    """A real S3 server of Ceph's. It is not emptied between tests: each takes buckets and users of its own names."""
    with ceph_server() as server:
        yield server
