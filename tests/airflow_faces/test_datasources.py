"""LightlySetDatasourceOperator and LightlyVerifyDatasourceOperator, and the ``aws`` connections behind them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.hooks.datasource import HOOKS, DatasourceOptions, datasource_hook
from lightly_airflow.operators import LightlySetDatasourceOperator, LightlyVerifyDatasourceOperator
from lightly_airflow.testing import LightlyEmulator
from tests.s3_server import S3Server

SECRET = "s3cr3t/with+signs"


def aws(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    extra = {"region_name": "eu-central-1", **fields.pop("extra", {})}
    connection = {"conn_type": "aws", "login": "AKIAKEY", "password": SECRET, "extra": extra, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS_READ", json.dumps(connection))


def config(monkeypatch: pytest.MonkeyPatch, path: str = "s3://cameras/input/", **fields: Any) -> dict[str, Any]:
    aws(monkeypatch, **fields)
    return wire(datasource_hook("cameras_read", path).config(path, "INPUT", DatasourceOptions(thumbnail_suffix=None)))


def test_access_key_from_login_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire body, whole."""
    assert config(monkeypatch) == {
        "type": "S3",
        "purpose": "INPUT",
        "fullPath": "s3://cameras/input/",
        "s3Region": "eu-central-1",
        "s3AccessKeyId": "AKIAKEY",
        "s3SecretAccessKey": SECRET,
    }


def test_access_key_from_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Amazon provider's other place for keys works as well."""
    keys = {"aws_access_key_id": "AKIAOTHER", "aws_secret_access_key": "other", "region_name": "us-gov-west-1"}
    body = config(monkeypatch, login=None, password=None, extra=keys)
    assert (body["s3AccessKeyId"], body["s3SecretAccessKey"]) == ("AKIAOTHER", "other")
    assert body["s3Region"] == "us-gov-west"  # LightlyOne's spelling


def test_a_missing_slash_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory is a directory with or without its last slash."""
    assert config(monkeypatch, path="s3://cameras/input")["fullPath"] == "s3://cameras/input/"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"extra": {"aws_session_token": "session"}},
            "connection 'cameras_read': temporary credentials (aws_session_token) cannot be given to LightlyOne, whose S3"
            " datasources have no field for a session token; use a long-lived access key, or delegated access:"
            " https://docs.lightly.ai/docs/aws-s3",
        ),
        (
            {"login": None, "password": None},
            "connection 'cameras_read': no access key; put its id into login and the secret into password",
        ),
        (
            {"extra": {"region_name": None}},
            'connection \'cameras_read\': no region; put {"region_name": "eu-central-1"} (your bucket\'s) into extra',
        ),
        (
            {"conn_type": "http"},
            f"connection 'cameras_read' has type 'http'; a datasource needs one of: {', '.join(HOOKS)}",
        ),
    ],
)
def test_what_lightlyone_cannot_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], message: str
) -> None:
    """Each names the connection and what to do instead, and never a secret."""
    with pytest.raises(LightlyConfigError) as caught:
        config(monkeypatch, **fields)
    assert str(caught.value) == message


def test_a_region_that_lightlyone_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer AWS regions are refused with the list of those that work."""
    with pytest.raises(
        LightlyConfigError, match="LightlyOne does not know the region 'il-central-1'; it knows af-south-1,"
    ):
        config(monkeypatch, extra={"region_name": "il-central-1"})


def set_datasource(context: dict[str, Any], **arguments: Any) -> dict[str, str]:
    # Most of these paths lie nowhere; the preflight has tests of its own.
    defaults = {
        "resource_path": "s3://cameras/input/",
        "datasource_conn_id": "cameras_read",
        "purpose": "INPUT",
        "preflight": False,
    }
    return LightlySetDatasourceOperator(task_id="input", **{**defaults, **arguments}).execute(context)


def test_set_datasource(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, dataset_id: str
) -> None:
    """LightlyOne has the datasource; the task returns what it set, without credentials."""
    aws(monkeypatch)
    result = set_datasource(context, dataset_id=dataset_id, thumbnail_suffix=None)
    assert result == {
        "dataset_id": dataset_id,
        "purpose": "INPUT",
        "type": "S3",
        "resource_path": "s3://cameras/input/",
    }
    stored = lightly_api.server.emulator.world.datasource_config(dataset_id, "INPUT")
    assert stored is not None
    assert wire(stored)["s3SecretAccessKey"] == SECRET


