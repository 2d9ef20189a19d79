"""S3 datasources by access key, from ``aws`` connections."""

from __future__ import annotations

from typing import get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import AWS_REGIONS, DatasourceConfig, Purpose, S3Config, S3Region
from lightly_airflow.hooks.aws import AwsHook
from lightly_airflow.hooks.datasource import DatasourceOptions
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach

_LIGHTLY_REGIONS = {aws: lightly for lightly, aws in AWS_REGIONS.items()}


class S3DatasourceHook(AwsHook):
    """``aws`` connection without a ``role_arn``: an access key, and ``region_name`` in the extra."""

    # Actions as in https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    GRANTS = {  # noqa: RUF012 - a ClassVar of the base
        "list": "s3:ListBucket on arn:aws:s3:::{bucket}",
        "read": "s3:GetObject on arn:aws:s3:::{bucket}/{prefix}*",
        "write": "s3:PutObject on arn:aws:s3:::{bucket}/{prefix}*",
        "overwrite": "s3:PutObject on arn:aws:s3:::{bucket}/{prefix}*",
    }
    CREATE = "aws s3api put-object --bucket {bucket} --key {prefix}"

    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> DatasourceConfig:
        path = parse_resource_path(resource_path, "s3")
        return self.made(
            S3Config,
            purpose=purpose,
            full_path=str(path),
            thumb_suffix=options.thumbnail_suffix,
            s3_access_key_id=SecretStr(self.access_key.id),
            s3_secret_access_key=SecretStr(self.access_key.secret),
            s3_region=self.region(options),
            s3_server_side_encryption_kms_key=options.kms_key,
        )

    def reach(self, config: DatasourceConfig) -> Reach:
        return Reach(self.endpoint_url, self.verify)

    @property
    def foreign_endpoint(self) -> bool:
        """Whether the connection points to a store that is not AWS itself. LightlyOne's S3 datasource has no field for
        that: its worker reads AWS_ENDPOINT_URL_S3 from its own environment."""
        return bool(foreign_host(self.endpoint_url))

    def region(self, options: DatasourceOptions) -> str:
        """The bucket's region in LightlyOne's spelling."""
        name = options.region or self.aws.region_name
        if not name:
            raise self.wrong('no region; put {"region_name": "eu-central-1"} (your bucket\'s) into extra')
        region = _LIGHTLY_REGIONS.get(name, name)
        if region not in get_args(S3Region):
            known = ", ".join(sorted(get_args(S3Region)))
            raise self.wrong(f"LightlyOne does not know the region {name!r}; it knows {known}")
        return region


def foreign_host(endpoint: str | None) -> str:
    """The host of an endpoint, a URL or a host's name, that is not AWS's own; empty if it is, or if there is none."""
    host = urlsplit(endpoint if endpoint and "://" in endpoint else f"//{endpoint or ''}").hostname or ""
    return "" if host.endswith((".amazonaws.com", ".amazonaws.com.cn")) else host
