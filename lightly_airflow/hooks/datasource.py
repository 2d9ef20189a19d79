"""From an Airflow connection to a LightlyOne datasource: the face that every cloud's hook has, and which hook serves which."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException
from airflow.sdk.log import mask_secret

from lightly_airflow.client.flows.datasources import Permission
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import DEFAULT_THUMB_SUFFIX
from lightly_airflow.storage.reach import HERE, Reach

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose

# Connection type -> how a path begins -> what makes the hook from the connection. A further cloud is one more file and one
# more line here.
HOOKS = {"aws": {"s3://": "lightly_airflow.hooks.s3.S3DatasourceHook"}}


@dataclass(frozen=True, slots=True)
class DatasourceOptions:
    """What an author may say of a datasource besides path, purpose and connection.

    :param thumbnail_suffix: where thumbnails go, ``None`` for none.
    """

    thumbnail_suffix: str | None = DEFAULT_THUMB_SUFFIX


class DatasourceHook(BaseHook):
    """Makes LightlyOne datasources of one kind of connection, and says how Airflow itself reaches the storage.

    :param connection: the Airflow connection with the storage's credentials.
    """

    extra = ""  # the extra of this package that the hook needs
    # What to grant where a permission is missing, such as "s3:ListBucket on the bucket".
    GRANTS: ClassVar[dict[Permission, str]] = {}

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection

    @abstractmethod
    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> DatasourceConfig:
        """The datasource that LightlyOne is told.

        :param resource_path: the directory, in the cloud's own form.
        :param purpose: ``INPUT``, ``LIGHTLY`` or ``INPUT_OUTPUT``.
        :param options: whatever else the author says.
        :raises LightlyConfigError: for what the connection lacks or LightlyOne cannot express.
        """

    def reach(self, config: DatasourceConfig) -> Reach:
        """How Airflow reaches the storage to try the credentials: by default as the datasource itself says."""
        return HERE

    def wrong(self, what: str) -> LightlyConfigError:
        """An error that names the connection."""
        return LightlyConfigError(f"connection {self.connection.conn_id!r}: {what}")

    def missing_extra(self) -> AirflowOptionalProviderFeatureException:
        """The error for a package that is not installed, with the line that installs it."""
        return AirflowOptionalProviderFeatureException(
            f"{self.connection.conn_type} connections need the {self.extra} extra:"
            f" pip install 'lightly-airflow[{self.extra}]'"
        )


def datasource_hook(conn_id: str, resource_path: str) -> DatasourceHook:
    """The hook for a connection and a path; raises :class:`LightlyConfigError` for a pair that does not go together."""
    connection = BaseHook.get_connection(conn_id)
    kinds = HOOKS.get(connection.conn_type or "")
    if kinds is None:
        raise LightlyConfigError(
            f"connection {conn_id!r} has type {connection.conn_type!r}; a datasource needs one of: {', '.join(HOOKS)}"
        )
    # A type with one kind of path alone leaves it to its hook to say what is wrong with another.
    path = next((path for start, path in kinds.items() if len(kinds) == 1 or resource_path.startswith(start)), None)
    if path is None:
        starts = " or ".join(f"{start}bucket/dir/" for start in kinds)
        raise LightlyConfigError(f"connection {conn_id!r} of type {connection.conn_type!r} reaches paths like {starts}")
    module, name = path.rsplit(".", 1)
    hook: DatasourceHook = getattr(import_module(module), name)(connection)
    return hook


def hide(*secrets: Any) -> None:
    """Masks secrets in logs, as they stand and as they stand in a URL."""
    for secret in secrets:
        if secret:
            mask_secret(str(secret))
            mask_secret(quote(str(secret), safe=""))
