"""S3 datasources from ``aws`` connections, read as the Amazon provider reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import Purpose, S3Config, S3Region
from lightly_airflow.hooks.datasource import DatasourceHook, DatasourceOptions, hide
from lightly_airflow.storage.paths import parse_resource_path

# AWS's names of the regions that LightlyOne spells its own way.
LIGHTLY_REGIONS = {"us-gov-east-1": "us-gov-east", "us-gov-west-1": "us-gov-west"}
DELEGATED_ACCESS = "https://docs.lightly.ai/docs/aws-s3"


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """An access key and where it is valid; the secrets are hidden from ``repr``."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    region: str


class S3DatasourceHook(DatasourceHook):
    """``aws`` connection: login and password (or the extra's keys) are the access key, ``region_name`` the region."""

    extra = "amazon"

    @cached_property
    def credentials(self) -> S3Credentials:
        """The connection's access key; raises :class:`LightlyConfigError` for what LightlyOne cannot use."""
        aws = self._read()
        if aws.aws_session_token:
            raise self.wrong(
                "temporary credentials (aws_session_token) cannot be given to LightlyOne, whose S3 datasources have no"
                f" field for a session token; use a long-lived access key, or delegated access: {DELEGATED_ACCESS}"
            )
        if not (aws.aws_access_key_id and aws.aws_secret_access_key):
            raise self.wrong("no access key; put its id into login and the secret into password")
        hide(aws.aws_access_key_id, aws.aws_secret_access_key)
        return S3Credentials(aws.aws_access_key_id, aws.aws_secret_access_key, self._region(aws.region_name))

    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> S3Config:
        path = parse_resource_path(resource_path, "s3")
        credentials = self.credentials
        return S3Config(
            purpose=purpose,
            full_path=str(path),
            thumb_suffix=options.thumbnail_suffix,
            s3_region=credentials.region,
            s3_access_key_id=SecretStr(credentials.access_key_id),
            s3_secret_access_key=SecretStr(credentials.secret_access_key),
        )

    @cached_property
    def endpoint_url(self) -> str | None:
        """The endpoint of an S3-compatible store. LightlyOne's datasource has no field for it: its worker reads
        AWS_ENDPOINT_URL_S3 from its own environment."""
        endpoint: str | None = self._read().get_service_endpoint_url("s3")
        return endpoint

    @property
    def foreign_endpoint(self) -> bool:
        """Whether the connection points to a store that is not AWS itself."""
        host = urlsplit(self.endpoint_url or "").hostname or ""
        return bool(host) and not host.endswith((".amazonaws.com", ".amazonaws.com.cn"))

    def _read(self) -> Any:
        try:
            from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
        except ImportError:
            raise self.missing_extra() from None
        return AwsConnectionWrapper(self.connection)

    def _region(self, name: str | None) -> str:
        if not name:
            raise self.wrong('no region; put {"region_name": "eu-central-1"} (your bucket\'s) into extra')
        region = LIGHTLY_REGIONS.get(name, name)
        if region not in get_args(S3Region):
            known = ", ".join(sorted(get_args(S3Region)))
            raise self.wrong(f"LightlyOne does not know the region {name!r}; it knows {known}")
        return region
