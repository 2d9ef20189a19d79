"""S3 by access key, and what all stores that speak S3 share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import AWS_REGIONS, S3Config
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import ResourcePath, parse_resource_path
from lightly_airflow.storage.reach import Reach

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Credential

# Short: somebody with a wrong endpoint sits and waits. The read timeout starts anew with every piece of a download.
_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=5), "read_timeout": timedelta(seconds=10)}
_RETRY: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
# Codes of S3's error documents: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
CAUSES = (
    (r"<Code>NoSuchBucket<", "the bucket {bucket!r} does not exist"),
    (r"<Code>InvalidAccessKeyId<", "the access key id is unknown; check the key or whether it was rotated"),
    (r"<Code>SignatureDoesNotMatch<", "the secret access key does not belong to the access key id"),
    (r"<Code>(ExpiredToken|InvalidToken)<", "the credentials have expired or are not valid"),
    (r"<Code>AccessDenied<", "access denied; the credentials lack the permission"),
    (r"<Code>KMS\.", "the KMS key does not exist, is disabled, or lies in another region than the bucket"),
    (
        r"<Code>(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint\w*)<",
        "the bucket {bucket!r} is in another region than the one given",
    ),
    (r"<Code>NoSuchKey<", "the object does not exist"),
)


@dataclass(frozen=True, slots=True)
class S3Account:
    """A directory in a store that speaks S3, and what opens it.

    :param path: the directory.
    :param credential: gives the keys. A function, not two strings: beside strings, obstore takes a session token from the
        environment.
    :param region: in AWS's spelling.
    :param endpoint: URL of the store; ``None`` for AWS itself.
    :param verify: as in :class:`Reach`.
    """

    path: ResourcePath
    credential: Callable[[], S3Credential] = field(repr=False)
    region: str
    endpoint: str | None
    verify: bool | str = True


def account(config: S3Config, reach: Reach) -> S3Account:
    """What opens an S3 datasource: its access key."""
    return S3Account(
        parse_resource_path(config.full_path, "s3"),
        access_key(config.s3_access_key_id, config.s3_secret_access_key),
        aws_region(config.s3_region),
        reach.endpoint or s3_endpoint(),
        reach.verify,
    )


def open_store(config: S3Config, reach: Reach) -> Directory:
    """The directory of an S3 datasource, opened with its access key."""
    return s3_directory(account(config, reach), config.s3_server_side_encryption_kms_key)


def s3_directory(
    account: S3Account, kms_key: str | None = None, causes: tuple[tuple[str, str], ...] = CAUSES
) -> Directory:
    """A directory in a store that speaks S3.

    :param account: the directory, and what opens it.
    :param kms_key: ARN of the key that encrypts what is written; default: as the bucket is set up.
    :param causes: what the store's refusals mean.
    """
    from obstore.store import S3Store

    options = {**_endpoint_options(account.endpoint), **_encryption_options(kms_key)}
    client: ClientConfig = {**_CLIENT, **_trust(account.verify), "allow_http": bool(account.endpoint)}
    store = S3Store(
        account.path.bucket,
        prefix=account.path.prefix or None,
        region=account.region,
        credential_provider=account.credential,
        retry_config=_RETRY,
        client_options=client,
        **options,
    )
    return Directory(store, account.path, causes)


def access_key(key_id: SecretStr, secret: SecretStr) -> Callable[[], S3Credential]:
    """Gives a long-lived access key."""
    return lambda: {
        "access_key_id": key_id.get_secret_value(),
        "secret_access_key": secret.get_secret_value(),
        "token": None,
        "expires_at": None,
    }


def aws_region(region: str) -> str:
    """A region in AWS's spelling."""
    return AWS_REGIONS.get(region, region)


def s3_endpoint() -> str | None:
    """LightlyOne's S3 datasources carry no endpoint, so a local store is named as AWS's own tools want it."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _endpoint_options(endpoint: str | None) -> dict[str, Any]:
    # Beside plain "endpoint", obstore would prefer the one that the environment's AWS_ENDPOINT_URL_S3 names.
    return {"aws_endpoint_url_s3": endpoint, "virtual_hosted_style_request": False} if endpoint else {}


def _trust(verify: bool | str) -> ClientConfig:
    if isinstance(verify, bool):
        return {} if verify else {"allow_invalid_certificates": True}
    return {"root_certificate": Path(verify).read_bytes()}


def _encryption_options(kms_key: str | None) -> dict[str, Any]:
    return {"server_side_encryption": "aws:kms", "sse_kms_key_id": kms_key} if kms_key else {}
