"""The policies of docs/datasources.md, on an S3 server that enforces them: they suffice, and no more than that.

Deleting is left out: that server checks a deletion against the bucket, where AWS checks it against the object.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import boto3
import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from lightly_airflow.storage.access import check_access
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.objects import write_object
from lightly_airflow.storage.stores import open_store
from tests.s3_server import S3Server

PAGE = Path(__file__).parents[2] / "docs" / "datasources.md"
POLICIES = dict(zip(("INPUT", "LIGHTLY"), re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL), strict=True))


def user(url: str, policy: str) -> dict[str, SecretStr]:
    """A user who may do what the policy says: the access key."""
    iam = boto3.client(
        "iam", endpoint_url=url, region_name="us-east-1", aws_access_key_id="root", aws_secret_access_key="root"
    )
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="page", PolicyDocument=json.dumps(json.loads(policy)))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    iam.close()
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
