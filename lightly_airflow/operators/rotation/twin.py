"""The datasource that LightlyOne has, with the credentials of a connection in place of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

from airflow.sdk import BaseHook
from pydantic import ValidationError

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.datasources import CREDENTIALS, DatasourceConfig, Purpose
from lightly_airflow.hooks.datasource import HOOKS, DatasourceHook, DatasourceOptions, datasource_hook

# Two ways to the same bucket: moving from one to the other is a change of credentials.
_KINDS = {"S3DelegatedAccess": "S3"}
# Credentials of another account or endpoint are no new ones for this place.
_PLACES = {"accountName": "storage account", "obsEndpoint": "endpoint"}
_OTHER_STORAGE = "on another storage than the connection's"
# What LightlyOne shows of credentials: where it differs, they are others, whatever was kept.
_SHOWN = ("type", "s3ARN")


class NotMeant(LightlyConfigError):
    """A datasource that a connection is not for. Where all datasets are gone through, it is left out.

    :param kind: what it is instead, for the count of those left out.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Twin:
    """A datasource like the one that LightlyOne has, and the hook that made it.

    :param storage: the hook.
    :param config: the datasource; of what it holds, only the credentials are the connection's.
    """

    storage: DatasourceHook = field(repr=False)
    config: DatasourceConfig = field(repr=False)

    @property
    def key(self) -> str:
        """Where it is, what for, and with which credentials. Holds them: it belongs in no message."""
        told = wire(self.config)
        whose = {name: value for name, value in told.items() if name in CREDENTIALS}
        return json.dumps([self.config.purpose, self.config.full_path, self.config.type, whose], sort_keys=True)

    def looks_like(self, has: dict[str, Any]) -> bool:
        """Whether LightlyOne may have these credentials, by what it shows of its own."""
        told = wire(self.config)
        return all(has.get(name) == told.get(name) for name in _SHOWN)


class Twins:
    """Makes them, once for all datasets whose datasources are alike: a SAS token is not signed for each anew."""

    def __init__(self) -> None:
        self._made: dict[str, Twin] = {}

    def of(self, has: dict[str, Any], conn_id: str) -> Twin:
        """What LightlyOne has, with a connection's credentials.

        :param has: the datasource, as LightlyOne answers.
        :param conn_id: the connection.
        :raises LightlyConfigError: the connection is for something else than this datasource.
        """
        kept = {name: value for name, value in has.items() if name not in CREDENTIALS and name != "id"}
        key = json.dumps([conn_id, kept], sort_keys=True)
        if key not in self._made:
            self._made[key] = _twin(kept, conn_id)
        return self._made[key]


def _twin(kept: dict[str, Any], conn_id: str) -> Twin:
    path = str(kept.get("fullPath") or "")
    if kept.get("type") in ("LOCAL", "LIGHTLY"):
        raise NotMeant(
            "without credentials", f"a datasource of type {kept['type']} has no credentials; leave the dataset out"
        )
    try:
        storage = datasource_hook(conn_id, path)
        config = storage.config(path, cast("Purpose", kept["purpose"]), _options(kept))
        told = wire(config)
        _check_place(kept, told, conn_id)
        # The connection has a region of its own, and a hook writes a path its own way.
        same = {name: kept[name] for name in told if kept.get(name) is not None and name != "type"}
        return Twin(storage, type(config).model_validate({**told, **same}))
    except NotMeant:
        raise
    except LightlyConfigError as error:
        if _reaches(conn_id, path):
            raise
        raise NotMeant(_OTHER_STORAGE, str(error)) from None
    except ValidationError as error:
        broken = error.errors(include_input=False)[0]["loc"][0]
    raise LightlyConfigError(f"LightlyOne's datasource is not what this package knows: {broken}")


def _reaches(conn_id: str, path: str) -> bool:
    """Whether a connection of this type can be for such a path at all."""
    connection = BaseHook.get_connection(conn_id)
    start, separator, _ = path.rpartition("://")
    kinds = HOOKS.get(connection.conn_type or "")
    if kinds is None or f"{start}{separator}" not in kinds:
        return kinds is None
    # An access key for AWS names no endpoint, and OBS has no other way to be found.
    return start != "obs" or bool(connection.host or "endpoint_url" in str(connection.extra))


def _options(kept: dict[str, Any]) -> DatasourceOptions:
    return DatasourceOptions(
        thumbnail_suffix=kept.get("thumbSuffix"),
        region=kept.get("s3Region"),
        kms_key=kept.get("s3ServerSideEncryptionKMSKey"),
        web_server_location=kept.get("webServerLocation"),
    )


def _check_place(kept: dict[str, Any], told: dict[str, Any], conn_id: str) -> None:
    """The values stay out of the messages: an endpoint may hold a password."""
    kinds = [_KINDS.get(str(one.get("type")), one.get("type")) for one in (kept, told)]
    others = [f"{kinds[1]} instead of {kinds[0]}"] if kinds[0] != kinds[1] else []
    for name, what in _PLACES.items():
        if name in kept and name in told and str(kept[name]).rstrip("/") != told[name].rstrip("/"):
            others.append(f"another {what}")
    if others:
        raise NotMeant(
            _OTHER_STORAGE,
            f"connection {conn_id!r} is for {' and '.join(others)}; only credentials are rotated: let"
            " LightlySetDatasourceOperator set the datasource anew",
        )
