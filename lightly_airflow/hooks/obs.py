"""OBS datasources (Open Telekom Cloud's S3-compatible storage), from ``aws`` connections that name its endpoint."""

from __future__ import annotations

from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import DatasourceConfig, ObsConfig, Purpose
from lightly_airflow.hooks.aws import AwsHook
from lightly_airflow.hooks.datasource import DatasourceOptions
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach


class ObsDatasourceHook(AwsHook):
    """``aws`` connection with an access key, and ``endpoint_url`` in the extra or the endpoint's name as host."""

    # Actions as in https://docs.otc.t-systems.com/object-storage-service/
    GRANTS = {  # noqa: RUF012 - a ClassVar of the base
        "list": "obs:bucket:ListBucket on the bucket {bucket}",
        "read": "obs:object:GetObject on {bucket}/{prefix}*",
        "write": "obs:object:PutObject on {bucket}/{prefix}*",
        "overwrite": "obs:object:PutObject on {bucket}/{prefix}*",
    }

    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> DatasourceConfig:
        path = parse_resource_path(resource_path, "obs")
        if self.connection.extra_dejson.get("role_arn"):
            raise self.wrong("OBS has no delegated access at LightlyOne; use an access key, without role_arn")
        return self.made(
            ObsConfig,
            purpose=purpose,
            full_path=str(path),
            thumb_suffix=options.thumbnail_suffix,
            obs_endpoint=self.endpoint,
            obs_access_key_id=SecretStr(self.access_key.id),
            obs_secret_access_key=SecretStr(self.access_key.secret),
        )

    def reach(self, config: DatasourceConfig) -> Reach:
        return Reach(verify=self.verify)

    @property
    def endpoint(self) -> str:
        """The endpoint's URL: the extra's, else made of host and port."""
        host = self.endpoint_url or self.connection.host
        if not host:
            raise self.wrong(
                'no endpoint; put {"endpoint_url": "https://obs.eu-de.otc.t-systems.com"} (your region\'s) into extra'
            )
        if "://" in host:
            return host
        port = f":{self.connection.port}" if self.connection.port else ""
        return f"{self.connection.schema or 'https'}://{host}{port}"
