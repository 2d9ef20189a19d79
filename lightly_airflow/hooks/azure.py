"""Azure datasources from ``wasb`` connections, read as the Microsoft provider reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from lightly_airflow.client.flows.datasources import Permission
from lightly_airflow.contract.models.datasources import AzureConfig, Purpose
from lightly_airflow.hooks.datasource import DatasourceHook, DatasourceOptions, hide
from lightly_airflow.storage.paths import parse_azure_path
from lightly_airflow.storage.reach import HERE, Reach
from lightly_airflow.storage.sas import sas_problems

if TYPE_CHECKING:
    from lightly_airflow.contract.models.datasources import DatasourceConfig

# What a token made of an account key may do. Delete is no permission that LightlyOne verifies; its docs advise it for
# LIGHTLY, and the probe that proves writing is taken away with it.
_LETTERS: dict[Purpose, str] = {"INPUT": "rl", "LIGHTLY": "rwdl", "INPUT_OUTPUT": "rwdl"}
_INSTEAD = "put the storage account's name into login and a SAS token into the extra's sas_token"
_IDENTITIES = {"managed_identity_client_id": "a managed identity", "workload_identity_tenant_id": "a workload identity"}


@dataclass(frozen=True, slots=True)
class AzureCredentials:
    """A storage account and what opens it: a SAS token or, failing that, the account key. Both are hidden from ``repr``.

    :param endpoint: URL of a storage that is not Azure's public one.
    """

    account: str
    endpoint: str | None = None
    sas_token: str = field(default="", repr=False)
    account_key: str = field(default="", repr=False)


class AzureDatasourceHook(DatasourceHook):
    """``wasb`` connection: login is the account's name, the extra's ``sas_token`` the token; or a connection string.

    From an account key, the hook makes a SAS token for the path's container, with the letters that the purpose needs.
    """

    extra = "microsoft-azure"
    GRANTS: ClassVar[dict[Permission, str]] = {
        "list": "the letter l (list) in the SAS token's sp",
        "read": "the letter r (read) in the SAS token's sp",
        "write": "the letter w (write) in the SAS token's sp",
        "overwrite": "the letter w (write) in the SAS token's sp",
    }
    CREATE: ClassVar[str] = "put an empty blob named {prefix}.keep into the container {bucket}"

    @cached_property
    def credentials(self) -> AzureCredentials:
        """What the connection holds, masked in logs; raises :class:`LightlyConfigError` for what LightlyOne cannot use."""
        extra = {name.removeprefix("extra__wasb__"): value for name, value in self.connection.extra_dejson.items()}
        text = str(extra.get("connection_string") or "")
        hide(text, self.connection.password, *(extra.get(name) for name in ("shared_access_key", "account_key")))
        credentials = _from_connection_string(text) if text else self._from_fields(extra)
        _hide_token(credentials.sas_token)
        hide(credentials.account_key)
        if not credentials.account:
            raise self.wrong(f"no storage account; {_INSTEAD}")
        if not (credentials.sas_token or credentials.account_key):
            raise self.wrong(f"{_found(extra)} cannot be given to LightlyOne; {_INSTEAD}")
        return credentials

    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> AzureConfig:
        path, account = parse_azure_path(resource_path)
        credentials = self.credentials
        if account not in (None, credentials.account):
            raise self.wrong(f"it is for the storage account {credentials.account!r}, the path names {account!r}")
        return AzureConfig(
            purpose=purpose,
            full_path=str(path),
            thumb_suffix=options.thumbnail_suffix,
            account_name=credentials.account,
            account_key=SecretStr(self._token(path.bucket, purpose, options)),
        )

    def reach(self, config: DatasourceConfig) -> Reach:
        endpoint = self.credentials.endpoint
        return Reach(endpoint) if endpoint else HERE

    @property
    def foreign_endpoint(self) -> bool:
        """Whether the connection points to a storage that is not Azure's public one."""
        return self.credentials.endpoint is not None

    def _from_fields(self, extra: Mapping[str, Any]) -> AzureCredentials:
        """In the Microsoft provider's order: tenant, ``shared_access_key``, ``sas_token``, password, ``account_key``."""
        if extra.get("tenant_id"):
            raise self.wrong(f"a service principal (tenant_id) cannot be given to LightlyOne; {_INSTEAD}")
        key, token = str(extra.get("shared_access_key") or ""), str(extra.get("sas_token") or "").strip()
        if not (key or token):
            key = str(self.connection.password or extra.get("account_key") or "")
        address, mark, query = token.partition("?") if token.startswith(("https://", "http://")) else ("", "", token)
        url = address or self.connection.host
        account = _account(url) or self.connection.login or ""
        return AzureCredentials(account, _foreign(url), "" if key else mark + query, key)

    def _token(self, container: str, purpose: Purpose, options: DatasourceOptions) -> str:
        now = datetime.now(UTC)
        if not self.credentials.sas_token:
            return self._signed(container, purpose, now, options)
        until = now + options.sas_min_validity
        problems = sas_problems(self.credentials.sas_token, purpose, now, until)
        if problems:
            raise self.wrong(f"the SAS token does not do: {'; '.join(problems)}. Make a new one")
        return self.credentials.sas_token

    def _signed(self, container: str, purpose: Purpose, now: datetime, options: DatasourceOptions) -> str:
        if options.sas_lifetime < options.sas_min_validity:
            raise self.wrong(
                f"sas_lifetime ({options.sas_lifetime}) is below sas_min_validity ({options.sas_min_validity}):"
                " the SAS token could expire before the run ends; raise sas_lifetime"
            )
        try:
            from azure.storage.blob import generate_container_sas
        except ImportError:
            raise self.missing_extra() from None
        account, key, expiry = self.credentials.account, self.credentials.account_key, now + options.sas_lifetime
        try:
            token = generate_container_sas(account, container, key, permission=_LETTERS[purpose], expiry=expiry)
        except ValueError:
            raise self.wrong(
                "the account key is not base64; copy it from the storage account's access keys. A SAS token goes into the"
                " extra's sas_token"
            ) from None
        _hide_token(token)
        return f"?{token}"  # LightlyOne's docs show tokens with the question mark


