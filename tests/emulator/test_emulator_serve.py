"""What the emulator's server tells a process that logs everything."""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Iterator

import pytest
import requests

from lightly_airflow.emulator.serve import serve
from lightly_airflow.emulator.world import World

TOKEN = "token-that-nobody-may-see"
# As Airflow sets up logging: it gives the server's loggers new life, whatever they were before.
LOGGING = {"version": 1, "disable_existing_loggers": False, "loggers": {"uvicorn": {"level": "DEBUG"}}}


class Listener(logging.Handler):
    """Keeps every message of the server's own loggers."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("uvicorn"):
            self.heard.append(record.getMessage())


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Listens at the root logger and at the access log's own; afterwards both are as before."""
    listener, loggers = Listener(), [logging.getLogger(name) for name in ("", "uvicorn", "uvicorn.access")]
    before = [(logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]
    yield listener
    for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.propagate, logger.handlers = propagate, handlers


def test_no_logger_hears_the_token(listener: Listener) -> None:
    """A process that sets up logging after the server was made does not get URLs, and the token in them, to see."""
    world = World()
    with serve(world, [TOKEN]) as server:
        logging.config.dictConfig(LOGGING)
        for name in ("", "uvicorn.access"):
            logging.getLogger(name).setLevel(logging.DEBUG)
            logging.getLogger(name).addHandler(listener)
        logging.getLogger("uvicorn.error").error("heard")
        assert requests.get(f"{server.url}/v1/datasets?token={TOKEN}", timeout=10).status_code == 200
    world.close()
    assert listener.heard[0] == "heard"
    assert not [line for line in listener.heard if TOKEN in line or "/v1/datasets" in line]
