"""The preflight of S3 datasources: credentials are tried on a server that enforces policies, before LightlyOne is told."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException

from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.operators import LightlySetDatasourceOperator
from lightly_airflow.testing import LightlyEmulator
from tests.s3_server import S3Server

BUCKET, OBJECTS = "arn:aws:s3:::cameras", "arn:aws:s3:::cameras/input/*"
LIST, READ, WRITE = ("s3:ListBucket", BUCKET), ("s3:GetObject", OBJECTS), ("s3:PutObject", OBJECTS)
OWN = ("s3:GetObject", f"{BUCKET}/input/.lightly/*")  # as for those who may read what they wrote and nothing else
DENIED = "access denied; the credentials lack the permission"
PLACE = "s3://cameras/input/"
KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/one"


@pytest.fixture
def bucket(s3: S3Server) -> S3Server:
    """A bucket with one image in ``input/``."""
    s3.put("cameras", "input/a.JPG", b"a")
    return s3


def connect(
    monkeypatch: pytest.MonkeyPatch, key: tuple[str, str] = ("AKIAKEY", "s3cr3t/with+signs"), **extra: Any
) -> None:
    connection = {
        "conn_type": "aws", "login": key[0], "password": key[1], "extra": {"region_name": "us-east-1", **extra},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))


def setting(api: LightlyEmulator, context: dict[str, Any], dataset_type: Any = "Images", **arguments: Any) -> str:
    """Sets a datasource of a new dataset, whose id comes back."""
    dataset_id = api.call(datasets.create_dataset("proven", dataset_type)).id
    given = {"resource_path": PLACE, "datasource_conn_id": "cameras", "purpose": "INPUT", **arguments}
    LightlySetDatasourceOperator(task_id="set", dataset_id=dataset_id, **given).execute(context)
    return dataset_id


def test_what_is_proven_is_logged(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    bucket: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two permissions suffice for INPUT; what LightlyOne will ignore is counted and warned of."""
    for name in ("notes.txt", "sub/b.csv", "c.mp4", "d", ".lightly/thumbnails/a.jpg"):
        bucket.put("cameras", f"input/{name}", b"x")
    connect(monkeypatch, bucket.add_user("reader", LIST, READ))
    with bucket.enforced():
        setting(lightly_api, context)
    told = [record.getMessage() for record in caplog.records if record.name.endswith("operators.preflight")]
    assert told == [
        f"Preflight of INPUT {PLACE}:\n  list      yes\n  read      yes\n  write     not needed\n  overwrite not needed\n"
        "  inputs    1\n  ignored   4",
        f"INPUT {PLACE}: LightlyOne will ignore files of other types: 4, such as c.mp4, d, notes.txt",
    ]


@pytest.mark.parametrize(
    ("purpose", "allowed", "lines"),
    [
        (
            "INPUT",
            [READ],
            [
                f"- list: cannot list {PLACE}: {DENIED} (list needs s3:ListBucket on {BUCKET})",
                f"- read: cannot list {PLACE}: {DENIED} (read needs s3:GetObject on {OBJECTS})",
            ],
        ),
        ("INPUT", [LIST], [f"- read: cannot read {PLACE}a.JPG: {DENIED} (read needs s3:GetObject on {OBJECTS})"]),
        (
            "LIGHTLY",
            [READ, WRITE],
            [f"- list: cannot list {PLACE}: {DENIED} (list needs s3:ListBucket on {BUCKET})"],
        ),
        (
            "INPUT_OUTPUT",
            [LIST, READ],
            [
                f"- write: cannot write {PLACE}.lightly/access-check: {DENIED} (write needs s3:PutObject on {OBJECTS})",
                f"- overwrite: cannot write {PLACE}.lightly/access-check: {DENIED}"
                f" (overwrite needs s3:PutObject on {OBJECTS})",
            ],
        ),
        (
            "LIGHTLY",
            [LIST, WRITE],
            [f"- read: cannot read {PLACE}.lightly/access-check: {DENIED} (read needs s3:GetObject on {OBJECTS})"],
        ),
        (
            "LIGHTLY",
            [LIST, WRITE, OWN],
            [f"- read: cannot read {PLACE}a.JPG: {DENIED} (read needs s3:GetObject on {OBJECTS})"],
        ),
    ],
)
def test_each_missing_permission_has_its_line(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    bucket: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    purpose: str,
    allowed: list[tuple[str, str]],
    lines: list[str],
) -> None:
    """Which, where, why, and what to grant on which resource."""
    connect(monkeypatch, bucket.add_user("narrow", *allowed))
    with bucket.enforced(), pytest.raises(LightlyPermissionError) as caught:
        setting(lightly_api, context, purpose=purpose)
    head, *told = re.sub(r"check-[0-9a-f]+", "check", str(caught.value)).splitlines()
    assert head == f"LightlyOne could not use {purpose} {PLACE}:"
    assert told == lines


