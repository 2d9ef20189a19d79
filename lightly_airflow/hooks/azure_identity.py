"""Identities from ``azure`` connections, read as the Microsoft provider reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.hooks.datasource import hide

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

# Short: somebody with a wrong connection sits and waits.
PATIENCE: dict[str, Any] = {"retry_total": 2, "connection_timeout": 5, "read_timeout": 10}


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's clouds.

    :param authority: URL of what gives out tokens.
    :param management: URL of the management API.
    """

    authority: str
    management: str


# By the names that the Microsoft provider knows in the extra's cloud_environment; any other means the public one.
_PUBLIC = Cloud("https://login.microsoftonline.com", "https://management.azure.com")
_CLOUDS = {
    "AzureUSGovernment": Cloud("https://login.microsoftonline.us", "https://management.usgovcloudapi.net"),
    "AzureChinaCloud": Cloud("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
}


@dataclass(frozen=True, slots=True)
class AzureIdentity:
    """What an ``azure`` connection says of who asks, and where.

    :param connection: login is the client id, password its secret.
    :param extra: its extra, without the prefixes of older Airflows; the password is masked in logs.
    """

    connection: Connection
    extra: Mapping[str, Any]

    @property
    def cloud(self) -> Cloud:
        return _CLOUDS.get(self.extra.get("cloud_environment", ""), _PUBLIC)

    def credential(self, cloud: Cloud) -> ClientSecretCredential | DefaultAzureCredential:
        """What gets tokens: the client's secret or, without login, what Azure's default credentials find.

        :raises LightlyConfigError: the connection names a client and lacks something.
        """
        from azure.identity import ClientSecretCredential, DefaultAzureCredential

        # The authorities are known: nobody needs to ask Azure's public cloud whether they are what they say.
        options = {"authority": cloud.authority, "disable_instance_discovery": True, **PATIENCE}
        login, secret, tenant = self.connection.login, self.connection.password, self.extra.get("tenantId")
        if not login:
            return DefaultAzureCredential(**self._managed(), **options)
        if not (secret and tenant):
            raise self.wrong("a client id (login) needs its secret (password) and the extra's tenantId")
        try:
            return ClientSecretCredential(tenant, login, secret, **options)
        except ValueError:
            raise self.wrong("the extra's tenantId is no tenant's id") from None

    def wrong(self, what: str) -> LightlyConfigError:
        """An error that names the connection."""
        return LightlyConfigError(f"connection {self.connection.conn_id!r}: {what}")

    def _managed(self) -> dict[str, Any]:
        """As the Microsoft provider does: both extras, or neither."""
        client, tenant = self.extra.get("managed_identity_client_id"), self.extra.get("workload_identity_tenant_id")
        if not (client and tenant):
            return {}
        return {"managed_identity_client_id": client, "additionally_allowed_tenants": [tenant]}


def azure_identity(connection: Connection) -> AzureIdentity:
    """Read a connection; raises :class:`LightlyConfigError` for one of another type."""
    hide(connection.password)
    if connection.conn_type != "azure":
        raise LightlyConfigError(
            f"connection {connection.conn_id!r} has type {connection.conn_type!r}; lifecycle policies are read with `azure`"
        )
    extra = {name.removeprefix("extra__azure__"): value for name, value in connection.extra_dejson.items()}
    return AzureIdentity(connection, extra)
