"""The rights that the datasources' pages ask for, on servers that enforce them: they suffice, and no more than that.

Deleting from S3 is left out: that server checks a deletion against the bucket, where AWS checks it against the object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import (
    AzureConfig,
    GcsConfig,
    Purpose,
    S3Config,
    S3DelegatedAccessConfig,
)
from lightly_airflow.storage.access import check_access
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.objects import write_object
from lightly_airflow.storage.stores import open_store
from tests.azurite_server import ACCOUNT, Azurite
from tests.docs.datasource_pages import PAGES
from tests.gcs_server import GcsServer
from tests.s3_server import S3Server

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

POLICIES = dict(
    zip(("INPUT", "LIGHTLY", "trust"), re.findall(r"```json\n(.*?)```", PAGES["s3"], re.DOTALL), strict=True)
)
ROWS = [("INPUT", "INPUT"), ("LIGHTLY", "LIGHTLY, INPUT_OUTPUT")]


@contextmanager
def identities(url: str) -> Iterator[IAMClient]:
    """The server's users and roles."""
    iam = boto3.client(
        "iam", endpoint_url=url, region_name="us-east-1", aws_access_key_id="root", aws_secret_access_key="root"
    )
    with closing(iam):
        yield iam


def user(url: str, policy: str) -> dict[str, SecretStr]:
    """A user who may do what the policy says: the access key."""
    with identities(url) as iam:
        iam.create_user(UserName="reader")
        iam.put_user_policy(UserName="reader", PolicyName="page", PolicyDocument=json.dumps(json.loads(policy)))
        key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {
        "s3_access_key_id": SecretStr(key["AccessKeyId"]),
        "s3_secret_access_key": SecretStr(key["SecretAccessKey"]),
    }


@pytest.mark.parametrize("purpose", ["INPUT", "LIGHTLY"])
def test_policy_suffices(s3: S3Server, purpose: Purpose) -> None:
    """All that LightlyOne tries on the purpose's directory succeeds; writing elsewhere does not."""
    s3.put("cameras", "input/a.jpg", b"image")
    s3.put("cameras", "lightly/", b"")
    keys = user(s3.url, POLICIES[purpose])
    own, other = (
        open_store(S3Config(purpose=purpose, full_path=f"s3://cameras/{directory}/", s3_region="us-east-1", **keys))
        for directory in (purpose.lower(), "input")
    )
    with s3.enforced():
        assert check_access(own, purpose).errors == {}
        with pytest.raises(StorageError, match="access denied"):
            write_object(other, "b.jpg", b"image")


@pytest.mark.parametrize(("external_id", "suffices"), [("cameras/Lightly+2026", True), ("another/id", False)])
def test_trust_policy(s3: S3Server, monkeypatch: pytest.MonkeyPatch, external_id: str, *, suffices: bool) -> None:
    """A role with the page's two policies reads INPUT for whoever knows the external id."""
    s3.put("cameras", "input/a.jpg", b"image")
    # This server knows LightlyOne's account as little as any other: whoever comes stands for it.
    trust = POLICIES["trust"].replace("arn:aws:iam::916419735646:root", "*")
    with identities(s3.url) as iam:
        role = iam.create_role(RoleName="lightly", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(RoleName="lightly", PolicyName="page", PolicyDocument=POLICIES["INPUT"])
    key, secret = s3.add_user("lightlyone", ("sts:AssumeRole", "*"))
    environment = {"AWS_ENDPOINT_URL_STS": s3.url, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    place = {"purpose": "INPUT", "full_path": "s3://cameras/input/", "s3_region": "us-east-1"}
    config = S3DelegatedAccessConfig.model_validate({**place, "s3_arn": role, "s3_external_id": external_id})
    with s3.enforced():
        assert (check_access(open_store(config), "INPUT").errors == {}) is suffices


@pytest.mark.parametrize(("purpose", "row"), ROWS)
def test_sas_letters(azurite: Azurite, purpose: Purpose, row: str) -> None:
    """The letters suffice, and each is needed."""
    azurite.put("nightly", "input/a.jpg", b"image")

    def problems(letters: str) -> dict[Any, str]:
        token = SecretStr(azurite.sas(letters, "nightly"))
        config = AzureConfig(purpose=purpose, full_path="nightly/input/", account_name=ACCOUNT, account_key=token)
        return check_access(open_store(config), purpose).errors

    (letters,) = re.findall(rf"^\| {row} \| `(\w+)`", PAGES["azure"], re.MULTILINE)
    assert problems(letters) == {}
    assert all(problems(letters.replace(letter, "")) for letter in letters)


@pytest.mark.parametrize(("purpose", "row"), ROWS)
def test_permissions_of_googles_roles(gcs: GcsServer, purpose: Purpose, row: str) -> None:
    """The permissions that the page counts up suffice, and each is needed; which role has them is Google's affair."""
    gcs.put("cameras", "input/a.jpg", b"image")

    def problems(permissions: set[str]) -> dict[Any, str]:
        key = SecretStr(json.dumps(gcs.service_account("page", *permissions)))
        config = GcsConfig(purpose=purpose, full_path="gs://cameras/input/", gcs_project_id="p", gcs_credentials=key)
        return check_access(open_store(config), purpose).errors

    lines = re.findall(r"^\| (\w[^|]*) \| `roles/(.*)$", PAGES["gcs"], re.MULTILINE)
    counted = [set(re.findall(r"`storage\.objects\.(\w+)`", line)) for name, line in lines if name in ("INPUT", row)]
    permissions = set().union(*counted)
    assert problems(permissions) == {}
    assert all(problems(permissions - {permission}) for permission in permissions)
