"""The preflight of a datasource, as its task tells it: a table in the log, warnings, or an error that says what to do."""

from __future__ import annotations

import logging

from lightly_airflow.client.flows.datasources import PERMISSIONS, Permission
from lightly_airflow.contract.files import endings
from lightly_airflow.contract.models.datasources import DatasourceConfig
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.hooks.datasource import CannotTry, DatasourceHook
from lightly_airflow.storage.access import Access
from lightly_airflow.storage.preflight import Inputs, Proof

log = logging.getLogger(__name__)


def check_datasource(storage: DatasourceHook, config: DatasourceConfig, dataset_type: str) -> None:
    """Try a datasource's credentials on its directory, log what came of it, and fail where LightlyOne could not use it.

    :param storage: the hook that made the datasource.
    :param config: the datasource.
    :param dataset_type: of the dataset, which says what files are inputs.
    :raises LightlyPermissionError: a permission is missing.
    :raises LightlyInputError: the directory does not exist, or an INPUT has no file of the dataset's type.
    """
    name = f"{config.purpose} {config.full_path}"
    try:
        proof = storage.prove(config, dataset_type)
    except CannotTry as reason:
        _tell(name, dict.fromkeys(PERMISSIONS, "not tried"))
        log.warning(
            "%s was not tried: %s; only LightlyOne can tell: verify the dataset's datasources next", name, reason
        )
        return
    _tell(name, {permission: _verdict(proof.access, permission) for permission in PERMISSIONS}, proof.inputs)
    _check_permissions(name, proof, storage.GRANTS)
    if proof.exists is False:
        advice = storage.CREATE.format(bucket=proof.path.bucket, prefix=proof.path.prefix)
        raise LightlyInputError(f"{name} does not exist; it may be empty, but it has to be there: {advice}")
    if proof.inputs is not None:
        _check_inputs(name, proof.inputs, dataset_type)


def _tell(name: str, verdicts: dict[Permission, str], inputs: Inputs | None = None) -> None:
    rows = [f"  {permission:<9} {verdict}" for permission, verdict in verdicts.items()]
    if inputs is not None:
        rows += [f"  inputs    {inputs.usable:,}", f"  ignored   {inputs.ignored:,}"]
    log.info("Preflight of %s:\n%s", name, "\n".join(rows))


def _verdict(access: Access, permission: Permission) -> str:
    if getattr(access, f"can_{permission}"):
        return "yes"
    return "no" if f"can_{permission}" in access.errors else "not needed"


def _check_permissions(name: str, proof: Proof, grants: dict[Permission, str]) -> None:
    reasons = {tried.removeprefix("can_"): reason for tried, reason in proof.access.errors.items()}
    missing = [
        f"- {permission}: {reasons[permission]}{_needs(permission, proof, grants)}"
        for permission in PERMISSIONS
        if permission in reasons
    ]
    if missing:
        told = "\n".join(missing)
        raise LightlyPermissionError(f"LightlyOne could not use {name}:\n{told}")


def _needs(permission: Permission, proof: Proof, grants: dict[Permission, str]) -> str:
    grant = grants.get(permission, "").format(bucket=proof.path.bucket, prefix=proof.path.prefix)
    return f" ({permission} needs {grant})" if grant else ""


def _check_inputs(name: str, inputs: Inputs, dataset_type: str) -> None:
    others = f"files of other types: {inputs.ignored:,}, such as {', '.join(inputs.examples)}" if inputs.ignored else ""
    if not inputs.usable:
        raise LightlyInputError(
            f"{name} holds nothing for a dataset of type {dataset_type}, which takes"
            f" {', '.join(endings(dataset_type))}; {others or 'it is empty'}"
        )
    if inputs.ignored:
        log.warning("%s: LightlyOne will ignore %s", name, others)
