"""Local disks as datasources: no connection, a path relative to the worker's mount."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException

from lightly_airflow.client.flows.datasources import Permission
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import LocalConfig, Purpose
from lightly_airflow.hooks.datasource import CannotTry, DatasourceHook, DatasourceOptions
from lightly_airflow.storage.clouds.local import mount
from lightly_airflow.storage.paths import parse_local_path
from lightly_airflow.storage.reach import HERE, Reach

if TYPE_CHECKING:
    from lightly_airflow.contract.models.datasources import DatasourceConfig

# Where `lightly-serve` listens, which shows the images in the browser; the official client's default as well.
WEB_SERVER_LOCATION = "http://localhost:3456"


class LocalDatasourceHook(DatasourceHook):
    """Needs no credentials, and therefore no connection."""

    extra = "emulator"
    GRANTS: ClassVar[dict[Permission, str]] = {
        "list": "mode r-x for the worker's user on the directory",
        "read": "mode r-- for the worker's user on the files",
        "write": "mode rwx for the worker's user on the directory",
        "overwrite": "mode rwx for the worker's user on the directory",
    }
    CREATE = "mkdir {prefix} in the mounted directory"

    def __init__(self) -> None:
        BaseHook.__init__(self)

    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> LocalConfig:
        location = options.web_server_location or WEB_SERVER_LOCATION
        if not location.startswith(("http://", "https://")):
            raise self.wrong(f"web_server_location is a URL such as {WEB_SERVER_LOCATION}, not {location!r}")
        return LocalConfig(
            purpose=purpose,
            full_path=parse_local_path(resource_path).prefix,
            thumb_suffix=options.thumbnail_suffix,
            web_server_location=location,
        )

    def reach(self, config: DatasourceConfig) -> Reach:
        """Airflow can only try a disk that is mounted on its own machine, at the same place."""
        place = mount(config.purpose)
        if not place.is_dir():
            raise CannotTry(f"this machine has no {place}, so only the worker can tell")
        return HERE

    def missing_extra(self) -> AirflowOptionalProviderFeatureException:
        return AirflowOptionalProviderFeatureException(
            f"trying local disks needs the {self.extra} extra: pip install 'lightly-airflow[{self.extra}]'"
        )

    def wrong(self, what: str) -> LightlyConfigError:
        return LightlyConfigError(f"local disk: {what}")
