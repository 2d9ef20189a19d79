"""Does a run's ``input_expiration`` fit its INPUT datasource? Asked before the run is scheduled."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.errors import LightlyConfigError, LightlyError
from lightly_airflow.contract.operations.datasources import all_datasources
from lightly_airflow.contract.rules import EXPIRATION_TYPES, expiration_problem
from lightly_airflow.hooks.datasource import CannotTry
from lightly_airflow.hooks.expiration import directory_prefix, place

if TYPE_CHECKING:
    from lightly_airflow.contract.models.worker_config import InputExpiration, RunConfig
    from lightly_airflow.hooks.lightly import LightlyHook
    from lightly_airflow.storage.lifecycle.expiry import Removal

log = logging.getLogger(__name__)


def check_input_expiration(
    hook: LightlyHook, dataset_id: str, config: RunConfig, datasource_conn_id: str | None
) -> None:
    """Refuse ``input_expiration`` where LightlyOne's worker has none, and warn where it is missing.

    The worker looks at the rules of S3 buckets alone, and from version 2.11 on it refuses one with rules if the run's
    configuration does not say what to do: https://docs.lightly.ai/docs/cloud-storage.

    :param hook: LightlyOne.
    :param dataset_id: the dataset to process.
    :param config: the rendered configuration.
    :param datasource_conn_id: the connection that reads the INPUT bucket's rules; ``None``: they are not looked at.
    :raises LightlyConfigError: the INPUT datasource is not S3.
    """
    given = _given(config)
    if given is None and datasource_conn_id is None:
        return
    source = _input(hook, dataset_id)
    kind, path = str(source.get("type")), str(source.get("fullPath"))
    problem = expiration_problem(config, kind) if source else None
    if problem:
        raise LightlyConfigError(f"{problem} and let LightlyInputExpirationSensor find and skip what expires in {path}")
    if given is None and datasource_conn_id is not None and kind in EXPIRATION_TYPES:
        _warn_of_rules(path, datasource_conn_id)


def _given(config: RunConfig) -> InputExpiration | None:
    datasource = config.docker.datasource if config.docker else None
    return datasource.input_expiration if datasource else None


def _input(hook: LightlyHook, dataset_id: str) -> dict[str, Any]:
    found = {str(one.get("purpose")): one for one in hook.run(all_datasources(dataset_id))}
    return found.get("INPUT") or found.get("INPUT_OUTPUT") or {}


def _warn_of_rules(path: str, datasource_conn_id: str) -> None:
    try:
        removals = _removals(path, datasource_conn_id)
    except (LightlyError, CannotTry) as reason:
        log.info("Whether the bucket of %s has lifecycle rules could not be looked up: %s", path, reason)
        return
    if removals:
        told = "; ".join(f"rule {one.rule!r} removes objects {one.says}" for one in removals)
        log.warning(
            "The inputs in %s expire (%s), and worker_config.datasource.input_expiration is not set: LightlyOne's worker"
            " refuses such a run from version 2.11 on. Set it, or let LightlyInputExpirationSensor hand it on",
            path,
            told,
        )


def _removals(path: str, datasource_conn_id: str) -> list[Removal]:
    checked = place(path, datasource_conn_id, "INPUT")
    return checked.rules().removals(directory_prefix(checked.config), int(time.time() * 1e6))
