"""One task, one run: the run that an earlier try has scheduled is found again, else one is scheduled.

The worker config's id is the idempotency key that LightlyOne's API does not have. It is kept in the task's state before
anything is scheduled with it, so that no crash, lost answer or retry makes a second run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightly_airflow.client.flows.runs import RunView, cancel, create_config, ensure_scheduled, find_scheduled
from lightly_airflow.contract.errors import LightlyNotFound
from lightly_airflow.exceptions import LightlyRunError
from lightly_airflow.hooks.outcome import current
from lightly_airflow.operators.precheck import Precheck, look_ahead

if TYPE_CHECKING:
    from lightly_airflow.contract.models.runs import Priority
    from lightly_airflow.contract.models.worker_config import RunConfig
    from lightly_airflow.hooks.lightly import LightlyHook
    from lightly_airflow.hooks.run_log import RunLog
    from lightly_airflow.operators.memory import RunMemory

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OneRun:
    """The run of one task.

    :param hook: LightlyOne.
    :param memory: what the task's earlier tries have left.
    :param teller: tells the log of an earlier try's run that did not end well.
    :param dataset_id: the dataset to process.
    :param config: the rendered configuration.
    :param priority: place in the queue.
    :param runs_on: labels that a worker must have.
    :param precheck: whether and how to look ahead before scheduling.
    :param cancel_on_clear: clearing the task cancels its run, if no worker has it.
    """

    hook: LightlyHook
    memory: RunMemory
    teller: RunLog
    dataset_id: str
    config: RunConfig
    priority: Priority
    runs_on: Sequence[str]
    precheck: Precheck
    cancel_on_clear: bool

    def scheduled(self) -> tuple[RunView, str]:
        """How the task's run stands, and its config's id: a run that goes on or has ended well is taken up."""
        remembered = self.memory.recall()
        if remembered is None:
            return self._anew()
        config_id = remembered.config_id
        found = self.hook.run(find_scheduled(self.dataset_id, config_id))
        if found is None:
            # The earlier try died between making the config and scheduling with it, or LightlyOne has forgotten both. What
            # is scheduled now is no run of before a clear.
            self.memory.keep(config_id)
            view = self._with(config_id, fresh=False)
            return (view, config_id) if view else self._anew()
        view = current(self.hook, self.dataset_id, found)
        if view.state == "OPEN" and remembered.cleared and self.cancel_on_clear:
            view = self._cancelled(view)
        if view.row.outcome in ("waiting", "running", "succeeded"):
            log.info("An earlier try scheduled LightlyOne run %s: %s", found, view)
            return view, config_id
        log.info("An earlier try scheduled LightlyOne run %s: %s; another follows", found, view)
        self.teller.at_end(view)
        return self._anew()

    def _cancelled(self, view: RunView) -> RunView:
        """How a run of before the clear stands once this try has cancelled it. The triggerer does so as well, at a time of its
        own: the run would be taken from a task that had taken it up."""
        still = self.hook.run(cancel(self.dataset_id, view.scheduled_run_id))
        return still or RunView(self.dataset_id, view.scheduled_run_id, "CANCELED")

    def _anew(self) -> tuple[RunView, str]:
        look_ahead(self.hook, self.dataset_id, self.config, self.runs_on, self.precheck)
        config_id = self.hook.run(create_config(self.config))
        self.memory.keep(config_id)
        view = self._with(config_id, fresh=True)
        if view is None:
            raise LightlyRunError(f"LightlyOne does not know the worker config {config_id}, which it has just made")
        return view, config_id

    def _with(self, config_id: str, *, fresh: bool) -> RunView | None:
        """The one run of a config; ``None`` if LightlyOne does not know the config (any more)."""
        flow = ensure_scheduled(self.dataset_id, config_id, self.priority, list(self.runs_on), fresh=fresh)
        try:
            scheduled_run_id = self.hook.run(flow)
        except LightlyNotFound as error:
            if error.code != "DOCKER_WORKER_CONFIG_UNKNOWN":
                raise
            return None
        log.info("Scheduled LightlyOne run %s of dataset %s", scheduled_run_id, self.dataset_id)
        return RunView(self.dataset_id, scheduled_run_id, "OPEN")
