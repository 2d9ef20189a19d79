"""One triggerer's event loop with many triggers, measured: ``python -m tests.benchmarks.waiting_probe WAY URL RESULT``.

Waits for a line on its input once all triggers wait, measures until the next one, and writes what it has found to RESULT.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import selectors
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

INTERVAL = 5.0
MODULES = {
    "lightly": "lightly_airflow.triggers.run",
    "dbt": "airflow.providers.dbt.cloud.triggers.dbt",
    "asleep": "asyncio",  # loaded already
}


@dataclass
class Found:
    """What was measured.

    :param cpu: seconds of the whole process.
    :param block: the longest time for which the loop did not look for news, in seconds.
    :param work: the most CPU time of its thread in one go: other programs of the machine do not count, nor does Python's
        garbage collection, which goes through all that Airflow has loaded, whoever sets it off.
    :param start_work: the same until all triggers waited.
    :param collection: the longest garbage collection, in seconds.
    :param loading: seconds to load the trigger, once.
    :param events: number of the run -> when its event came.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    mebibytes: float = 0.0
    block: float = 0.0
    work: float = 0.0
    start_work: float = 0.0
    collection: float = 0.0
    loading: float = 0.0
    events: dict[int, float] = field(default_factory=dict)

    async def fire(self, number: int, events: AsyncIterator[Any]) -> None:
        async for _ in events:
            self.events[number] = time.time()


class Turns(selectors.DefaultSelector):
    """Sees how long an event loop is at work in one go: from one look at its sockets and timers to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Found()
        self._since: tuple[float, float] | None = None
        self._collecting = self._collected = 0.0
        gc.callbacks.append(self._collect)

    def select(self, timeout: float | None = None) -> Any:
        if self._since is not None:
            wall, work = self._since
            self.found.block = max(self.found.block, time.monotonic() - wall)
            self.found.work = max(self.found.work, time.thread_time() - work - self._collected)
        ready = super().select(timeout)
        self._since, self._collected = (time.monotonic(), time.thread_time()), 0.0
        return ready

    def _collect(self, phase: str, _info: Any) -> None:
        if phase == "start":
            self._collecting = time.thread_time()
            return
        spent = time.thread_time() - self._collecting
        self._collected += spent
        self.found.collection = max(self.found.collection, spent)


def lightly(number: int, streams: Any) -> AsyncIterator[Any]:
    """Ours, as TriggerRunner.run_trigger begins it."""
    from lightly_airflow.triggers.run import LightlyRunTrigger
    from tests.benchmarks.waiting_server import scheduled_id

    trigger = LightlyRunTrigger(
        lightly_conn_id="bench", dataset_id="d" * 24, scheduled_run_id=scheduled_id(number), poll_interval=INTERVAL
    )
    stream = streams.subscribe(trigger_id=number, trigger=trigger, key=trigger.shared_stream_key())
    return trigger.filter_shared_stream(stream)


def dbt(number: int, _streams: Any) -> AsyncIterator[Any]:
    """The dbt Cloud provider's, which speaks TLS; here it is spared that."""
    from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook
    from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger

    def plain(tenant: str, endpoint: str, *_: Any, **__: Any) -> tuple[str, dict[str, Any]]:
        return f"http://{tenant}/api/v2/accounts/{endpoint}", {}

    DbtCloudHook.get_request_url_params = staticmethod(plain)  # type: ignore[method-assign]
    trigger = DbtCloudRunJobTrigger("bench", number, time.time() + 3600, INTERVAL, account_id=1)
    return trigger.run()


async def asleep(number: int, _streams: Any) -> AsyncIterator[Any]:
    """A task that waits for nothing: what the machine and Python take by themselves. One of them has Python collect all its
    garbage once while it is measured, as it does now and then in every process."""
    for turn in range(sys.maxsize):
        await asyncio.sleep(INTERVAL)
        if (number, turn) == (0, 8):
            gc.collect()
    yield  # never reached; makes this an iterator as the triggers' are


BEGIN: dict[str, Any] = {"lightly": lightly, "dbt": dbt, "asleep": asleep}


async def measure(way: Any, count: int, found: Found) -> None:
    from airflow.triggers.shared_stream import SharedStreamManager

    streams, tasks = SharedStreamManager(), []
    for number in range(count):
        tasks.append(asyncio.create_task(found.fire(number, way(number, streams))))
        await asyncio.sleep(INTERVAL / count)  # as if they had deferred one after another
    await asyncio.to_thread(sys.stdin.readline)
    found.start_work, found.block, found.work = found.work, 0.0, 0.0
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.to_thread(sys.stdin.readline)
    found.seconds, found.cpu = time.monotonic() - began, time.process_time() - cpu
    block, work = found.block, found.work
    found.mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    found.block, found.work = block, work


def main() -> None:
    way, url, result = sys.argv[1:]
    connection = {"conn_type": "lightly", "host": url} if way == "lightly" else {"conn_type": "dbt_cloud"}
    if way == "dbt":
        connection["host"] = url.removeprefix("http://")
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({**connection, "login": "1", "password": "token"})
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        import airflow.jobs.triggerer_job_runner  # noqa: F401 - a triggerer has loaded all that already

        began = time.thread_time()
        import_module(MODULES[way])
        turns = Turns()
        turns.found.loading = time.thread_time() - began
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(turns)) as runner:
            runner.run(measure(BEGIN[way], int(os.environ["WAITING"]), turns.found))
    Path(result).write_text(json.dumps(asdict(turns.found)))


if __name__ == "__main__":
    main()
