"""A look ahead before a run is scheduled: said in the log, or a reason not to schedule it."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from lightly_airflow.client.flows.prospects import prospects
from lightly_airflow.client.policy import give_up
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.exceptions import LightlyRunNotReady

if TYPE_CHECKING:
    from lightly_airflow.contract.models.worker_config import RunConfig
    from lightly_airflow.hooks.lightly import LightlyHook

log = logging.getLogger(__name__)
Precheck = Literal["warn", "fail", "off"]


def look_ahead(
    hook: LightlyHook, dataset_id: str, config: RunConfig, runs_on: Collection[str], precheck: Precheck
) -> None:
    """Say what would keep a run waiting or make it fail.

    :param precheck: ``warn`` in the log, ``fail`` the task, or ``off``: do not look.
    :raises LightlyRunNotReady: under ``fail``, something is in the way.
    """
    if precheck == "off":
        return
    datapool = bool(config.docker and config.docker.use_datapool)
    try:
        # Asked once: advice that cannot be had must not delay the run.
        found = hook.run(prospects(dataset_id, runs_on, use_datapool=datapool), decide=give_up)
    except LightlyError as error:
        log.info("The look ahead was not possible: %s", error)
        return
    if found and precheck == "fail":
        raise LightlyRunNotReady(f"Nothing was scheduled for dataset {dataset_id}: {'; '.join(found)}")
    for reason in found:
        log.warning("Before scheduling: %s", reason)
