"""From an Airflow connection to a LightlyOne datasource: the face that every cloud's hook has, and which hook serves which."""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException
from airflow.sdk.log import mask_secret

from lightly_airflow.contract.errors import LightlyConfigError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose

# Connection type -> hook. A further cloud is one more file and one more line here.
HOOKS = {"aws": "lightly_airflow.hooks.s3.S3DatasourceHook"}


class DatasourceHook(BaseHook):
    """Makes LightlyOne datasources of one kind of connection.

    :param connection: the Airflow connection with the storage's credentials.
    """

    extra = ""  # the extra of this package that the hook needs

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection

    @abstractmethod
    def config(self, resource_path: str, purpose: Purpose, thumbnail_suffix: str | None) -> DatasourceConfig:
        """The datasource that LightlyOne is told.

        :param resource_path: the directory, in the cloud's own form.
        :param purpose: ``INPUT``, ``LIGHTLY`` or ``INPUT_OUTPUT``.
        :param thumbnail_suffix: where thumbnails go, ``None`` for none.
        :raises LightlyConfigError: for what the connection lacks or LightlyOne cannot express.
        """

    def wrong(self, what: str) -> LightlyConfigError:
        """An error that names the connection."""
        return LightlyConfigError(f"connection {self.connection.conn_id!r}: {what}")

    def missing_extra(self) -> AirflowOptionalProviderFeatureException:
        """The error for a package that is not installed, with the line that installs it."""
        return AirflowOptionalProviderFeatureException(
            f"{self.connection.conn_type} connections need the {self.extra} extra: pip install 'lightly-airflow[{self.extra}]'"
        )


def datasource_hook(conn_id: str) -> DatasourceHook:
    """The hook for a connection, by its type; raises :class:`LightlyConfigError` for a type that is not supported."""
    connection = BaseHook.get_connection(conn_id)
    path = HOOKS.get(connection.conn_type or "")
    if path is None:
        known = ", ".join(sorted(HOOKS))
        raise LightlyConfigError(
            f"connection {conn_id!r} has type {connection.conn_type!r}; a datasource needs one of: {known}"
        )
    module, name = path.rsplit(".", 1)
    hook: DatasourceHook = getattr(import_module(module), name)(connection)
    return hook


def hide(*secrets: Any) -> None:
    """Masks secrets in logs, as they stand and as they stand in a URL."""
    for secret in secrets:
        if secret:
            mask_secret(str(secret))
            mask_secret(quote(str(secret), safe=""))
