"""Waiting in the triggerer for whichever of several runs ends first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

from airflow.triggers.base import TriggerEvent

from lightly_airflow.hooks.outcome import WATCH_PATIENCE, tell_nothing
from lightly_airflow.triggers.run import LightlyRunTrigger
from lightly_airflow.triggers.shared import SharedLoopTrigger
from lightly_airflow.triggers.together import Interest, interested, tell


class LightlyAnyRunTrigger(SharedLoopTrigger):
    """Fires when the first of several scheduled runs has ended, when time is up, or when watching cannot go on.

    The event is that of :class:`~lightly_airflow.triggers.run.LightlyRunTrigger` for that run. From Airflow 3.3 on it shares
    the poll loop of all triggers of the connection. All arguments are plain JSON, none is a secret, and killing its task
    cancels nothing.

    :param lightly_conn_id: id of the ``lightly`` connection.
    :param runs: the runs, each as dataset's id and scheduled run's id.
    :param poll_interval: seconds between two looks; of all that share a loop, the shortest counts.
    :param deadline: when, in seconds since 1970, the wait ends however the runs stand; ``None``: never.
    :param patience: for how many seconds in a row faults that pass are waited out; default an hour.
    """

    def __init__(
        self,
        *,
        lightly_conn_id: str,
        runs: list[list[str]],
        poll_interval: float,
        deadline: float | None = None,
        patience: float = WATCH_PATIENCE,
    ) -> None:
        super().__init__(lightly_conn_id)
        self.runs = runs
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.patience = patience

    def serialize(self) -> tuple[str, dict[str, Any]]:
        # Rows of earlier versions are loaded after an upgrade: arguments are only added, each with a default.
        return (
            "lightly_airflow.triggers.any_run.LightlyAnyRunTrigger",
            {
                "lightly_conn_id": self.lightly_conn_id,
                "runs": self.runs,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "patience": self.patience,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The same alone, where Airflow shares no loops."""
        interests: set[Interest] = set()
        loop = asyncio.create_task(tell(self.lightly_conn_id, interests))
        try:
            event = await self.told(interests)
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def told(self, interests: set[Interest]) -> dict[str, Any]:
        """The first event of all runs, told by a loop over these interests."""
        with ExitStack() as stack:
            tasks = []
            for number, one in enumerate(self._each()):
                vigil, interest = one.begin()
                if number:
                    vigil.tell_trouble = tell_nothing
                stack.enter_context(interested(interests, interest))
                tasks.append(asyncio.create_task(one.event(vigil, interest, interest.news)))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                return next(task.result() for task in tasks if task.done())
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _each(self) -> list[LightlyRunTrigger]:
        """A trigger a run: how one is waited for stands there alone."""
        return [
            LightlyRunTrigger(
                lightly_conn_id=self.lightly_conn_id,
                dataset_id=dataset_id,
                scheduled_run_id=scheduled_run_id,
                poll_interval=self.poll_interval,
                deadline=self.deadline,
                patience=self.patience,
            )
            for dataset_id, scheduled_run_id in self.runs
        ]
