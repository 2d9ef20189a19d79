"""From an Airflow connection to a LightlyOne datasource: the face that every cloud's hook has, and which hook serves which."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException
from airflow.sdk.log import mask_secret

from lightly_airflow.client.flows.datasources import Permission
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import DEFAULT_THUMB_SUFFIX
from lightly_airflow.storage.preflight import Proof, prove
from lightly_airflow.storage.reach import HERE, Reach
from lightly_airflow.storage.stores import open_store

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose

# Connection type -> how a path begins -> what makes the hook from the connection. A further cloud is one more file and one
# more line here.
HOOKS = {
    "aws": {
        "s3://": "lightly_airflow.hooks.s3_delegated.s3_datasource_hook",
        "obs://": "lightly_airflow.hooks.obs.ObsDatasourceHook",
    },
    "wasb": {"": "lightly_airflow.hooks.azure.AzureDatasourceHook"},
    "google_cloud_platform": {"gs://": "lightly_airflow.hooks.gcs.GcsDatasourceHook"},
}

# A new token is made every night: a week outlives a weekend on which the DAG is paused, and not much more.
SAS_LIFETIME = timedelta(days=7)
# A nightly run is over after a day, its wait for a worker included.
SAS_MIN_VALIDITY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DatasourceOptions:
    """What an author may say of a datasource besides path, purpose and connection.

    :param thumbnail_suffix: where thumbnails go, ``None`` for none.
    :param region: the bucket's region, ``None`` for the connection's.
    :param kms_key: ARN of the key that encrypts what LightlyOne writes, ``None`` for the bucket's own way.
    :param web_server_location: where a local disk's files are served to the browser, ``None`` for LightlyOne's default.
    :param sas_lifetime: how long a SAS token that is made of an Azure account key is valid.
    :param sas_min_validity: how long a SAS token has to be valid at least when it is set.
    """

    thumbnail_suffix: str | None = DEFAULT_THUMB_SUFFIX
    region: str | None = None
    kms_key: str | None = None
    web_server_location: str | None = None
    sas_lifetime: timedelta = SAS_LIFETIME
    sas_min_validity: timedelta = SAS_MIN_VALIDITY


class CannotTry(Exception):
    """Airflow cannot try the credentials itself; says why, as half a sentence."""


class DatasourceHook(BaseHook):
    """Makes LightlyOne datasources of one kind of connection, and says how Airflow itself reaches the storage.

    :param connection: the Airflow connection with the storage's credentials.
    """

    extra = ""  # the extra of this package that the hook needs
    # What each permission needs, such as "s3:ListBucket on arn:aws:s3:::{bucket}"; {bucket} and {prefix} are the path's.
    GRANTS: ClassVar[dict[Permission, str]] = {}
    # How to make a directory that is not there.
    CREATE: ClassVar[str] = "put an empty object named {prefix} into {bucket}"

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
        """How Airflow reaches the storage to try the credentials: by default as the datasource itself says.

        :raises CannotTry: Airflow has no way to try them.
        """
        return HERE

    def prove(self, config: DatasourceConfig, dataset_type: str) -> Proof:
        """Try the datasource's own credentials on its directory, before LightlyOne is told.

        :param config: what :meth:`config` has made.
        :param dataset_type: of the dataset, which says what files are inputs.
        :raises CannotTry: Airflow has no way to try them.
        :raises AirflowOptionalProviderFeatureException: the package that speaks to the storage is not installed.
        """
        try:
            directory = open_store(config, self.reach(config))
        except ImportError:
            raise self.missing_extra() from None
        return prove(directory, config.purpose, dataset_type)

    def wrong(self, what: str) -> LightlyConfigError:
        """An error that names the connection."""
        return LightlyConfigError(f"connection {self.connection.conn_id!r}: {what}")

    def missing_extra(self) -> AirflowOptionalProviderFeatureException:
        """The error for a package that is not installed, with the line that installs it."""
        return missing_extra(self.connection.conn_type, self.extra)


def missing_extra(conn_type: str | None, extra: str) -> AirflowOptionalProviderFeatureException:
    """The error for a package that a type of connection needs and that is not installed.

    :param conn_type: of the connection.
    :param extra: the extra of this package that installs it.
    """
    return AirflowOptionalProviderFeatureException(
        f"{conn_type} connections need the {extra} extra: pip install 'lightly-airflow[{extra}]'"
    )


def datasource_hook(conn_id: str | None, resource_path: str) -> DatasourceHook:
    """The hook for a connection and a path; raises :class:`LightlyConfigError` for a pair that does not go together.

    Without a connection, the path is on a disk that is mounted into LightlyOne's worker.
    """
    if conn_id is None:
        return _local_hook(resource_path)
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


def _local_hook(resource_path: str) -> DatasourceHook:
    if "://" in resource_path:
        raise LightlyConfigError("the resource path is no local one; name its storage's connection: datasource_conn_id")
    hook: DatasourceHook = import_module("lightly_airflow.hooks.local").LocalDatasourceHook()
    return hook


def hide(*secrets: Any) -> None:
    """Masks secrets in logs, as they stand and as they stand in a URL."""
    for secret in secrets:
        if secret:
            mask_secret(str(secret))
            mask_secret(quote(str(secret), safe=""))
