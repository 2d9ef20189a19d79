"""A LightlyOne that runs while a block lasts: the API, and with it a worker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from lightly_airflow.contract.wire import Call
from lightly_airflow.emulator.serve import Server, serve
from lightly_airflow.emulator.world import World

T = TypeVar("T")
TOKEN = "testing-token"  # noqa: S105 - opens nothing but the emulator of a test


class LightlyEmulator:
    """A running emulator.

    :param server: the emulator behind HTTP.
    :param token: the API token that it accepts.
    """

    def __init__(self, server: Server, token: str) -> None:
        self.server = server
        self.token = token
        self.url = server.url

    @property
    def connection(self) -> str:
        """The ``lightly`` connection as JSON, for an ``AIRFLOW_CONN_...`` variable."""
        return json.dumps({"conn_type": "lightly", "host": self.url, "password": self.token})

    @property
    def call(self) -> Callable[[Call[T]], T]:
        """Makes one API call, such as ``emulator.call(datasets.list_datasets())``, and returns its answer."""
        return self.server.emulator.api(self.token)

    @contextmanager
    def worker(self, labels: Sequence[str] = (), name: str = "emulator", poll_seconds: float = 0.1) -> Iterator[None]:
        """A worker that curates real images while the block runs.

        :param labels: the worker's labels.
        :param name: the worker's name.
        :param poll_seconds: how often it looks for runs.
        """
        from lightly_airflow.emulator.worker.loop import Worker

        world = self.server.emulator.world
        worker = Worker(self.call, world.datasource_config, name=name, labels=list(labels), poll_seconds=poll_seconds)
        stop = threading.Event()
        thread = threading.Thread(target=worker.run_forever, args=(stop,), name="emulator worker")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def emulator(state: str | Path | None = None, token: str = TOKEN) -> Iterator[LightlyEmulator]:
    """LightlyOne's API on a free port, without a worker.

    :param state: the SQLite file that keeps everything over a restart; default: nothing is kept.
    :param token: the API token that it accepts.
    """
    world = World(state)
    try:
        with serve(world, [token]) as server:
            yield LightlyEmulator(server, token)
    finally:
        world.close()