def test_bad_credentials_replace_no_good_ones(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    bucket: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LightlyOne keeps what it has, and the secret is in neither message nor log."""
    connect(monkeypatch)
    dataset_id = setting(lightly_api, context)
    connect(monkeypatch, ("AKIAUNKNOWN", "another/secret"))
    rotation = LightlySetDatasourceOperator(
        task_id="rotate", dataset_id=dataset_id, resource_path=PLACE, datasource_conn_id="cameras", purpose="INPUT"
    )
    with bucket.enforced(), pytest.raises(LightlyPermissionError, match="the access key id is unknown") as caught:
        rotation.execute(context)
    kept = lightly_api.server.emulator.world.datasource_config(dataset_id, "INPUT")
    assert kept is not None
    assert wire(kept)["s3AccessKeyId"] == "AKIAKEY"
    told = f"{caught.value}{caplog.text}"
    assert not any(secret in told for secret in ("AKIAUNKNOWN", "another/secret", "another%2Fsecret"))


@pytest.mark.parametrize("purpose", ["INPUT", "LIGHTLY"])
def test_missing_directory(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    bucket: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    purpose: str,
) -> None:
    """The message has the command that makes the directory; the probe leaves none behind."""
    connect(monkeypatch)
    with pytest.raises(LightlyInputError) as caught:
        setting(lightly_api, context, purpose=purpose, resource_path="s3://cameras/new/")
    assert str(caught.value) == (
        f"{purpose} s3://cameras/new/ does not exist; it may be empty, but it has to be there:"
        " aws s3api put-object --bucket cameras --key new/"
    )
    assert bucket.keys("cameras", "new/") == []


@pytest.mark.parametrize("path", ["s3://cameras/lightly/", "s3://empty"])
def test_empty_directory(
    lightly_api: LightlyEmulator, context: dict[str, Any], bucket: S3Server, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A directory with nothing but its marker is there, and so is a bucket."""
    bucket.put("cameras", "lightly/", b"")
    bucket.client.create_bucket(Bucket="empty")
    connect(monkeypatch)
    setting(lightly_api, context, purpose="LIGHTLY", resource_path=path)
    assert bucket.keys("cameras", "lightly/") == ["lightly/"]


@pytest.mark.parametrize(
    ("dataset_type", "names", "message"),
    [
        (
            "Images",
            [],
            "holds nothing for a dataset of type Images, which takes .bmp, .gif, .jpeg, .jpg, .png, .tiff; it is empty",
        ),
        ("Videos", ["a.jpg"], ".webm; files of other types: 1, such as a.jpg"),
    ],
)
def test_input_without_inputs(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    dataset_type: str,
    names: list[str],
    message: str,
) -> None:
    """The dataset's type decides what counts, and the error names the endings."""
    for name in ["", *names]:
        s3.put("cameras", f"input/{name}", b"x" if name else b"")
    connect(monkeypatch)
    with pytest.raises(LightlyInputError) as caught:
        setting(lightly_api, context, dataset_type)
    assert message in str(caught.value)


def test_endpoint_of_the_connection(
    lightly_api: LightlyEmulator, context: dict[str, Any], bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow tries the store that the connection names, not the one of the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    connect(monkeypatch, endpoint_url=bucket.url)
    setting(lightly_api, context)


def test_without_preflight_nothing_is_tried(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the bucket nor the dataset's type is asked for."""
    connect(monkeypatch, endpoint_url="http://127.0.0.1:9")
    setting(lightly_api, context, preflight=False)


def test_kms_key_and_region(
    lightly_api: LightlyEmulator, context: dict[str, Any], bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both go to LightlyOne, and the author's region comes before the connection's."""
    connect(monkeypatch)
    dataset_id = setting(lightly_api, context, server_side_encryption_kms_key=KMS_KEY, region="eu-west-1")
    (stored,) = lightly_api.call(datasources.all_datasources(dataset_id))
    assert (stored["s3ServerSideEncryptionKMSKey"], stored["s3Region"]) == (KMS_KEY, "eu-west-1")


def test_kms_alias_is_refused(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it should look like."""
    connect(monkeypatch)
    with pytest.raises(
        LightlyInputError, match="server_side_encryption_kms_key must be the ARN of a key, such as arn:aws"
    ):
        setting(lightly_api, context, server_side_encryption_kms_key="alias/cameras")


def test_missing_obstore(
    lightly_api: LightlyEmulator, context: dict[str, Any], bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that installs it."""
    connect(monkeypatch)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"pip install 'lightly-airflow\[amazon\]'$"):
        setting(lightly_api, context)
