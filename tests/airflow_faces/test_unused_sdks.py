"""A task loads the SDK of its own cloud alone, and says in one line what to install where a package is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.operations import datasets
from lightly_airflow.testing import emulator
from tests.azurite_server import ACCOUNT, Azurite
from tests.gcs_server import GcsServer
from tests.s3_server import S3Server

ROOT = Path(__file__).parents[2]
# Cloud -> packages. The providers' own top packages are loaded by Airflow, which asks each what it provides.
SDKS = {
    "amazon": ("boto3", "botocore", "airflow.providers.amazon.aws"),
    "google": (
        "google.auth", "google.oauth2", "google.api_core", "google.cloud.storage", "google.cloud.secretmanager",
        "airflow.providers.google.cloud", "airflow.providers.google.common",
    ),
    "azure": ("azure", "msal", "airflow.providers.microsoft.azure.hooks"),
}  # fmt: skip
# Kind of datasource -> whose packages its task may load.
OWN = {
    "s3": "amazon",
    "role": "amazon",
    "obs": "amazon",
    "google": "google",
    "azure": "azure",
    "azure_key": "azure",
    "local": "none",
}
_INSTALL = {
    "amazon": "aws connections need the amazon extra: pip install 'lightly-airflow[amazon]'",
    "google": "google_cloud_platform connections need the google extra: pip install 'lightly-airflow[google]'",
    "azure": "wasb connections need the microsoft-azure extra: pip install 'lightly-airflow[microsoft-azure]'",
    "none": "trying local disks needs the emulator extra: pip install 'lightly-airflow[emulator]'",
}
Answers = dict[tuple[str, str], dict[str, Any]]


def connections(s3: S3Server, gcs: GcsServer, azurite: Azurite | None) -> dict[str, dict[str, Any]]:
    amazon = {"region_name": "eu-central-1", "endpoint_url": s3.url}
    role = {
        "role_arn": s3.add_role("lightly", "external/id-1", ("s3:*", "*")),
        "assume_role_kwargs": {"ExternalId": "external/id-1"},
        "service_config": {"sts": {"endpoint_url": s3.url}},
    }
    keys = {"conn_type": "aws", "login": "key", "password": "secret"}
    azure = {"conn_type": "wasb", "login": ACCOUNT, "host": azurite.url} if azurite else {}
    return {
        "s3": {**keys, "extra": amazon},
        "role": {**keys, "extra": {**amazon, **role}},
        "obs": {**keys, "extra": amazon},
        "google": {
            "conn_type": "google_cloud_platform",
            "extra": {"keyfile_dict": gcs.service_account("sdk", "list", "get")},
        },
        **({"azure": {**azure, "extra": {"sas_token": azurite.sas("rl")}}} if azurite else {}),
        **({"azure_key": {**azure, "password": azurite.key}} if azurite else {}),
    }


def arguments(kind: str, dataset_id: str) -> dict[str, Any]:
    start = {"obs": "obs://", "google": "gs://", "azure": "", "azure_key": ""}.get(kind, "s3://")
    conn_id = None if kind == "local" else kind
    path = "input/" if kind == "local" else f"{start}cameras/input/"
    return {"dataset_id": dataset_id, "resource_path": path, "datasource_conn_id": conn_id, "purpose": "INPUT"}


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed_azurite(request: pytest.FixtureRequest) -> Azurite | None:
    try:
        found: Azurite = request.getfixturevalue("running_azurite")
    except pytest.skip.Exception:
        return None
    return found


@pytest.fixture(scope="module")
def answers(
    running_s3: S3Server,
    running_gcs: GcsServer,
    installed_azurite: Azurite | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Answers:
    """(kind, what is missing) -> what the task has loaded, and its error."""
    mount = tmp_path_factory.mktemp("mount")
    (mount / "input").mkdir()
    (mount / "input" / "a.jpg").write_bytes(b"a")
    running_s3.reset()
    running_s3.put("cameras", "input/a.jpg", b"a")
    running_gcs.put("cameras", "input/a.jpg", b"a")
    if installed_azurite:
        installed_azurite.put("cameras", "input/a.jpg", b"a")
    found = connections(running_s3, running_gcs, installed_azurite)
    with emulator() as lightly:
        dataset_id = lightly.call(datasets.create_dataset("sdks", "Images")).id
        environment = {f"AIRFLOW_CONN_{kind.upper()}": json.dumps(one) for kind, one in found.items()}
        environment |= {"AIRFLOW_CONN_LIGHTLY_DEFAULT": lightly.connection, "LIGHTLY_INPUT_MOUNT": str(mount)}
        missing = {"nothing": (), "obstore": ("obstore",), **SDKS}
        cases = [(kind, name) for kind in (*found, "local") for name in missing]
        told = [{"arguments": arguments(kind, dataset_id), "missing": missing[name]} for kind, name in cases]
        return dict(zip(cases, set_each(told, environment), strict=True))


def set_each(cases: list[dict[str, Any]], environment: dict[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.airflow_faces.one_task_each"],
        input=json.dumps(cases),
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(answers: Answers, kind: str, missing: str) -> dict[str, Any]:
    if (kind, missing) not in answers:
        pytest.skip("Azurite is not installed: install node and npm, and run make test")
    return answers[kind, missing]


@pytest.mark.parametrize("kind", OWN)
def test_no_other_clouds_sdk_is_loaded(answers: Answers, kind: str) -> None:
    """The datasource is proven and set with its own cloud's packages alone."""
    found = answer(answers, kind, "nothing")
    assert found["error"] == ""
    loaded = {cloud for cloud, packages in SDKS.items() if set(packages) & set(found["modules"])}
    # A SAS token is taken as it stands, without Azure's SDK.
    assert loaded == {OWN[kind]} - {"none"} - ({"azure"} if kind == "azure" else set())


@pytest.mark.parametrize("kind", OWN)
def test_other_clouds_need_not_be_installed(answers: Answers, kind: str) -> None:
    """A missing SDK of another cloud changes nothing; Azure's is needed for account keys alone."""
    for cloud in set(SDKS) - {OWN[kind]} | ({"azure"} if kind == "azure" else set()):
        assert answer(answers, kind, cloud)["error"] == ""


@pytest.mark.parametrize(
    ("kind", "missing"),
    [*((kind, OWN[kind]) for kind in OWN if kind not in ("azure", "local")), *((kind, "obstore") for kind in OWN)],
)
def test_what_is_missing_is_one_line(answers: Answers, kind: str, missing: str) -> None:
    """The whole message is the line that installs it."""
    told = answer(answers, kind, missing)["error"]
    assert told == f"AirflowOptionalProviderFeatureException: {_INSTALL[OWN[kind]]}"
