"""Each page of a datasource has every message of its storage, as it is raised, and no other."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import LocalConfig, Purpose
from lightly_airflow.exceptions import LightlyInputError
from lightly_airflow.hooks.datasource import CannotTry, DatasourceOptions, datasource_hook
from lightly_airflow.hooks.local import LocalDatasourceHook
from lightly_airflow.operators import LightlySetDatasourceOperator
from lightly_airflow.operators.preflight import check_datasource
from lightly_airflow.storage.sas import sas_problems
from lightly_airflow.storage.stores import open_store
from tests.docs.datasource_pages import COMMON, PAGES, PATHS, column, datasource, refusal
from tests.gcs_server import GcsServer
from tests.s3_server import S3Server

AWS: dict[str, Any] = {"conn_type": "aws", "login": "AKIAKEY", "password": "secret"}
REGION = {"region_name": "eu-central-1"}
EXTERNAL_ID = {"ExternalId": "cameras/Lightly+2026"}
ROLE = {"role_arn": "arn:aws:iam::123456789012:role/lightly", "assume_role_kwargs": EXTERNAL_ID}


def aws(**extra: Any) -> dict[str, Any]:
    return {**AWS, "extra": {**REGION, **extra}}


def wasb(password: str | None = None, login: str | None = "cameras", **extra: Any) -> dict[str, Any]:
    return {"conn_type": "wasb", "login": login, "password": password, "extra": extra}


def google(**extra: Any) -> dict[str, Any]:
    return {"conn_type": "google_cloud_platform", "extra": extra}


def bundle_refusal(monkeypatch: pytest.MonkeyPatch) -> str:
    """The message of a CA bundle that is not there, which only matters when the storage is reached."""
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(aws(verify="/etc/ssl/cameras.pem")))
    hook = datasource_hook("cameras", PATHS["s3"])
    with pytest.raises(LightlyConfigError) as caught:
        hook.reach(hook.config(PATHS["s3"], "INPUT", DatasourceOptions()))
    return str(caught.value).removeprefix("connection 'cameras': ")


def test_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Access keys and delegated access."""
    refused = [
        {**aws(), "login": None},
        aws(region_name=None),
        aws(region_name="il-central-1"),
        aws(aws_session_token="session"),
        aws(profile_name="night"),
        aws(config_kwargs={"signature_version": "unsigned"}),
        aws(**ROLE | {"assume_role_kwargs": {}}),
        aws(**ROLE | {"assume_role_kwargs": {"ExternalId": "short"}}),
        aws(**ROLE | {"role_arn": "lightly"}),
        aws(**ROLE, assume_role_method="assume_role_with_saml"),
        aws(**ROLE | {"assume_role_kwargs": {**EXTERNAL_ID, "SerialNumber": "arn:mfa", "TokenCode": "1"}}),
    ]
    raised = {refusal(connection, PATHS["s3"]) for connection in refused}
    raised.add(refusal(aws(), PATHS["s3"], kms_key="alias/cameras"))
    raised.add(bundle_refusal(monkeypatch))
    assert raised == column(PAGES["s3"], "message")


def test_s3_role_that_airflow_cannot_assume(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warnings' reasons: STS says no, or is not asked for want of an identity."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", s3.url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    key, secret = s3.add_user("airflow", ("sts:GetCallerIdentity", "*"))
    told = set()
    for identity in ({"login": key, "password": secret}, {"login": None, "password": None}):
        monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps({**aws(**ROLE), **identity}))
        hook = datasource_hook("cameras", PATHS["s3"])
        with s3.enforced(), pytest.raises(CannotTry) as caught:
            hook.reach(hook.config(PATHS["s3"], "INPUT", DatasourceOptions()))
        told.add(str(caught.value))
    assert told == column(PAGES["s3"], "warning")


def test_obs() -> None:
    """What it shares with S3 stands there."""
    refused = [
        AWS,
        {**AWS, "host": "ftp://obs"},
        {**AWS, "host": "obs", "login": None},
        aws(endpoint_url="https://obs", **ROLE),
    ]
    raised = {refusal(connection, PATHS["obs"]) for connection in refused}
    assert raised == column(PAGES["obs"], "message")


