"""OBS, Open Telekom Cloud's S3-compatible storage."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lightly_airflow.contract.models.datasources import ObsConfig
from lightly_airflow.storage.clouds import s3
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach

CAUSES = s3.CAUSES
# Region endpoints: https://docs.otc.t-systems.com/regions-and-endpoints/index.html
_REGION = re.compile(r"obs\.([a-z0-9-]+)\.")
_ANY_REGION = "us-east-1"  # a store of one's own takes any


def account(config: ObsConfig, reach: Reach) -> s3.S3Account:
    """What opens an OBS datasource, which says its endpoint itself."""
    return s3.S3Account(
        parse_resource_path(config.full_path, "obs"),
        s3.access_key(config.obs_access_key_id, config.obs_secret_access_key),
        _region(config.obs_endpoint),
        config.obs_endpoint,
        verify=reach.verify,
    )


def open_store(config: ObsConfig, reach: Reach) -> Directory:
    """The directory of an OBS datasource."""
    return s3.s3_directory(account(config, reach))


def _region(endpoint: str) -> str:
    """Requests are signed for a region, and the datasource has no field for it: the endpoint's name tells."""
    found = _REGION.match(urlsplit(endpoint).hostname or "")
    return found[1] if found else _ANY_REGION
