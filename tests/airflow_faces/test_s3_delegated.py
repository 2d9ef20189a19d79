"""S3 by delegated access: ``aws`` connections with a role, a real STS, and LightlyOne's worker that assumes the role."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from moto.sts.models import sts_backends

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.operations import datasets
from lightly_airflow.exceptions import LightlyPermissionError
from lightly_airflow.hooks.datasource import DatasourceOptions, datasource_hook
from lightly_airflow.operators import (
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)
from lightly_airflow.testing import LightlyEmulator
from tests.pictures import pictures
from tests.s3_server import S3Server

ROLE, EXTERNAL_ID = "arn:aws:iam::123456789012:role/lightly", "cameras/Lightly+2026"
ASSUME, NOTHING = ("sts:AssumeRole", "*"), ("sts:GetCallerIdentity", "*")
BUCKET = [("s3:ListBucket", "arn:aws:s3:::cameras"), ("s3:GetObject", "arn:aws:s3:::cameras/*")]
DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def connect(monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any] | None = None, **fields: Any) -> None:
    role = {"role_arn": ROLE, "assume_role_kwargs": {"ExternalId": EXTERNAL_ID}, "region_name": "eu-central-1"}
    connection = {"conn_type": "aws", **fields, "extra": {**role, **(extra or {})}}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))


def config(**options: Any) -> dict[str, Any]:
    hook = datasource_hook("cameras", "s3://cameras/input/")
    return wire(hook.config("s3://cameras/input/", "INPUT", DatasourceOptions(thumbnail_suffix=None, **options)))


def test_wire_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Role and external id; the keys beside them are Airflow's own and stay here."""
    connect(monkeypatch, login="AKIASOURCE", password="source")
    assert config() == {
        "type": "S3DelegatedAccess",
        "purpose": "INPUT",
        "fullPath": "s3://cameras/input/",
        "s3Region": "eu-central-1",
        "s3ExternalId": EXTERNAL_ID,
        "s3ARN": ROLE,
    }


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"assume_role_kwargs": {}}, "delegated access needs an external id; put "),
        ({"assume_role_kwargs": {"ExternalId": "too-short"}}, "the external id must have at least 10 characters, of"),
        ({"assume_role_kwargs": {"ExternalId": "no blanks here"}}, "letters, digits and _+=,.@:/- alone"),
        ({"role_arn": "arn:aws-cn:iam::123456789012:role/lightly"}, "LightlyOne takes no other partition than aws"),
        ({"role_arn": "lightly"}, "role_arn must look like arn:aws:iam::123456789012:role/name"),
        ({"assume_role_method": "assume_role_with_saml"}, "by its external id alone, not by assume_role_with_saml"),
        ({"assume_role_method": "assume_role_with_web_identity"}, "not by assume_role_with_web_identity"),
        (
            {"assume_role_kwargs": {"ExternalId": EXTERNAL_ID, "SerialNumber": "arn:mfa", "TokenCode": "1"}},
            "LightlyOne cannot pass SerialNumber, TokenCode when it assumes a role",
        ),
        ({"region_name": None}, "no region; put "),
    ],
)
def test_what_lightlyone_cannot_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], message: str
) -> None:
    """Each with the reason, and never with the external id."""
    connect(monkeypatch, extra)
    with pytest.raises(LightlyConfigError) as caught:
        config()
    assert str(caught.value).startswith("connection 'cameras': ")
    assert message in str(caught.value)
    assert not any(secret in str(caught.value) for secret in (EXTERNAL_ID, "too-short", "no blanks here"))


