"""Datasources: set, tried out, listed. Their secrets are kept in the state file and come back nowhere."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import SecretStr

from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.datasources import (
    DatasourceConfig,
    ProcessedUntil,
    ProcessedUntilRequest,
    Purpose,
    VerifyData,
    VerifyErrors,
)
from lightly_airflow.contract.operations import datasources
from lightly_airflow.emulator.buckets import open_bucket
from lightly_airflow.emulator.records import DatasourceRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.owned import the_dataset
from lightly_airflow.emulator.routing import Ask, Routes
from lightly_airflow.emulator.world import World
from lightly_airflow.storage.access import Permission, check_access

ROUTES = Routes()
MASK = "****"
# The API's own pattern for external ids has no asterisk, and the official client checks answers by it.
EXTERNAL_ID_MASK = "masked-external-id"
# Which path goes with which kind is checked here already; that LightlyOne does so too is a guess.
_SCHEMES = {"S3": "s3://", "S3DelegatedAccess": "s3://", "GCS": "gs://", "OBS": "obs://"}
# What a datasource that is not set takes with it. Without LIGHTLY, INPUT can still be listed and read.
_LOST: dict[Purpose, tuple[Permission, ...]] = {
    "INPUT": ("can_list", "can_read"),
    "LIGHTLY": ("can_write", "can_overwrite"),
}


@ROUTES.serves(datasources.GET)
def get_datasource(ask: Ask[Any]) -> dict[str, Any]:
    """One datasource, masked. Without a purpose INPUT_OUTPUT, else INPUT, else LIGHTLY; the real order is unknown."""
    found = {record.purpose: record for record in _records(ask)}
    wanted = [ask.query["purpose"]] if "purpose" in ask.query else ["INPUT_OUTPUT", "INPUT", "LIGHTLY"]
    for purpose in wanted:
        if purpose in found:
            return _masked(found[purpose])
    raise _no_datasource(" or ".join(wanted))


@ROUTES.serves(datasources.ALL)
def all_datasources(ask: Ask[Any]) -> list[dict[str, Any]]:
    """All datasources, masked."""
    return [_masked(record) for record in _records(ask)]


@ROUTES.serves(datasources.PUT)
def put_datasource(ask: Ask[DatasourceConfig]) -> None:
    """Set the datasource of the config's purpose, in place of an older one, whose id stays."""
    world, config = ask.world, ask.body
    _check_path(config)
    with world.transaction():
        dataset = the_dataset(ask)
        known = world.find(DatasourceRecord, dataset_id=dataset.id, purpose=config.purpose)
        source_id = known[0].id if known else world.new_id()
        record = DatasourceRecord(id=source_id, dataset_id=dataset.id, purpose=config.purpose, config=config)
        if known:
            world.save(record)
        else:
            world.add(record)
        _note_datasources(world, dataset)


@ROUTES.serves(datasources.VERIFY)
def verify(ask: Ask[Any]) -> VerifyData:
    """Really list, read, write and overwrite, with the datasources' own credentials."""
    purposes = {record.purpose for record in _records(ask)}
    if not purposes:
        raise _no_datasource("INPUT or LIGHTLY")
    wanted: list[Purpose] = ["INPUT_OUTPUT"] if purposes == {"INPUT_OUTPUT"} else ["INPUT", "LIGHTLY"]
    problems: dict[Permission, list[str]] = {}
    for purpose in wanted:
        for permission, problem in _problems(ask, purpose).items():
            problems.setdefault(permission, []).append(f"{purpose}: {problem}")
    return _verdict({permission: "; ".join(told) for permission, told in problems.items()})


@ROUTES.serves(datasources.GET_PROCESSED_UNTIL)
def get_processed_until(ask: Ask[Any]) -> ProcessedUntil:
    """Seconds since 1970; 0 before the first time."""
    return ProcessedUntil(processed_until_timestamp=the_dataset(ask).datasource_processed_until_timestamp or 0)


@ROUTES.serves(datasources.PUT_PROCESSED_UNTIL)
def put_processed_until(ask: Ask[ProcessedUntilRequest]) -> None:
    """Set the time stamp, back in time as well."""
    with ask.world.transaction():
        until = {"datasource_processed_until_timestamp": ask.body.processed_until_timestamp}
        ask.world.save(the_dataset(ask).model_copy(update=until))


def _records(ask: Ask[Any]) -> list[DatasourceRecord]:
    return ask.world.find(DatasourceRecord, dataset_id=the_dataset(ask).id)


def _masked(record: DatasourceRecord) -> dict[str, Any]:
    """The datasource as an answer. The official client wants non-empty secrets; what LightlyOne sends is unknown."""
    config = record.config
    secret = {name for name in type(config).model_fields if isinstance(getattr(config, name), SecretStr)}
    masks = {name: SecretStr(MASK) for name in secret}
    if config.type == "S3DelegatedAccess":
        return wire(config.model_copy(update={"id": record.id, "s3_external_id": EXTERNAL_ID_MASK}))
    return wire(config.model_copy(update={"id": record.id, **masks}))


def _check_path(config: DatasourceConfig) -> None:
    scheme = _SCHEMES.get(config.type, "")
    if not config.full_path.startswith(scheme):
        raise Refusal(400, "DATASET_DATASOURCE_INVALID", f"body.fullPath: a {config.type} path begins with {scheme}")


def _note_datasources(world: World, dataset: DatasetData) -> None:
    ids = [record.id for record in world.find(DatasourceRecord, dataset_id=dataset.id)]
    world.save(dataset.model_copy(update={"datasources": ids, "last_modified_at": world.milliseconds()}))


def _problems(ask: Ask[Any], purpose: Purpose) -> dict[Permission, str]:
    dataset_id = ask.ids["datasetId"]
    if ask.world.datasource_config(dataset_id, purpose) is None:
        return dict.fromkeys(_LOST[purpose], f"the dataset has no {purpose} datasource")
    return check_access(open_bucket(ask.world, dataset_id, purpose), purpose).errors


def _verdict(errors: dict[Permission, str]) -> VerifyData:
    granted = {permission: permission not in errors for permission in get_args(Permission)}
    return VerifyData(**granted, errors=VerifyErrors(**errors) if errors else None)


def _no_datasource(purpose: str) -> Refusal:
    return Refusal(404, "DATASET_DATASOURCE_UNKNOWN", f"the dataset has no {purpose} datasource")
