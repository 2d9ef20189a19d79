"""Opens a datasource's directory with the datasource's own credentials: which kind of storage is opened by which file."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import DatasourceConfig
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.reach import HERE, Reach

# The datasource's type -> the file that knows its storage.
CLOUDS = {
    "AZURE": "azure",
    "GCS": "gcs",
    "LOCAL": "local",
    "OBS": "obs",
    "S3": "s3",
    "S3DelegatedAccess": "s3_delegated",
}


class Cloud(Protocol):
    """What each file in ``clouds`` offers."""

    def open_store(self, config: DatasourceConfig, reach: Reach) -> Directory:
        """The datasource's directory. Nothing is sent yet."""
        ...


def open_store(config: DatasourceConfig, reach: Reach = HERE) -> Directory:
    """The directory of a datasource, opened with the credentials in the config. Nothing is sent yet.

    :param config: a datasource with its real secrets.
    :param reach: how to reach the storage; default: as the datasource and the environment say.
    :raises LightlyConfigError: the path is no path of that kind, or the kind is not supported here.
    """
    return _cloud(config.type).open_store(config, reach)


def _cloud(kind: str) -> Cloud:
    name = CLOUDS.get(kind)
    if name is None:
        supported = ", ".join(sorted(CLOUDS))
        raise LightlyConfigError(f"{kind} datasources cannot be opened here; supported are: {supported}")
    return cast("Cloud", import_module(f"lightly_airflow.storage.clouds.{name}"))
