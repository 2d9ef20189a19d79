"""S3 and OBS datasources on Ceph's gateway, a real S3 server that checks signatures and policies itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lightly_airflow.contract.operations import datasets
from lightly_airflow.exceptions import LightlyPermissionError
from lightly_airflow.operators import (
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)
from lightly_airflow.testing import LightlyEmulator
from tests.ceph_server import Ceph
from tests.pictures import pictures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SCHEMES = ("s3", "obs")
LIST, READ, WRITE = (
    ("s3:ListBucket", "arn:aws:s3:::cameras"),
    ("s3:GetObject", "arn:aws:s3:::cameras/*"),
    ("s3:PutObject", "arn:aws:s3:::cameras/*"),
)
DENIED = "access denied; the credentials lack the permission"
GRANTS = {
    "s3": {
        "list": "s3:ListBucket on arn:aws:s3:::cameras",
        "read": "s3:GetObject on arn:aws:s3:::cameras/input/*",
        "write": "s3:PutObject on arn:aws:s3:::cameras/input/*",
    },
    "obs": {
        "list": "obs:bucket:ListBucket on the bucket cameras",
        "read": "obs:object:GetObject on cameras/input/*",
        "write": "obs:object:PutObject on cameras/input/*",
    },
}


@pytest.fixture(scope="module")
def cameras(ceph: Ceph) -> Ceph:
    """A bucket with pictures and a directory for what comes of them."""
    for name, content in pictures().items():
        ceph.put("cameras", f"input/{name}", content)
    ceph.put("cameras", "lightly/", b"")
    return ceph


@pytest.fixture(scope="module")
def users(cameras: Ceph) -> dict[str, tuple[str, str]]:
    """The keys of users who may do what their names say."""
    may = {"list": LIST, "read": READ, "write": WRITE}
    names = ("list", "read", "list and read", "list and write", "read and write", "list, read and write")
    return {
        name: cameras.add_user(re.sub(r"\W+", "-", name), *(may[one] for one in re.findall("list|read|write", name)))
        for name in names
    }


def connect(monkeypatch: pytest.MonkeyPatch, ceph: Ceph, key: tuple[str, str]) -> None:
    extra = {"region_name": "us-east-1", "endpoint_url": ceph.url}
    connection = {"conn_type": "aws", "login": key[0], "password": key[1], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))


def set_datasource(context: dict[str, Any], dataset_id: str, purpose: str, path: str) -> None:
    LightlySetDatasourceOperator(
        task_id="set", dataset_id=dataset_id, resource_path=path, datasource_conn_id="cameras", purpose=purpose
    ).execute(context)


def new_dataset(api: LightlyEmulator) -> str:
    return api.call(datasets.create_dataset("cameras", "Images")).id


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_suffices(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    cameras: Ceph,
    users: dict[str, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
) -> None:
    """Two permissions for INPUT, three for LIGHTLY; LightlyOne's own verification agrees."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", cameras.url)
    dataset_id = new_dataset(lightly_api)
    connect(monkeypatch, cameras, users["list and read"])
    set_datasource(context, dataset_id, "INPUT", f"{scheme}://cameras/input/")
    connect(monkeypatch, cameras, users["list, read and write"])
    set_datasource(context, dataset_id, "LIGHTLY", f"{scheme}://cameras/lightly/")
    granted = LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset_id).execute(context)
    assert granted == {"list": True, "read": True, "write": True, "overwrite": True}
    assert "  list      yes\n  read      yes\n  write     not needed\n" in caplog.text
    assert "  list      yes\n  read      yes\n  write     yes\n  overwrite yes" in caplog.text


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("purpose", "user", "missing"),
    [
        ("INPUT", "read", {"list": "list {place}", "read": "list {place}"}),
        ("INPUT", "list", {"read": "read {place}"}),
        ("LIGHTLY", "read and write", {"list": "list {place}"}),
        ("LIGHTLY", "list and write", {"read": "read {place}"}),
        ("INPUT_OUTPUT", "list and read", {"write": "write {place}", "overwrite": "write {place}"}),
    ],
)
def test_each_missing_permission_has_its_line(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    cameras: Ceph,
    users: dict[str, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    purpose: str,
    user: str,
    missing: dict[str, str],
) -> None:
    """Which, why, and what to grant in the words of the storage; the secret is in none of them."""
    place = f"{scheme}://cameras/input/"
    connect(monkeypatch, cameras, users[user])
    with pytest.raises(LightlyPermissionError) as caught:
        set_datasource(context, new_dataset(lightly_api), purpose, place)
    head, *told = str(caught.value).splitlines()
    assert head == f"LightlyOne could not use {purpose} {place}:"
    assert len(told) == len(missing)
    for line, (permission, action) in zip(told, missing.items(), strict=True):
        grant = GRANTS[scheme][permission.replace("overwrite", "write")]
        assert line.startswith(f"- {permission}: cannot {action.format(place=place)}")
        assert line.endswith(f": {DENIED} ({permission} needs {grant})")
    assert users[user][1] not in str(caught.value)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ((Ceph.key, "another/secret+key"), "the secret access key does not belong to the access key id"),
        (("AKIAUNKNOWN", Ceph.secret), "the access key id is unknown; check the key or whether it was rotated"),
    ],
)
def test_wrong_keys(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    cameras: Ceph,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    key: tuple[str, str],
    reason: str,
) -> None:
    """A wrong secret is told from an unknown key, and neither is repeated."""
    connect(monkeypatch, cameras, key)
    with pytest.raises(LightlyPermissionError, match=re.escape(f": {reason} (list needs ")) as caught:
        set_datasource(context, new_dataset(lightly_api), "LIGHTLY", f"{scheme}://cameras/lightly/")
    assert not any(secret in f"{caught.value}{caplog.text}" for secret in key)


def test_missing_bucket(
    lightly_api: LightlyEmulator, context: dict[str, Any], cameras: Ceph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named."""
    connect(monkeypatch, cameras, (cameras.key, cameras.secret))
    with pytest.raises(LightlyPermissionError, match="the bucket 'gone' does not exist"):
        set_datasource(context, new_dataset(lightly_api), "INPUT", "s3://gone/input/")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_whole_run(
    lightly_emulator: LightlyEmulator,
    context: dict[str, Any],
    cameras: Ceph,
    users: dict[str, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    """The worker curates from and to Ceph with the datasources' own narrow keys."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", cameras.url)
    dataset_id = new_dataset(lightly_emulator)
    for purpose, user in {"INPUT": "list and read", "LIGHTLY": "list, read and write"}.items():
        connect(monkeypatch, cameras, users[user])
        set_datasource(context, dataset_id, purpose, f"{scheme}://cameras/{purpose.lower()}/")
    result = LightlyScheduleRunOperator(
        task_id="curate",
        dataset_id=dataset_id,
        selection_config={
            "n_samples": 3,
            "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}],
        },
        poll_interval=0.1,
        deferrable=False,
    ).execute(context)
    assert (result["state"], result["counts"]["selected"]) == ("COMPLETED", 3)
    assert cameras.keys("cameras", f"lightly/.lightly/runs/{result['run_id']}/")
