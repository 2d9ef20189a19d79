"""Google Cloud Storage by a service account's key."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import GcsConfig
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach

if TYPE_CHECKING:
    from obstore.store import ClientConfig, GCSCredential, RetryConfig

_SCOPES = ["https://www.googleapis.com/auth/devstorage.read_write"]
_TOKEN_TIMEOUT = 10  # seconds; Google answers within one
# Short: somebody behind a closed firewall sits and waits. The read timeout starts anew with every piece of a download.
_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=5), "read_timeout": timedelta(seconds=10)}
_RETRY: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
_DENIED = r"does not have storage\.objects\.{} access"
# Codes and details of https://cloud.google.com/storage/docs/xml-api/reference-status; what the token service says as
# https://cloud.google.com/iam/docs/troubleshooting-service-accounts tells.
CAUSES = (
    (r"invalid_grant: .*account not found", "the service account does not exist (any more)"),
    (r"invalid_grant: .*short-lived token", "this machine's clock is wrong, so that Google refuses the key"),
    (r"invalid_grant", "the service account's key is not valid; was it deleted or rotated?"),
    (r"credential provider: TransportError", "Google's token service cannot be reached; check the network"),
    (r"<Code>NoSuchBucket<", "the bucket {bucket!r} does not exist"),
    (_DENIED.format("list"), "the service account lacks storage.objects.list"),
    (_DENIED.format("get"), "the service account lacks storage.objects.get"),
    (_DENIED.format("create"), "the service account lacks storage.objects.create"),
    (_DENIED.format("delete"), "the service account lacks storage.objects.delete, which overwriting needs"),
    (r"<Code>NoSuchKey<", "the object does not exist"),
)


def open_store(config: GcsConfig, reach: Reach) -> Directory:
    """The directory of a Google datasource, opened with its service account's key."""
    from obstore.store import GCSStore

    path = parse_resource_path(config.full_path, "gs")
    store = GCSStore(
        path.bucket,
        prefix=path.prefix or None,
        # obstore could take the key itself, but would sign its own tokens and never ask the key's token_uri, whose
        # answers tell a deleted key from a deleted account; and it would prefer a token in the environment.
        credential_provider=_token_source(config),
        skip_signature=False,
        retry_config=_RETRY,
        **_reached(endpoint(reach)),
    )
    return Directory(store, path, CAUSES)


def _token_source(config: GcsConfig) -> Callable[[], GCSCredential]:
    """Exchanges the key for a token, each time that obstore wants a new one."""
    owner, request = credentials(config), token_request()

    def token() -> GCSCredential:
        owner.refresh(request)
        # google-auth's times are UTC without saying so.
        return {"token": owner.token, "expires_at": owner.expiry.replace(tzinfo=UTC)}

    return token


def credentials(config: GcsConfig) -> Any:
    """The service account, as google-auth's ``Credentials``. Nothing is sent yet.

    :raises LightlyConfigError: the datasource's credentials are no service account's key file.
    """
    from google.oauth2.service_account import Credentials

    try:
        key = json.loads(config.gcs_credentials.get_secret_value())
        return Credentials.from_service_account_info(key, scopes=_SCOPES)  # type: ignore[no-untyped-call]
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # raised below, so that the new error does not drag along one that quotes the key
    raise LightlyConfigError("the Google credentials are no service account's key file; create a new JSON key for it")


def token_request() -> Callable[..., Any]:
    """How ``Credentials.refresh`` asks Google's token service for a token."""
    from google.auth.transport.requests import Request

    return partial(Request(), timeout=_TOKEN_TIMEOUT)


def endpoint(reach: Reach) -> str | None:
    """URL of a store that is not Google's own, for which Google's clients look in STORAGE_EMULATOR_HOST.

    It is written there with or without http://.
    """
    given = reach.endpoint or os.environ.get("STORAGE_EMULATOR_HOST")
    return given if not given or "://" in given else f"http://{given}"


def _reached(url: str | None) -> dict[str, Any]:
    if not url:
        return {"client_options": _CLIENT}
    client: ClientConfig = {**_CLIENT, "allow_http": True}
    return {"base_url": url, "client_options": client}
