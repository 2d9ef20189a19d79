"""S3 by access key."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Credential

# LightlyOne's spelling of two regions; all others are AWS's own.
_AWS_REGIONS = {"us-gov-east": "us-gov-east-1", "us-gov-west": "us-gov-west-1"}
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
    (
        r"<Code>(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint\w*)<",
        "the bucket {bucket!r} is in another region than the one given",
    ),
    (r"<Code>NoSuchKey<", "the object does not exist"),
)


def open_store(config: S3Config, reach: Reach) -> Directory:
    """The directory of an S3 datasource, opened with its access key."""
    from obstore.store import S3Store

    path = parse_resource_path(config.full_path, "s3")
    store = S3Store(
        path.bucket,
        prefix=path.prefix or None,
        region=_AWS_REGIONS.get(config.s3_region, config.s3_region),
        # A provider, not two strings: beside strings, obstore takes a session token from the environment.
        credential_provider=lambda: _s3_credential(config),
        retry_config=_RETRY,
        **_s3_endpoint(reach.endpoint),
        **_s3_encryption(config),
    )
    return Directory(store, path, CAUSES)


def _s3_credential(config: S3Config) -> S3Credential:
    return {
        "access_key_id": config.s3_access_key_id.get_secret_value(),
        "secret_access_key": config.s3_secret_access_key.get_secret_value(),
        "token": None,
        "expires_at": None,
    }


def _s3_endpoint(endpoint: str | None) -> dict[str, Any]:
    """LightlyOne's S3 datasources carry no endpoint, so a local store is named as AWS's own tools want it."""
    endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return {"client_options": _CLIENT}
    client: ClientConfig = {**_CLIENT, "allow_http": True}
    return {"endpoint": endpoint, "virtual_hosted_style_request": False, "client_options": client}


def _s3_encryption(config: S3Config) -> dict[str, Any]:
    key = config.s3_server_side_encryption_kms_key
    return {"server_side_encryption": "aws:kms", "sse_kms_key_id": key} if key else {}
