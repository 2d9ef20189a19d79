"""Waiting for a run that another task has scheduled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import PokeReturnValue, conf

from lightly_airflow.arguments import by_name
from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.exceptions import LightlyRunError, LightlyWatchedRunError, input_errors
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.hooks.outcome import RunSummary, conclude, current, tell_state
from lightly_airflow.hooks.run_log import RunLog
from lightly_airflow.links import LightlyRunLink, push_link
from lightly_airflow.sensors.base import LightlySensor
from lightly_airflow.triggers.run import LightlyRunTrigger

if TYPE_CHECKING:
    from airflow.sdk import XComArg


class LightlyRunSensor(LightlySensor):
    """Waits until a LightlyOne run has ended, and returns what came of it. All modes give the same answer.

    Every state is treated as ``lightly_airflow.contract.states`` says; one that this version does not know is logged as a
    warning and counts as running. Where the run fails, the last 100 lines of its own log stand before the error.

    :param dataset_id: the run's dataset (templated).
    :param scheduled_run_id: the run, such as ``schedule.output["scheduled_run_id"]`` (templated).
    :param deferrable: wait in the triggerer (default: Airflow's ``[operators] default_deferrable``).
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :param poke_interval: seconds between two looks; default 30, below which LightlyOne may limit the rate.
    :returns: :class:`~lightly_airflow.hooks.outcome.RunSummary`, as the operator that waits itself.
    :raises LightlyWatchedRunError: the run failed, was cancelled or is unknown; not retried, since watching again gives
        the same answer.
    """

    template_fields: Sequence[str] = ("dataset_id", "scheduled_run_id", "lightly_conn_id")
    operator_extra_links = (LightlyRunLink(),)

    def __init__(
        self,
        *,
        dataset_id: str | XComArg,
        scheduled_run_id: str | XComArg,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        lightly_conn_id: str = LightlyHook.default_conn_name,
        poke_interval: timedelta | float = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **by_name(kwargs))
        self.dataset_id: str = dataset_id  # type: ignore[assignment]  # rendered by the time it is used
        self.scheduled_run_id: str = scheduled_run_id  # type: ignore[assignment]  # rendered by the time it is used
        self.deferrable = deferrable
        self.lightly_conn_id = lightly_conn_id

    @cached_property
    def hook(self) -> LightlyHook:
        return LightlyHook(self.lightly_conn_id)

    def execute(self, context: Any) -> Any:
        with input_errors():
            push_link(context, self.hook.settings.run_url(self.scheduled_run_id))
        if not self.deferrable:
            return super().execute(context)
        with self.skipping():
            looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        self.defer(
            trigger=LightlyRunTrigger(
                lightly_conn_id=self.lightly_conn_id,
                dataset_id=self.dataset_id,
                scheduled_run_id=self.scheduled_run_id,
                poll_interval=self.poke_interval,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )
        return None  # never reached: defer() raises

    def poke(self, context: Any) -> PokeReturnValue:
        view = self._look()
        tell_state(view)
        return self._judge(view)

    def _look(self) -> RunView:
        with input_errors():
            return current(self.hook, self.dataset_id, self.scheduled_run_id)

    def _judge(self, view: RunView) -> PokeReturnValue:
        if not view.row.terminal:
            return PokeReturnValue(is_done=False)
        try:
            return PokeReturnValue(is_done=True, xcom_value=conclude(self.hook, view))
        except LightlyRunError as error:
            # Without the context's store: a sensor that has failed is not retried, so nothing is told twice.
            RunLog(self.hook, {}, "failure").at_end(view)
            raise LightlyWatchedRunError(str(error)) from None

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> RunSummary:
        """Called when the trigger has fired: asks LightlyOne itself, which raises what the trigger could not."""
        # What the trigger saw stands in the task's log already.
        looked = self._judge(self._look())
        if not looked.is_done:
            told = (event or {}).get("message") or "the trigger fired although the run has not ended"
            raise LightlyRunError(f"Watching LightlyOne run {self.scheduled_run_id} stopped: {told}")
        return cast("RunSummary", looked.xcom_value)
