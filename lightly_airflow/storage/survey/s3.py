"""How objects expire in S3 and in stores that speak it: rules by one request, objects by their listing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import DatasourceConfig
from lightly_airflow.storage.clouds import s3_delegated
from lightly_airflow.storage.clouds.s3 import S3Account
from lightly_airflow.storage.directory import StorageError, cause
from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Objects, microseconds, time_column
from lightly_airflow.storage.lifecycle.expiry import Expiry, Rules
from lightly_airflow.storage.lifecycle.s3 import S3Rules, s3_rules
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.stores import CLOUDS, open_store
from lightly_airflow.storage.survey.columns import list_columns as list_directory
from lightly_airflow.storage.survey.inputs import GONE, RulesUnknown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore.store import S3Credential

# boto3 gets no faster with more: its requests keep Python's lock for most of their time.
_THREADS = 16
_EXPIRATION = re.compile(r'expiry-date="([^"]+)"(?:.*rule-id="([^"]*)")?')
_DENIED = ("AccessDenied", "403", "MethodNotAllowed", "NotImplemented", "501")


def read_rules(config: DatasourceConfig, reach: Reach) -> S3Rules:
    """``GetBucketLifecycleConfiguration``: none is as good as an empty one.

    Needs ``s3:GetLifecycleConfiguration`` on the bucket, which LightlyOne itself does not need.
    """
    account = _account(config, reach)
    with _client(account) as client, _explained(f"read the lifecycle rules of {account.path}", account):
        try:
            answer = client.get_bucket_lifecycle_configuration(Bucket=account.path.bucket)
        except client.exceptions.ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code not in ("NoSuchLifecycleConfiguration", *_DENIED):
                raise
        else:
            return s3_rules(answer["Rules"])
    if code == "NoSuchLifecycleConfiguration":
        return S3Rules()
    bucket = account.path.bucket
    raise RulesUnknown(
        f"the lifecycle rules of the bucket {bucket!r} may not be read ({code}): that needs"
        f" s3:GetLifecycleConfiguration on arn:aws:s3:::{bucket}"
    )


def list_columns(config: DatasourceConfig, reach: Reach) -> Iterator[Objects]:
    """The listing tells all that S3's rules ask for, but for tags."""
    return list_directory(open_store(config, reach))


def ask(config: DatasourceConfig, reach: Reach, rules: Rules, objects: Objects, now: int) -> Expiry:
    """HEAD of each object: S3 says in ``x-amz-expiration`` when it expires, and needs no more than the right to read it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    account = _account(config, reach)
    asking = _explained(f"read objects in {account.path}", account)
    with _client(account) as client, ThreadPoolExecutor(_THREADS) as pool, asking:
        keys = [f"{account.path.prefix}{name}" for name in objects.names.tolist()]
        answers = list(pool.map(lambda key: _answer(client, account.path.bucket, key), keys))
    likely = rules.doubtful(objects).rule.tolist()
    told = [_rule(rules, name, index) for (_, name), index in zip(answers, likely, strict=True)]
    return Expiry(time_column([time for time, _ in answers]), time_column(told))


def _answer(client: S3Client, bucket: str, key: str) -> tuple[int, str]:
    """When an object expires, and the name of the rule."""
    try:
        told = client.head_object(Bucket=bucket, Key=key).get("Expiration", "")
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return GONE, ""
        raise
    found = _EXPIRATION.search(told)
    if found is None:
        return NEVER, ""
    # It is always midnight, but Ceph's gateway, asked by several at once, tells another time of that day now and then.
    return microseconds(parsedate_to_datetime(found[1])) // DAY * DAY, found[2] or ""


def _rule(rules: Rules, name: str, likely: int) -> int:
    """The index of the rule that an answer names, which AWS encodes and Ceph does not."""
    return next((rules.names.index(one) for one in (unquote(name), name) if one in rules.names), likely)


def _account(config: DatasourceConfig, reach: Reach) -> S3Account:
    cloud: Any = import_module(f"lightly_airflow.storage.clouds.{CLOUDS[config.type]}")
    return cast("S3Account", cloud.account(config, reach))


@contextmanager
def _client(account: S3Account) -> Iterator[S3Client]:
    """obstore speaks of objects alone; rules are asked for through AWS's own client."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise LightlyConfigError("reading lifecycle rules needs boto3: pip install 'lightly-airflow[amazon]'") from None
    keys = _keys(account)
    client = boto3.session.Session().client(
        "s3",
        region_name=account.region,
        endpoint_url=account.endpoint,
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        aws_session_token=keys["token"],
        config=Config(
            connect_timeout=5,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=_THREADS,
            s3={"addressing_style": "path" if account.endpoint else "auto"},
        ),
    )
    try:
        yield client
    finally:
        client.close()


def _keys(account: S3Account) -> S3Credential:
    try:
        return account.credential()
    except RuntimeError as error:  # how a role that may not be assumed is told to obstore
        told = cause(str(error), s3_delegated.CAUSES, account.path)
    raise StorageError(f"cannot open {account.path}: {told}")


@contextmanager
def _explained(action: str, account: S3Account) -> Iterator[None]:
    """Turns boto3's errors into :class:`StorageError`, in the words in which obstore's are told."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        text = f"<Code>{'AccessDenied' if code == '403' else code}<"  # HEAD has no body that would tell more
    except BotoCoreError:
        text = "error sending request"
    else:
        return
    # "from None": raised inside a "with", it would bring boto3's error with its URL into every traceback.
    raise StorageError(f"cannot {action}: {cause(text, s3_delegated.CAUSES, account.path)}") from None