def test_gcs(monkeypatch: pytest.MonkeyPatch, running_gcs: GcsServer) -> None:
    """Keys in their places, and what stands in for them elsewhere."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/gone/key.json")
    key = {"type": "service_account", "private_key": "x"}
    refused = [
        google(),
        google(is_anonymous=True),
        google(impersonation_chain="other@my-project.iam.gserviceaccount.com"),
        google(idp_issuer_url="https://idp.example.com"),
        google(credential_config_file="/etc/federation.json"),
        google(key_path="/keys/key.p12"),
        google(key_path="/gone/key.json"),
        google(key_secret_name="lightly-key"),
        google(keyfile_dict='{"private_key": "-----BEGIN'),
        google(keyfile_dict={"type": "authorized_user"}),
        google(keyfile_dict=key),
        google(keyfile_dict={**key, "client_email": "x", "token_uri": "x"}),
        google(keyfile_dict={**running_gcs.service_account("page"), "project_id": ""}),
    ]
    raised = {refusal(connection, PATHS["gcs"]) for connection in refused}
    assert raised == column(PAGES["gcs"], "message")


def test_azure() -> None:
    """Connections and arguments; the token's own problems have a table of their own."""
    key = "YWNjb3VudC1rZXk/Pz8="
    raised = {
        refusal(connection, PATHS["azure"])
        for connection in (wasb(login=None), wasb(), wasb(tenant_id="t"), wasb(password="no=key"))
    }
    raised.add(refusal(wasb(key), "wasb://nightly@others/input/"))
    raised.add(refusal(wasb(key), PATHS["azure"], sas_lifetime=timedelta(hours=1)))
    raised.add(refusal(wasb(key), "no/CONTAINER!"))
    assert raised == column(PAGES["azure"], "message")


def test_azure_tokens() -> None:
    """Each problem that a token may have, but for the times in it."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    whole = {"sp": "rl", "se": "2027-01-01", "sr": "c", "sig": "x"}
    broken: list[dict[str, str]] = [
        {"sig": ""},
        {"se": "2020-01-01"},
        {"se": "2026-01-01T12:00:00Z"},
        {"se": "soon"},
        {"st": "2026-01-02"},
        {"sr": "b"},
        {"sr": "", "srt": "o"},
        {"sr": "", "ss": "q"},
    ]
    tokens = ["&".join(f"{name}={value}" for name, value in {**whole, **change}.items()) for change in broken]
    asked: list[tuple[str, Purpose]] = [
        *((token, "INPUT") for token in tokens),
        ("sp=rl&se=2027-01-01&sig=x", "LIGHTLY"),
    ]
    problems = {
        re.sub(r"[-\d]{10} [:\d]{8}", "...", problem)
        for token, purpose in asked
        for problem in sas_problems(token, purpose, now, now + timedelta(days=1))
    }
    assert problems == column(PAGES["azure"], "problem")


def test_local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Paths and options; a disk that is there, without the directory."""
    monkeypatch.setenv("LIGHTLY_INPUT_MOUNT", str(tmp_path))
    raised = {refusal(None, path) for path in ("/cameras/", "s3://cameras/")}
    raised.add(refusal(None, PATHS["local"], web_server_location="files.example.com"))
    raised.add(superfluous(aws(), PATHS["s3"], web_server_location="http://localhost:3456"))
    raised.add(str(LocalDatasourceHook().missing_extra()))
    with pytest.raises(LightlyConfigError) as caught:
        open_store(LocalConfig(purpose="INPUT", full_path="cameras/"))
    raised.add(str(caught.value).replace(str(tmp_path), "/input_mount"))
    assert raised == column(PAGES["local"], "message")


def superfluous(connection: dict[str, Any], path: str, **options: Any) -> str:
    """The message of an argument that would have no effect."""
    task = LightlySetDatasourceOperator(task_id="t", dataset_id="d", resource_path=path, purpose="INPUT", **options)
    with pytest.raises(LightlyConfigError) as caught:
        task._check_options(datasource(json.dumps(connection), path))
    return str(caught.value)


def test_common_messages(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said of every storage, with examples of some."""
    s3.put("cameras", "input/", b"")
    raised = {refusal({"conn_type": "http"}, PATHS["s3"]), refusal(aws(), "cameras/input")}
    raised |= {refusal(aws(), "s3://cameras//input/"), refusal(None, PATHS["s3"])}
    raised.add(superfluous(wasb("YWNjb3VudC1rZXk/Pz8="), PATHS["azure"], region="westeurope"))
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(aws()))
    hook = datasource_hook("cameras", PATHS["s3"])
    raised.add(str(hook.missing_extra()))
    for path in (PATHS["s3"], "s3://cameras/new/"):
        with pytest.raises(LightlyInputError) as caught:
            check_datasource(hook, hook.config(path, "INPUT", DatasourceOptions()), "Images")
        raised.add(str(caught.value))
    assert raised == column(COMMON, "message")
