"""Opens a datasource's directory with the datasource's own credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import DatasourceConfig, S3Config
from lightly_airflow.storage.paths import parse_resource_path

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Credential, S3Store

# LightlyOne's spelling of two regions; all others are AWS's own.
_AWS_REGIONS = {"us-gov-east": "us-gov-east-1", "us-gov-west": "us-gov-west-1"}
# Short: somebody with a wrong endpoint sits and waits. The read timeout starts anew with every piece of a download.
_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=5), "read_timeout": timedelta(seconds=10)}
_RETRY: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}


def open_store(config: DatasourceConfig) -> ObjectStore:
    """The directory of a datasource, opened with the credentials in the config. Nothing is sent yet.

    :param config: a datasource with its real secrets.
    :raises LightlyConfigError: the path is no path of that kind, or the kind is not supported here.
    """
    opener = _OPENERS.get(type(config))
    if opener is None:
        supported = ", ".join(sorted(kind.model_fields["type"].default for kind in _OPENERS))
        raise LightlyConfigError(f"{config.type} datasources cannot be opened here; supported are: {supported}")
    return opener(config)


def _open_s3(config: S3Config) -> S3Store:
    from obstore.store import S3Store

    path = parse_resource_path(config.full_path, "s3")
    return S3Store(
        path.bucket,
        prefix=path.prefix or None,
        region=_AWS_REGIONS.get(config.s3_region, config.s3_region),
        # A provider, not two strings: beside strings, obstore takes a session token from the environment.
        credential_provider=lambda: _s3_credential(config),
        retry_config=_RETRY,
        **_s3_endpoint(),
        **_s3_encryption(config),
    )


def _s3_credential(config: S3Config) -> S3Credential:
    return {
        "access_key_id": config.s3_access_key_id.get_secret_value(),
        "secret_access_key": config.s3_secret_access_key.get_secret_value(),
        "token": None,
        "expires_at": None,
    }


def _s3_endpoint() -> dict[str, Any]:
    """LightlyOne's S3 datasources carry no endpoint, so a local store is named as AWS's own tools want it."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return {"client_options": _CLIENT}
    client: ClientConfig = {**_CLIENT, "allow_http": True}
    return {"endpoint": endpoint, "virtual_hosted_style_request": False, "client_options": client}


def _s3_encryption(config: S3Config) -> dict[str, Any]:
    key = config.s3_server_side_encryption_kms_key
    return {"server_side_encryption": "aws:kms", "sse_kms_key_id": key} if key else {}


_OPENERS: dict[type[Any], Callable[[Any], ObjectStore]] = {S3Config: _open_s3}