@pytest.fixture
def account(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A bucket with pictures; STS stands where the environment says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", s3.url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, content in pictures().items():
        s3.put("cameras", f"input/{name}", content)
    s3.put("cameras", "lightly/", b"")
    return s3


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Each library's log, as in an Airflow or an emulator that logs at DEBUG."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.NOTSET, "botocore")
    return caplog


def setting(
    api: LightlyEmulator, context: dict[str, Any], dataset_id: str | None = None, purpose: str = "INPUT"
) -> str:
    dataset_id = dataset_id or api.call(datasets.create_dataset("delegated", "Images")).id
    LightlySetDatasourceOperator(
        task_id="set",
        dataset_id=dataset_id,
        resource_path=f"s3://cameras/{purpose.lower()}/",
        datasource_conn_id="cameras",
        purpose=purpose,
    ).execute(context)
    return dataset_id


def told(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("lightly_airflow."))


def leaked(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Which of the external id and the sessions' secrets is in a log line of anything but the server."""
    stores = [store for by_region in sts_backends.values() for store in by_region.values()]
    sessions = [
        secret
        for store in stores
        for one in store.assumed_roles
        for secret in (one.secret_access_key, one.session_token)
    ]
    assert sessions
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("moto.")]
    return [secret for secret in (EXTERNAL_ID, *sessions) if any(secret in line for line in logged)]


def test_airflow_proves_the_role(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    account: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    """With the role's permissions, not with those of the identity that assumes it; botocore logs nothing of it."""
    account.add_role("lightly", EXTERNAL_ID, *BUCKET)
    key, secret = account.add_user("airflow", ASSUME)
    connect(monkeypatch, login=key, password=secret)
    everything_logged.clear()  # the test itself has just told the server
    with account.enforced():
        dataset_id = setting(lightly_api, context)
        assert "  list      yes\n  read      yes\n" in told(everything_logged)
        with pytest.raises(LightlyPermissionError, match="write needs s3:PutObject on arn:aws:s3:::cameras/lightly/"):
            setting(lightly_api, context, dataset_id, "LIGHTLY")
    assert not leaked(everything_logged)


@pytest.mark.parametrize(
    ("may_assume", "external_id", "reason"),
    [
        (False, EXTERNAL_ID, f"STS does not let Airflow assume {ROLE} with this external id (AccessDenied)"),
        (True, "another/external-id", f"STS does not let Airflow assume {ROLE} with this external id (AccessDenied)"),
        (None, EXTERNAL_ID, f"Airflow could not ask STS for {ROLE} (NoCredentialsError)"),
    ],
)
def test_only_lightlyone_can_tell(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    account: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    may_assume: bool | None,
    external_id: str,
    reason: str,
) -> None:
    """An identity that may not assume the role, a wrong external id, no identity: the task goes on and says so."""
    account.add_role("lightly", external_id, *BUCKET)
    key, secret = account.add_user("airflow", ASSUME if may_assume else NOTHING)
    identity: dict[str, Any] = {} if may_assume is None else {"login": key, "password": secret}
    connect(monkeypatch, **identity)
    with account.enforced():
        dataset_id = setting(lightly_api, context)
    assert lightly_api.server.emulator.world.datasource_config(dataset_id, "INPUT") is not None
    assert "  list      not tried\n" in told(caplog)
    assert f"INPUT s3://cameras/input/ was not tried: {reason}; only LightlyOne can tell" in told(caplog)
    assert EXTERNAL_ID not in caplog.text


def test_verification_finds_a_wrong_external_id(
    lightly_api: LightlyEmulator, context: dict[str, Any], account: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator assumes the role with the identity of its environment, and says where to look."""
    account.add_role("lightly", "another/external-id", *BUCKET)
    key, secret = account.add_user("lightlyone", ASSUME)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    connect(monkeypatch)
    with account.enforced():
        dataset_id = setting(lightly_api, context)
        with pytest.raises(LightlyPermissionError) as caught:
            LightlyVerifyDatasourceOperator(
                task_id="verify", dataset_id=dataset_id, permissions=["list", "read"]
            ).execute(context)
    assert "the role may not be assumed; check its trust policy and the external id" in str(caught.value)
    assert EXTERNAL_ID not in str(caught.value)


def test_a_whole_run(
    lightly_emulator: LightlyEmulator,
    context: dict[str, Any],
    account: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    """The worker curates from and to buckets that it reaches by the role alone; botocore logs nothing of it."""
    account.add_role("lightly", EXTERNAL_ID, ("s3:*", "*"))
    key, secret = account.add_user("lightlyone", ASSUME)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    connect(monkeypatch)
    everything_logged.clear()  # the test itself has just told the server
    with account.enforced():
        dataset_id = setting(lightly_emulator, context)
        setting(lightly_emulator, context, dataset_id, "LIGHTLY")
        result = LightlyScheduleRunOperator(
            task_id="curate",
            dataset_id=dataset_id,
            selection_config={"n_samples": 3, "strategies": [DIVERSITY]},
            poll_interval=0.1,
            deferrable=False,
        ).execute(context)
    assert result["counts"]["selected"] == 3
    assert account.keys("cameras", f"lightly/.lightly/runs/{result['run_id']}/")
    assert not leaked(everything_logged)
