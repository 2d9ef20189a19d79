"""Waiting for a run in the triggerer, without a worker slot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.hooks.outcome import until_ended


class LightlyRunTrigger(BaseTrigger):
    """Fires when a scheduled run has ended, was not picked up in time, or can no longer be watched.

    The event only wakes the task, which asks LightlyOne itself; all arguments are plain JSON and none is a secret.

    :param lightly_conn_id: id of the ``lightly`` connection.
    :param dataset_id: the run's dataset.
    :param scheduled_run_id: the run.
    :param poll_interval: seconds between two looks.
    :param pickup_deadline: when, in seconds since 1970, a run that still waits for a worker is given up; ``None``: never.
    """

    def __init__(
        self,
        *,
        lightly_conn_id: str,
        dataset_id: str,
        scheduled_run_id: str,
        poll_interval: float,
        pickup_deadline: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        self.lightly_conn_id = lightly_conn_id
        self.dataset_id = dataset_id
        self.scheduled_run_id = scheduled_run_id
        self.poll_interval = poll_interval
        self.pickup_deadline = pickup_deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "lightly_airflow.triggers.run.LightlyRunTrigger",
            {
                "lightly_conn_id": self.lightly_conn_id,
                "dataset_id": self.dataset_id,
                "scheduled_run_id": self.scheduled_run_id,
                "poll_interval": self.poll_interval,
                "pickup_deadline": self.pickup_deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        # One event, and nothing after it: Airflow may cancel what comes after a yield as if a user had asked for it.
        yield TriggerEvent(await self._event())  # type: ignore[no-untyped-call]

    async def _event(self) -> dict[str, Any]:
        known = {"dataset_id": self.dataset_id, "scheduled_run_id": self.scheduled_run_id}
        try:
            view = await self._watch()
        except LightlyError as error:
            # Airflow would tell the task only that "the trigger failed"; the task raises the real error when it asks.
            return {**known, "status": "trouble", "message": str(error)}
        return {**known, "status": "ended" if view.row.terminal else "not_picked_up", "state": view.state}

    async def _watch(self) -> RunView:
        hook = LightlyHook(self.lightly_conn_id)
        return await hook.arun(
            until_ended(self.dataset_id, self.scheduled_run_id, self.poll_interval, self.pickup_deadline)
        )
