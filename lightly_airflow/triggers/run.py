"""Waiting for a run in the triggerer, without a worker slot."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from airflow.triggers.base import TriggerEvent

from lightly_airflow.client.flows.rounds import Watched
from lightly_airflow.client.flows.vigil import Ending, Vigil
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.outcome import WATCH_PATIENCE, new_vigil
from lightly_airflow.triggers.kill import cancel_if_killed
from lightly_airflow.triggers.shared import SharedLoopTrigger
from lightly_airflow.triggers.together import Interest, Snapshot, interested, rounds

# A task that is resumed before the scheduler has noticed the end of the process that deferred it is taken for failed (Airflow
# 3.3.2). On a busy machine, the scheduler was seen to notice after five seconds.
_SETTLING_SECONDS = 10.0
News = Callable[[], Awaitable[Snapshot]]


class LightlyRunTrigger(SharedLoopTrigger):
    """Fires when a scheduled run has ended, was not picked up in time, when time is up, or when watching cannot go on.

    All triggers of one connection share one poll loop, from Airflow 3.3 on; before, each polls by itself. The event only
    wakes the task, which asks LightlyOne itself; all arguments are plain JSON and none is a secret.

    :param lightly_conn_id: id of the ``lightly`` connection.
    :param dataset_id: the run's dataset.
    :param scheduled_run_id: the run.
    :param poll_interval: seconds between two looks; of all that share a loop, the shortest counts.
    :param pickup_deadline: when, in seconds since 1970, a run that still waits for a worker is given up; ``None``: never.
    :param deadline: when, in seconds since 1970, the wait ends however the run stands; ``None``: never.
    :param patience: for how many seconds in a row faults that pass are waited out; default an hour.
    :param runs_on: labels that a worker must have to take the run.
    :param cancel_on_kill: cancel the run when the task is marked or cleared while it waits; default no.
    """

    def __init__(
        self,
        *,
        lightly_conn_id: str,
        dataset_id: str,
        scheduled_run_id: str,
        poll_interval: float,
        pickup_deadline: float | None = None,
        deadline: float | None = None,
        patience: float = WATCH_PATIENCE,
        runs_on: list[str] | None = None,
        cancel_on_kill: bool = False,
    ) -> None:
        super().__init__(lightly_conn_id)
        self.dataset_id = dataset_id
        self.scheduled_run_id = scheduled_run_id
        self.poll_interval = poll_interval
        self.pickup_deadline = pickup_deadline
        self.deadline = deadline
        self.patience = patience
        self.runs_on = runs_on or []
        self.cancel_on_kill = cancel_on_kill

    def serialize(self) -> tuple[str, dict[str, Any]]:
        # Rows of earlier versions are loaded after an upgrade: arguments are only added, each with a default.
        return (
            "lightly_airflow.triggers.run.LightlyRunTrigger",
            {
                "lightly_conn_id": self.lightly_conn_id,
                "dataset_id": self.dataset_id,
                "scheduled_run_id": self.scheduled_run_id,
                "poll_interval": self.poll_interval,
                "pickup_deadline": self.pickup_deadline,
                "deadline": self.deadline,
                "patience": self.patience,
                "runs_on": self.runs_on,
                "cancel_on_kill": self.cancel_on_kill,
            },
        )

    async def told(self, interests: set[Interest]) -> dict[str, Any]:
        """The run's event, told by a loop over these interests."""
        vigil, interest = self.begin()
        with interested(interests, interest):
            return await self.event(vigil, interest, interest.news)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same alone, where Airflow shares no loops."""
        vigil, interest = self.begin()
        async with aclosing(rounds(self.lightly_conn_id, [interest])) as snapshots:
            event = await self.event(vigil, interest, lambda: anext(snapshots))
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Called when a user marks or clears the task; Airflow 3.3.2 calls it on other occasions, too, and for a second."""
        if self.cancel_on_kill:
            await cancel_if_killed(self.task_instance, self.lightly_conn_id, self.dataset_id, self.scheduled_run_id)

    def begin(self) -> tuple[Vigil, Interest]:
        """The wait begins now: who judges what the rounds show, and which rounds concern it."""
        vigil = new_vigil(self.pickup_deadline, self.deadline, self.patience)
        watched = Watched(self.dataset_id, self.scheduled_run_id, tuple(self.runs_on))
        # A round that began before, or just after, this wait did may fire too soon.
        settled = vigil.began + min(self.poll_interval, _SETTLING_SECONDS)
        due = min(one for one in (self.pickup_deadline, self.deadline, math.inf) if one is not None)
        return vigil, Interest(watched, self.poll_interval, settled, due)

    async def event(self, vigil: Vigil, interest: Interest, news: News) -> dict[str, Any]:
        """Waits, and returns the event's payload.

        :param news: the next round; waited for again and again.
        """
        told: dict[str, Any] = {
            "dataset_id": self.dataset_id,
            "scheduled_run_id": self.scheduled_run_id,
            "deadline": self.deadline,
        }
        try:
            told["status"] = await self._ending(vigil, interest, news)
        except LightlyError as error:
            # Airflow would tell the task only that "the trigger failed"; the task raises the real error when it asks.
            told |= {"status": "trouble", "message": str(error)}
        return {**told, "state": vigil.last.state if vigil.last else None}

    async def _ending(self, vigil: Vigil, interest: Interest, news: News) -> Ending:
        left = None if self.deadline is None else max(self.deadline, interest.settled) - time.time()
        try:
            # By the clock, too: while LightlyOne fails, the next round may come long after the deadline.
            async with asyncio.timeout(left):
                while True:
                    snapshot = await news()
                    if snapshot.asked_at < interest.settled:
                        continue
                    # Patience counts from the last good answer, which may have had no news to wake this trigger for.
                    own = self.scheduled_run_id in snapshot.round.errors
                    vigil.answered(interest.seen_at if own else snapshot.answered_at)
                    if ending := self._judge(snapshot, vigil, time.time()):
                        return ending
        except TimeoutError:
            return "timeout"

    def _judge(self, snapshot: Snapshot, vigil: Vigil, now: float) -> Ending | None:
        error = snapshot.failed or snapshot.round.errors.get(self.scheduled_run_id)
        if error is not None:
            return vigil.troubled(error, now)
        view = snapshot.round.views.get(self.scheduled_run_id)
        return vigil.late(now) if view is None else vigil.saw(view, now)
