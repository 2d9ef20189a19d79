"""Scheduling a curation run and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast, get_args

from airflow.sdk import conf

from lightly_airflow.arguments import by_name, check_choice, is_template, seconds
from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.client.flows.vigil import Ending
from lightly_airflow.contract.models.runs import Priority
from lightly_airflow.exceptions import LightlyRunError, input_errors
from lightly_airflow.hooks.outcome import (
    RunSummary,
    cancel_and_tell,
    conclude,
    current,
    give_up,
    give_up_waiting,
    summary,
    until_ended,
)
from lightly_airflow.hooks.run_log import RunLog, ToldLines
from lightly_airflow.links import LightlyRunLink, push_link
from lightly_airflow.operators.base import LightlyOperator
from lightly_airflow.operators.expiration_check import check_input_expiration
from lightly_airflow.operators.memory import RunMemory, ended
from lightly_airflow.operators.one_run import OneRun
from lightly_airflow.operators.precheck import Precheck
from lightly_airflow.operators.run_config import check_literals, plain, run_config
from lightly_airflow.triggers.run import LightlyRunTrigger

if TYPE_CHECKING:
    from airflow.sdk import XComArg

    from lightly_airflow.contract.models.selection import SelectionConfig
    from lightly_airflow.contract.models.worker_config import LightlyConfig, RunConfig, WorkerConfig

CONFIGS = ("worker_config", "selection_config", "lightly_config")
# LightlyOne's own client asks no more often, so as not to be limited.
POLL_INTERVAL = timedelta(seconds=30)
# A nightly run that nobody has picked up when the next night begins has no worker.
PICKUP_TIMEOUT = timedelta(hours=24)
_GRACE = timedelta(minutes=2)


class LightlyScheduleRunOperator(LightlyOperator):
    """Schedules a LightlyOne run and waits for it: one task, one run.

    The three configurations are nested dicts with the keys of LightlyOne's docs
    (https://docs.lightly.ai/docs/all-configuration-options, .../docs/selection), or this package's typed models
    ``WorkerConfig``, ``SelectionConfig``, ``LightlyConfig`` (``lightly_airflow.contract.models``). Their literal parts are
    checked when the DAG is parsed, all of them again once they are rendered, always before the first request.

    :param dataset_id: the dataset to process (templated).
    :param worker_config: what the worker does (templated; default: the worker's own defaults).
    :param selection_config: how many samples are selected and how (templated).
    :param lightly_config: how the worker trains, where training is enabled (templated).
    :param priority: ``LOW``, ``MID`` (default), ``HIGH`` or ``CRITICAL`` (templated).
    :param runs_on: labels that a worker must have to take the run (templated; default: any worker).
    :param wait_for_completion: ``False`` returns once the run is scheduled (default ``True``).
    :param deferrable: wait in the triggerer (default: Airflow's ``[operators] default_deferrable``).
    :param poll_interval: seconds or timedelta between two looks (templated; default 30 s, below which LightlyOne may
        limit the rate).
    :param pickup_timeout: seconds or timedelta after which a run that no worker has picked up is cancelled and the task
        fails; ``None`` waits for ever (templated; default 24 h).
    :param cancel_on_kill: cancel the run when the task is killed, marked or cleared, or its ``execution_timeout`` is over;
        LightlyOne's API can do so only while no worker has begun it (default ``True``).
    :param precheck: look ahead before scheduling: is a worker with these labels alive, is the dataset empty or the datapool
        on, do other runs of the dataset come first? ``warn`` in the log (default), ``fail`` the task, or ``off`` (templated).
    :param run_log: which lines of the run's own log this task's log has: ``all`` (default; of more than 1,000 at once the
        newest), the last 100 after a ``failure``, or ``none`` (templated).
    :param datasource_conn_id: id of the connection with the INPUT's credentials; with it, a bucket whose lifecycle rules
        remove inputs while ``input_expiration`` is not set is warned of (templated; default ``None``: not looked at).
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :returns: :class:`~lightly_airflow.hooks.outcome.RunSummary`: ids, state, tag name, counts, link.
    :raises LightlyInputError: a configuration that cannot be right; every path and fault is named.
    :raises LightlyRunError: the run failed, was cancelled, was not picked up in time, took too long, or is unknown.
    """

    template_fields: Sequence[str] = (
        "dataset_id", *CONFIGS, "priority", "runs_on", "poll_interval", "pickup_timeout", "precheck", "run_log",
        "datasource_conn_id", "lightly_conn_id",
    )  # fmt: skip
    template_fields_renderers = dict.fromkeys(CONFIGS, "json")
    operator_extra_links = (LightlyRunLink(),)

    def __init__(
        self,
        *,
        dataset_id: str | XComArg,
        worker_config: Mapping[str, Any] | WorkerConfig | None = None,
        selection_config: Mapping[str, Any] | SelectionConfig | None = None,
        lightly_config: Mapping[str, Any] | LightlyConfig | None = None,
        priority: Priority = "MID",
        runs_on: Sequence[str] = (),
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: timedelta | float | str = POLL_INTERVAL,
        pickup_timeout: timedelta | float | str | None = PICKUP_TIMEOUT,
        cancel_on_kill: bool = True,
        precheck: Precheck = "warn",
        run_log: ToldLines = "all",
        datasource_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**by_name(kwargs))
        self.dataset_id: str = dataset_id  # type: ignore[assignment]  # rendered by the time it is used
        self.worker_config = worker_config
        self.selection_config = selection_config
        self.lightly_config = lightly_config
        self.priority = priority
        self.runs_on = runs_on
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.pickup_timeout = pickup_timeout
        self.cancel_on_kill = cancel_on_kill
        self.precheck = precheck
        self.run_log = run_log
        self.datasource_conn_id = datasource_conn_id
        self.scheduled_run_id: str | None = None
        self._teller: RunLog
        self._settle()

    def execute(self, context: Any) -> RunSummary:
        with input_errors():
            config = run_config(self._configs)
            self._check_choices()
            seconds("poll_interval", self.poll_interval)
            patience = None if self.pickup_timeout is None else seconds("pickup_timeout", self.pickup_timeout)
            check_input_expiration(self.hook, self.dataset_id, config, self.datasource_conn_id)
            self._teller = RunLog(self.hook, context, self.run_log)
            view, config_id = self._one_run(context, config).scheduled()
        self.scheduled_run_id = view.scheduled_run_id
        push_link(context, self.hook.settings.run_url(view.scheduled_run_id))
        if not self.wait_for_completion:
            return summary(self.hook, view, config_id=config_id)
        if view.row.terminal:
            return self._conclude(context, view, "ended", self._deadline())
        pickup_deadline = None if patience is None else time.time() + patience
        return self._wait(context, view, pickup_deadline, self._deadline())

    def _one_run(self, context: Any, config: RunConfig) -> OneRun:
        memory = RunMemory(context, self.dataset_id, config)
        # A task that does not wait has ended with its run in the queue: there is nothing of it to kill.
        killable = self.cancel_on_kill and self.wait_for_completion
        return OneRun(
            self.hook,
            memory,
            self._teller,
            self.dataset_id,
            config,
            self.priority,
            self.runs_on,
            self.precheck,
            killable,
        )

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> RunSummary:
        """Called when the trigger has fired. The event only wakes: LightlyOne itself is asked how the run stands."""
        event = event or {}
        if "scheduled_run_id" not in event:
            raise LightlyRunError(f"The trigger fired without naming a run: {event}")
        self.scheduled_run_id = str(event["scheduled_run_id"])
        with input_errors():
            push_link(context, self.hook.settings.run_url(self.scheduled_run_id))
        self._teller = RunLog(self.hook, context, self.run_log)
        view = current(self.hook, str(event["dataset_id"]), self.scheduled_run_id)
        if event.get("status") == "trouble" and not view.row.terminal:
            self._teller.at_end(view)
            raise LightlyRunError(f"Watching LightlyOne run {self.scheduled_run_id} stopped: {event.get('message')}")
        deadline = event.get("deadline") or self._deadline()
        return self._conclude(context, view, cast("Ending", event.get("status")), deadline)

    def on_kill(self) -> None:
        """Cancels the run if no worker has it yet; LightlyOne's API cannot stop one that has begun."""
        if self.scheduled_run_id is not None and self.cancel_on_kill:
            cancel_and_tell(self.hook, self.dataset_id, self.scheduled_run_id)

    @property
    def _configs(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in CONFIGS}

    def _settle(self) -> None:
        """Typed models become dicts, which Airflow can render; what is literal is checked now."""
        for name in CONFIGS:
            setattr(self, name, plain(getattr(self, name)))
        check_literals(self._configs)
        self._check_choices()
        for name in ("poll_interval", "pickup_timeout"):
            value = getattr(self, name)
            if value is not None and not is_template(value):
                seconds(name, value)

    def _check_choices(self) -> None:
        check_choice("priority", self.priority, get_args(Priority))
        check_choice("precheck", self.precheck, get_args(Precheck))
        check_choice("run_log", self.run_log, get_args(ToldLines))

    def _wait(self, context: Any, view: RunView, pickup_deadline: float | None, deadline: float | None) -> RunSummary:
        """Waits in the triggerer or here, as the author has it."""
        interval = seconds("poll_interval", self.poll_interval)
        dataset_id, scheduled_run_id = view.dataset_id, view.scheduled_run_id
        if self.deferrable:
            self._defer(scheduled_run_id, interval, pickup_deadline, deadline)
        tell = self._teller.while_running
        waited = self.hook.run_long(lambda: until_ended(dataset_id, scheduled_run_id, interval, pickup_deadline, tell))
        return self._conclude(context, waited, "ended" if waited.row.terminal else "not_picked_up", deadline)

    def _defer(
        self, scheduled_run_id: str, interval: float, pickup_deadline: float | None, deadline: float | None
    ) -> None:
        trigger = LightlyRunTrigger(
            lightly_conn_id=self.lightly_conn_id,
            dataset_id=self.dataset_id,
            scheduled_run_id=scheduled_run_id,
            poll_interval=interval,
            pickup_deadline=pickup_deadline,
            deadline=deadline,
            runs_on=list(self.runs_on),
            cancel_on_kill=self.cancel_on_kill,
        )
        # The trigger keeps the deadline itself, so that the run can be cancelled then; Airflow's own timeout would only end
        # the task, and is there in case that no triggerer runs.
        left = None if deadline is None else timedelta(seconds=deadline - time.time() + 2 * interval) + _GRACE
        self.defer(trigger=trigger, method_name="execute_complete", timeout=left)

    def _deadline(self) -> float | None:
        """When the task's ``execution_timeout`` is over, counted from now; it holds across all deferrals of a try."""
        return None if self.execution_timeout is None else time.time() + self.execution_timeout.total_seconds()

    def _conclude(self, context: Any, view: RunView, ending: Ending, deadline: float | None) -> RunSummary:
        """The result of a run that has ended; of one that has not, what its wait has ended by decides."""
        if not view.row.terminal and ending == "timeout":
            self._teller.at_end(view)
            view = give_up(self.hook, view, self.cancel_on_kill)
        elif view.state == "OPEN" and ending == "not_picked_up":
            overdue = seconds("pickup_timeout", self.pickup_timeout)
            view = give_up_waiting(self.hook, view, overdue, list(self.runs_on))
        if not view.row.terminal:  # a worker was faster than the cancellation, or the answer was an old one
            return self._wait(context, view, None, deadline)
        self._teller.at_end(view)
        result = conclude(self.hook, view)
        self.log.info("LightlyOne run %s made tag %r: %s", result["run_id"], result["tag_name"], result["counts"])
        ended(context)
        return result