def test_a_path_that_is_no_s3_path(context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fix stands in the message."""
    aws(monkeypatch)
    with pytest.raises(LightlyInputError, match="'aws' reaches paths like s3://bucket/dir/ or obs://bucket/dir/"):
        set_datasource(context, dataset_id="0" * 24, resource_path="cameras/input")
    with pytest.raises(LightlyInputError, match="'s3://cameras//input/' is no S3 path; write s3://bucket/dir/"):
        set_datasource(context, dataset_id="0" * 24, resource_path="s3://cameras//input/")


def test_an_endpoint_that_the_real_service_cannot_reach(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dataset_id: str,
) -> None:
    """An S3-compatible store is passed on silently to another LightlyOne than the public one, which may know it."""
    aws(monkeypatch, extra={"endpoint_url": "http://127.0.0.1:9000"})
    set_datasource(context, dataset_id=dataset_id)
    assert "names an endpoint" not in capsys.readouterr().out
    operator = LightlySetDatasourceOperator(
        task_id="t", dataset_id=dataset_id, resource_path="s3://cameras/", datasource_conn_id="c", purpose="INPUT"
    )
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", '{"conn_type": "lightly", "password": "token"}')
    operator._warn_of_endpoint(datasource_hook("cameras_read", "s3://cameras/"))
    assert (
        "Connection c names an endpoint, but LightlyOne's datasources of this kind have no field for one:"
        " LightlyOne will look for s3://cameras/ at the cloud itself"
    ) in capsys.readouterr().out


def test_unknown_purpose_is_found_when_the_dag_is_parsed() -> None:
    """A literal that is none of the purposes."""
    with pytest.raises(LightlyConfigError) as caught:
        LightlySetDatasourceOperator(
            task_id="t", dataset_id="x", resource_path="s3://a/", datasource_conn_id="c", purpose="OUTPUT"
        )
    assert str(caught.value) == "purpose: 'OUTPUT' is not one of INPUT, LIGHTLY, INPUT_OUTPUT"


def verified(
    api: LightlyEmulator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    path: str = "s3://cameras/",
    **fields: Any,
) -> dict[str, bool]:
    aws(monkeypatch, **fields)
    dataset_id = api.call(datasets.create_dataset("verified", "Images")).id
    set_datasource(context, dataset_id=dataset_id, resource_path=path + "input/")
    set_datasource(context, dataset_id=dataset_id, resource_path=path + "lightly/", purpose="LIGHTLY")
    return LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset_id).execute(context)


def test_verified(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    """A real bucket with good keys grants all four."""
    s3.put("cameras", "input/a.txt", b"a")
    s3.put("cameras", "lightly/b.txt", b"b")
    result = verified(lightly_api, context, monkeypatch)
    assert result == {"list": True, "read": True, "write": True, "overwrite": True}


def failed(*arguments: Any, **more: Any) -> str:
    with pytest.raises(LightlyPermissionError) as caught:
        verified(*arguments, **more)
    return str(caught.value)


def test_missing_bucket(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    """The permission, the datasource and LightlyOne's own message."""
    message = failed(lightly_api, context, monkeypatch, path="s3://no-such-bucket/")
    first, second = message.splitlines()[:2]
    assert first.startswith("LightlyOne cannot use the datasources of dataset ")
    assert second.startswith(
        "- no permission to list on INPUT s3://no-such-bucket/input/ or LIGHTLY s3://no-such-bucket/lightly/: "
    )
    assert "the bucket 'no-such-bucket' does not exist" in message


def test_wrong_keys(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    """A key that the store does not know; neither the key nor its secret is in the message."""
    s3.put("cameras", "input/a.txt", b"a")
    with s3.enforced():
        message = failed(lightly_api, context, monkeypatch)
    assert "- no permission to write on LIGHTLY s3://cameras/lightly/: " in message
    assert "the access key id is unknown; check the key or whether it was rotated" in message
    assert SECRET not in message


def test_no_lightly_datasource(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    """A dataset with an INPUT alone lacks what results need, and says which datasource is missing."""
    s3.put("cameras", "input/a.txt", b"a")
    aws(monkeypatch)
    dataset_id = lightly_api.call(datasets.create_dataset("half", "Images")).id
    set_datasource(context, dataset_id=dataset_id)
    with pytest.raises(LightlyPermissionError, match="write on a LIGHTLY datasource, which is not set"):
        LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset_id).execute(context)
    reading = LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset_id, permissions=["list", "read"])
    assert reading.execute(context)["read"] is True


def test_secrets_come_back_nowhere(lightly_api: LightlyEmulator, dataset_id: str) -> None:
    """The API's own answers have a mask where the secrets were."""
    for source in lightly_api.call(datasources.all_datasources(dataset_id)):
        assert source["s3SecretAccessKey"] == "****"
