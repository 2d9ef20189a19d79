"""Azure Blob Storage by SAS token."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.models.datasources import AzureConfig
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach

if TYPE_CHECKING:
    from obstore.store import AzureSASToken, ClientConfig, RetryConfig

# Short: somebody with a wrong endpoint sits and waits. The read timeout starts anew with every piece of a download.
_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=5), "read_timeout": timedelta(seconds=10)}
_RETRY: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
# https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-error-codes
CAUSES = (
    (r"<Code>ContainerNotFound<", "the container {bucket!r} does not exist"),
    (
        r"<Code>(AuthorizationPermissionMismatch|AuthorizationResourceTypeMismatch|AuthorizationServiceMismatch)<",
        "access denied; the SAS token lacks the permission",
    ),
    (r"<Code>AuthorizationSourceIPMismatch<", "access denied; the SAS token does not allow this IP address"),
    (r"Azure credential provider", "the SAS token cannot be read; copy it whole"),
    (
        # The codes differ between Azure and its emulators, and between an expired token and a forged one.
        r"403 Forbidden|<Code>(AuthenticationFailed|NoAuthenticationInformation)<",
        "access denied; the SAS token has expired, is for another container or was signed with a key since rotated",
    ),
    (r"<Code>BlobNotFound<", "the object does not exist"),
    (r"<Code>BlobArchived<", "the object is archived; rehydrate it"),
    (r"dns error|failed to lookup address", "the storage account cannot be found; check its name and the network"),
)


def open_store(config: AzureConfig, reach: Reach) -> Directory:
    """The directory of an Azure datasource, opened with its SAS token."""
    from obstore.store import AzureStore

    path = parse_resource_path(config.full_path, "azure")
    store = AzureStore(
        path.bucket,
        prefix=path.prefix or None,
        account_name=config.account_name,
        # A provider, not a string: a string loses against an account key in the environment.
        credential_provider=lambda: _azure_credential(config),
        retry_config=_RETRY,
        **_azure_endpoint(reach),
    )
    return Directory(store, path, CAUSES)


def foreign_endpoint(reach: Reach) -> str | None:
    """URL of a storage account that is not on Azure's public cloud, or ``None``.

    LightlyOne's Azure datasources carry no endpoint; a local store is named as obstore's own variable does.
    """
    return reach.endpoint or os.environ.get("AZURE_STORAGE_ENDPOINT") or None


def _azure_credential(config: AzureConfig) -> AzureSASToken:
    return {"sas_token": config.account_key.get_secret_value(), "expires_at": None}


def _azure_endpoint(reach: Reach) -> dict[str, Any]:
    endpoint = foreign_endpoint(reach)
    if not endpoint:
        return {"client_options": _CLIENT}
    client: ClientConfig = {**_CLIENT, "allow_http": True}
    return {"endpoint": endpoint, "client_options": client}
