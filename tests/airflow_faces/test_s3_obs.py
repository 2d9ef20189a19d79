"""OBS datasources: ``aws`` connections with an endpoint and ``obs://`` paths, on a store that speaks S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.operations import datasets
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.hooks.datasource import DatasourceOptions, datasource_hook
from lightly_airflow.operators import LightlyScheduleRunOperator, LightlySetDatasourceOperator
from lightly_airflow.testing import LightlyEmulator
from tests.pictures import pictures
from tests.s3_server import S3Server

ENDPOINT = "https://obs.eu-de.otc.t-systems.com"
KEY, SECRET = "OTCKEY", "0bs/s3cr3t+signs"
DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def connect(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    connection = {"conn_type": "aws", "login": KEY, "password": SECRET, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))


def config(path: str = "obs://cameras/input/") -> dict[str, Any]:
    hook = datasource_hook("cameras", path)
    return wire(hook.config(path, "INPUT", DatasourceOptions(thumbnail_suffix=None)))


@pytest.mark.parametrize(
    ("fields", "endpoint"),
    [
        ({"extra": {"endpoint_url": ENDPOINT}}, ENDPOINT),
        ({"extra": {"service_config": {"s3": {"endpoint_url": ENDPOINT}}}}, ENDPOINT),
        ({"host": "obs.eu-de.otc.t-systems.com"}, ENDPOINT),
        ({"host": ENDPOINT}, ENDPOINT),
        ({"host": "minio", "port": 9000, "schema": "http"}, "http://minio:9000"),
    ],
)
def test_wire_body(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], endpoint: str) -> None:
    """The endpoint stands in the extra or is made of the host."""
    connect(monkeypatch, **fields)
    assert config() == {
        "type": "OBS",
        "purpose": "INPUT",
        "fullPath": "obs://cameras/input/",
        "obsEndpoint": endpoint,
        "obsAccessKeyId": KEY,
        "obsSecretAccessKey": SECRET,
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, 'no endpoint; put {"endpoint_url": "https://obs.eu-de.otc.t-systems.com"} (your region\'s) into extra'),
        ({"host": "ftp://obs"}, "the endpoint must begin with https:// or http://"),
        ({"host": "obs", "extra": {"role_arn": "arn"}}, "OBS has no delegated access at LightlyOne; use an access key"),
        ({"host": "obs", "extra": {"aws_session_token": "token"}}, "temporary credentials (aws_session_token) cannot"),
        ({"host": "obs", "extra": {"profile_name": "night"}}, "profile_name leads to files that LightlyOne cannot"),
        (
            {"host": "obs", "extra": {"config_kwargs": {"signature_version": "unsigned"}}},
            "LightlyOne has no anonymous access (signature_version unsigned); use a long-lived access key",
        ),
        ({"host": "obs", "login": None}, "no access key; put its id into login and the secret into password"),
    ],
)
def test_what_lightlyone_cannot_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], message: str
) -> None:
    """With what to do instead, and without the secret."""
    connect(monkeypatch, **fields)
    with pytest.raises(LightlyConfigError) as caught:
        config()
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


def setting(api: LightlyEmulator, context: dict[str, Any], purpose: str = "INPUT", **arguments: Any) -> str:
    given = {"dataset_id": "", **arguments}
    given["dataset_id"] = given["dataset_id"] or api.call(datasets.create_dataset("obs", "Images")).id
    LightlySetDatasourceOperator(
        task_id="set",
        resource_path=f"obs://cameras/{purpose.lower()}/",
        datasource_conn_id="cameras",
        purpose=purpose,
        **given,
    ).execute(context)
    return str(given["dataset_id"])


@pytest.mark.parametrize("name", ["region", "server_side_encryption_kms_key"])
def test_what_only_s3_has(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An argument that would have no effect is refused."""
    connect(monkeypatch, host="obs")
    with pytest.raises(LightlyInputError, match=f"^{name}: OBS datasources have none; remove it$"):
        setting(lightly_api, context, **{name: "eu-de"})


def test_missing_permission(
    lightly_api: LightlyEmulator, context: dict[str, Any], s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to grant is named in OBS's own words."""
    s3.put("cameras", "lightly/", b"")
    reader = s3.add_user("reader", ("s3:ListBucket", "*"), ("s3:GetObject", "*"))
    connect(monkeypatch, login=reader[0], password=reader[1], extra={"endpoint_url": s3.url})
    with s3.enforced(), pytest.raises(LightlyPermissionError) as caught:
        setting(lightly_api, context, "LIGHTLY")
    assert "(write needs obs:object:PutObject on cameras/lightly/*)" in str(caught.value)
    assert reader[1] not in str(caught.value)


def test_a_whole_run(
    lightly_emulator: LightlyEmulator, context: dict[str, Any], s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker reaches the store by the datasource's own endpoint, whatever its environment says."""
    for name, content in pictures().items():
        s3.put("cameras", f"input/{name}", content)
    s3.put("cameras", "lightly/", b"")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    connect(monkeypatch, extra={"endpoint_url": s3.url})
    dataset_id = setting(lightly_emulator, context)
    setting(lightly_emulator, context, "LIGHTLY", dataset_id=dataset_id)
    result = LightlyScheduleRunOperator(
        task_id="curate",
        dataset_id=dataset_id,
        selection_config={"n_samples": 3, "strategies": [DIVERSITY]},
        poll_interval=0.1,
        deferrable=False,
    ).execute(context)
    assert result["counts"]["selected"] == 3
    assert s3.keys("cameras", f"lightly/.lightly/runs/{result['run_id']}/")
