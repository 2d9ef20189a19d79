"""What dags/multi_cloud_curation.py finds: pictures in every cloud, directories for results, and the connections."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.azurite_server import ACCOUNT, Azurite
from tests.gcs_server import GcsServer
from tests.pictures import pictures
from tests.s3_server import S3Server

Put = Callable[[str, str, bytes], None]


def fill(s3: S3Server, gcs: GcsServer, azurite: Azurite | None, disk: Path) -> None:
    """Puts pictures into each dataset's INPUT, and makes each LIGHTLY directory. Without Azurite, its two are left out."""
    local = disk_put(disk)
    inputs: dict[str, Put] = {
        "streets": s3.put, "harbour": s3.put, "drones": gcs.put, "railway": s3.put, "microscopes": local,
    }  # fmt: skip
    results: dict[str, Put] = {"streets": s3.put, "drones": s3.put, "railway": s3.put, "microscopes": local}
    if azurite:
        inputs |= {"factory": azurite.put}
        results |= {"harbour": azurite.put, "factory": azurite.put}
    for bucket, put in inputs.items():
        for name, content in pictures().items():
            put(bucket, f"input/{name}", content)
    for bucket, put in results.items():
        put(bucket, "lightly/.keep", b"")  # obstore hides a blob named lightly/


def disk_put(disk: Path) -> Put:
    """Stores files under the mounts ``input`` and ``lightly`` of a disk, whose directories are the buckets."""

    def put(directory: str, key: str, body: bytes) -> None:
        mount, _, name = key.partition("/")
        file = disk / mount / directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)

    return put


def environment(s3: S3Server, gcs: GcsServer, azurite: Azurite | None, disk: Path) -> dict[str, str]:
    """The connections, and where the disk is mounted."""
    aws = {"conn_type": "aws", "login": "key", "password": "secret"}
    region = {"region_name": "eu-central-1"}
    connections: dict[str, dict[str, Any]] = {
        **{f"{name}_S3": {**aws, "extra": region} for name in ("STREETS", "HARBOUR", "DRONES")},
        "RAILWAY_OBS": {**aws, "extra": {"endpoint_url": s3.url}},
        "DRONES_GOOGLE": {
            "conn_type": "google_cloud_platform",
            "extra": {"keyfile_dict": gcs.service_account("viewer", "list", "get")},
        },
    }
    if azurite:
        wasb = {"conn_type": "wasb", "login": ACCOUNT}
        # The account's key, of which the hook makes a token, and a token.
        connections["HARBOUR_AZURE"] = {**wasb, "password": azurite.key}
        connections["FACTORY_AZURE"] = {**wasb, "extra": {"sas_token": azurite.sas("rwdl", "factory")}}
    return {
        **{f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in connections.items()},
        **{f"LIGHTLY_{purpose.upper()}_MOUNT": str(disk / purpose) for purpose in ("input", "lightly")},
    }
