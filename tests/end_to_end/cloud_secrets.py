"""The clouds' connections for the real Airflow, good ones and bad ones, and every secret in them to look for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from azure.storage.blob import AccessPolicy, ContainerSasPermissions

from tests.azurite_server import ACCOUNT, Azurite, new_key
from tests.gcs_server import GcsServer
from tests.s3_server import S3Server

EXTERNAL_ID, WRONG_EXTERNAL_ID = "canary/External+Id=3b8d", "canary/Wrong+External=7e2c"
_ROLE_MAY = [("s3:ListBucket", "*"), ("s3:GetObject", "*")]


@dataclass(frozen=True)
class Planted:
    """What stands in connections.

    :param connections: id -> connection.
    :param secrets: name -> secret.
    :param environment: what the emulator needs to reach the cloud, besides its servers' addresses.
    """

    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def planted_google(gcs: GcsServer) -> Planted:
    """Keys with escaped and with real newlines; one that is revoked, one that breaks off, one that is damaged."""
    gcs.reset()
    gcs.put("cameras", "input/a.jpg", b"a")
    names = ("escaped", "newlines", "revoked", "broken", "damaged")
    keys = {name: gcs.service_account(name, "list", "get") for name in names}
    gcs.service_account("revoked", "list", "get")
    secrets = {f"{name} key": key["private_key"] for name, key in keys.items()}
    swapped = keys["damaged"]["private_key"].splitlines()
    swapped[1:3] = swapped[2:0:-1]
    keys["damaged"]["private_key"] = "\n".join(swapped)
    texts = {name: json.dumps(key) for name, key in keys.items()}
    texts["newlines"] = texts["newlines"].replace("\\n", "\n")
    texts["broken"] = texts["broken"][:-50]
    given: dict[str, Any] = {**texts, "revoked": keys["revoked"]}
    return Planted({f"google_{name}": _google(key) for name, key in given.items()}, secrets)


def _google(key: Any) -> dict[str, Any]:
    return {"conn_type": "google_cloud_platform", "extra": json.dumps({"keyfile_dict": key})}


def planted_roles(s3: S3Server) -> Planted:
    """A role with its external id, and one whose external id is another. One user assumes it for Airflow and emulator."""
    role = s3.add_role("lightly", EXTERNAL_ID, *_ROLE_MAY)
    key, secret = s3.add_user("airflow", ("sts:AssumeRole", "*"))

    def connection(external_id: str) -> dict[str, Any]:
        extra = {
            "role_arn": role,
            "assume_role_kwargs": {"ExternalId": external_id},
            "region_name": "eu-central-1",
            "endpoint_url": s3.url,
            "service_config": {"sts": {"endpoint_url": s3.url}},
        }
        return {"conn_type": "aws", "login": key, "password": secret, "extra": json.dumps(extra)}

    connections = {"role": connection(EXTERNAL_ID), "role_wrong": connection(WRONG_EXTERNAL_ID)}
    external_ids = {"external id": EXTERNAL_ID, "wrong external id": WRONG_EXTERNAL_ID}
    identity = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL_STS": s3.url}
    return Planted(connections, {"secret key of the role's user": secret, **external_ids}, identity)


def planted_azure(azurite: Azurite) -> Planted:
    """SAS tokens and account keys; a policy that the storage knows leaves one token too few letters."""
    azurite.reset()
    azurite.put("cameras", "input/a.jpg", b"a")
    azurite.put("cameras", "lightly/here.txt", b"here")
    container = azurite.client.get_container_client("cameras")
    reading = AccessPolicy(permission=ContainerSasPermissions(read=True))
    container.set_container_access_policy({"reading": reading})
    tokens = {
        "sas": azurite.sas("rl"),
        "raw": unquote(azurite.sas("rl", hours=60)),
        "expired": azurite.sas("rl", hours=-1),
        "letters": azurite.sas("", policy_id="reading"),
    }
    account_keys = {"account_key": azurite.key, "wrong_key": new_key()}
    connections = {f"azure_{name}": _azure(azurite, extra={"sas_token": token}) for name, token in tokens.items()}
    connections |= {f"azure_{name}": _azure(azurite, password=key) for name, key in account_keys.items()}
    return Planted(connections, account_keys | dict(_signatures(tokens)) | tokens)


def _azure(azurite: Azurite, extra: dict[str, str] | None = None, **fields: str) -> dict[str, Any]:
    told = {"extra": json.dumps(extra)} if extra else {}
    return {"conn_type": "wasb", "login": ACCOUNT, "host": azurite.url, **told, **fields}


def _signatures(tokens: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The secret in each token, decoded; in most tokens it stands as URLs have it."""
    for name, token in tokens.items():
        yield f"signature of {name}", unquote(token.partition("sig=")[2].partition("&")[0])
