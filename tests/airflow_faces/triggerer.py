"""Triggers run as Airflow's triggerer runs them: through its own manager of shared streams, in one event loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from airflow.serialization.decoders import smart_decode_trigger_kwargs
from airflow.triggers.shared_stream import SharedStreamManager

from lightly_airflow.triggers.any_run import LightlyAnyRunTrigger
from lightly_airflow.triggers.run import LightlyRunTrigger

INTERVAL = 0.05
Event = dict[str, Any]


class Triggerer:
    """What matters here of Airflow's TriggerRunner.run_trigger, which needs a supervisor around it."""

    def __init__(self) -> None:
        self.streams = SharedStreamManager()
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[Event]] = set()

    def start(self, trigger: LightlyRunTrigger | LightlyAnyRunTrigger) -> asyncio.Task[Event]:
        """Runs a trigger, built anew from its arguments as they are stored; the result is its one event's payload."""
        again = type(trigger)(**trigger.serialize()[1])
        task = asyncio.create_task(self._run(next(self._ids), again))
        self._tasks.add(task)
        return task

    def start_alone(self, trigger: LightlyRunTrigger) -> asyncio.Task[Event]:
        """The same as Airflow 3.2 does it, which shares no loops."""
        task = asyncio.create_task(alone(LightlyRunTrigger(**trigger.serialize()[1])))
        self._tasks.add(task)
        return task

    async def _run(self, trigger_id: int, trigger: LightlyRunTrigger | LightlyAnyRunTrigger) -> Event:
        key = trigger.shared_stream_key()
        stream = self.streams.subscribe(trigger_id=trigger_id, trigger=trigger, key=key)
        try:
            (event,) = [event.payload async for event in trigger.filter_shared_stream(stream)]
        finally:
            await self.streams.unsubscribe(trigger_id, key)
        return dict(event)

    @property
    def loops(self) -> int:
        """How many shared loops there are."""
        names = [task.get_name() for task in asyncio.all_tasks()]
        return sum(name.startswith("shared-stream-poll") for name in names)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.streams.stop_all()


async def alone(trigger: LightlyRunTrigger) -> Event:
    (event,) = [event.payload async for event in trigger.run()]
    return dict(event)


@asynccontextmanager
async def triggerer() -> AsyncIterator[Triggerer]:
    """A triggerer that ends with the block."""
    running = Triggerer()
    try:
        yield running
    finally:
        await running.stop()


def as_the_triggerer_reads(stored: dict[str, Any]) -> dict[str, Any]:
    """A trigger's arguments from its row in Airflow's database."""
    decode: Any = smart_decode_trigger_kwargs  # not annotated
    return {key: decode(value) for key, value in stored.items()}


def trigger_for(scheduled_run_id: str, dataset_id: str, **more: Any) -> LightlyRunTrigger:
    arguments = {"lightly_conn_id": "lightly_default", "poll_interval": INTERVAL, **more}
    return LightlyRunTrigger(dataset_id=dataset_id, scheduled_run_id=scheduled_run_id, **arguments)


def triggers_for(those: Mapping[str, str], **more: Any) -> Iterable[LightlyRunTrigger]:
    return [trigger_for(scheduled_run_id, dataset_id, **more) for scheduled_run_id, dataset_id in those.items()]


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that is about to happen; the test's own timeout ends it."""
    while not condition():
        await asyncio.sleep(0.01)