def _from_connection_string(text: str) -> AzureCredentials:
    """https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string"""
    parts = {name.strip().lower(): value for name, _, value in (part.partition("=") for part in text.split(";"))}
    url = parts.get("blobendpoint")
    account = parts.get("accountname") or _account(url) or ""
    url = url or f"https://{account}.blob.{parts.get('endpointsuffix', 'core.windows.net')}"
    key = parts.get("accountkey", "")
    return AzureCredentials(account, _foreign(url), "" if key else parts.get("sharedaccesssignature", ""), key)


def _account(url: str | None) -> str | None:
    """The account in a URL's host: ``account.blob.core.windows.net``."""
    name, dot, rest = _host(url).partition(".")
    return name if ".blob." in f"{dot}{rest}" else None


def _foreign(url: str | None) -> str | None:
    """The URL if it is not Azure's public one, without a container in its path and a token in its query."""
    host = _host(url)
    if "." not in host or host.endswith(".blob.core.windows.net"):
        return None
    parts = urlsplit(_whole(url))
    path = "" if _account(url) else parts.path  # a host that does not name the account is followed by it
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}".rstrip("/")


def _host(url: str | None) -> str:
    return urlsplit(_whole(url)).hostname or ""


def _whole(url: str | None) -> str:
    return url if url and "://" in url else f"https://{url or ''}"


def _found(extra: Mapping[str, Any]) -> str:
    found = next((what for name, what in _IDENTITIES.items() if extra.get(name)), None)
    return found or "neither a SAS token nor an account key is set; default credentials and anonymous access"


def _hide_token(token: str) -> None:
    """Also the signature alone: the rest of the token is no secret, and may be written in another order."""
    signature = re.search(r"\bsig=([^&]+)", token)
    hide(token, *((signature[1], unquote(signature[1])) if signature else ()))
