"""``python -m lightly_airflow.emulator``: LightlyOne's API and a worker on this machine."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pydantic import TypeAdapter, ValidationError

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import DatasetName
from lightly_airflow.emulator.serve import is_loopback, serve
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World

DESCRIPTION = """\
LightlyOne on this machine: its API, a worker that curates real images from the datasets' own buckets, and a page to
look at. The address is the first line on standard output. Ends on Ctrl-C or SIGTERM.
"""
EXAMPLE = "example: LIGHTLY_TOKEN=dev python -m lightly_airflow.emulator --port 8000 --state emulator.db"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal ends it; returns the exit code.

    :param arguments: the command line; by default the process's own.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    tokens = [token for token in options.token or [os.environ.get("LIGHTLY_TOKEN")] if token]
    if problem := _problem(options, tokens):
        parser.error(problem)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        _run(options, tokens, stop)
    except (LightlyConfigError, OSError, sqlite3.DatabaseError) as error:
        parser.exit(1, f"cannot start: {error}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m lightly_airflow.emulator", description=DESCRIPTION, epilog=EXAMPLE)
    add = parser.add_argument
    add("--port", type=int, default=8000, help="port of API and page; 0 takes a free one (default: 8000)")
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1); anything but a loopback address opens the API to the "
        "network without TLS and switches the page off, because the page needs no token",
    )
    add(
        "--token",
        action="append",
        help="an API token that is accepted; repeat it for several accounts, which do not see "
        "each other's datasets (default: the environment's LIGHTLY_TOKEN, which no process list shows)",
    )
    add(
        "--state",
        metavar="FILE",
        help="SQLite file that keeps everything over a restart, readable by you alone; credentials are "
        "encrypted in it, with the key in FILE.key (default: nothing is kept)",
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--no-worker", action="store_true", help="the API alone: runs wait until a worker comes")
    mode.add_argument(
        "--worker-only", action="store_true", help="a worker alone, on the --state file of a running emulator"
    )
    add(
        "--labels",
        default="",
        help="the worker's labels, separated by commas; it takes the runs whose runs_on they cover; a name keeps the labels "
        "that it first registered with",
    )
    add("--name", default="emulator", help="the worker's name; a second worker needs another (default: emulator)")
    add("--poll-seconds", type=float, default=1.0, help="how often an idle worker looks for runs (default: 1)")
    add("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="(default: INFO)")
    return parser


def _problem(options: argparse.Namespace, tokens: list[str]) -> str | None:
    """What is wrong with the command line, in one sentence."""
    if not tokens:
        return "no token: set LIGHTLY_TOKEN or give --token, any text will do, and use the same in the connection"
    if options.worker_only and not options.state:
        return "--worker-only needs --state: the file of the emulator that it is to work for"
    if not 0 <= options.port <= 65535:
        return f"--port {options.port}: a port lies between 0 and 65535"
    if options.poll_seconds <= 0:
        return f"--poll-seconds {options.poll_seconds:g}: give a number above 0"
    try:
        TypeAdapter(DatasetName).validate_python(options.name)
    except ValidationError:
        return (
            f"--name {options.name!r}: three or more letters, digits, spaces, _ or -, beginning with a letter or digit"
        )
    return None


def _run(options: argparse.Namespace, tokens: list[str], stop: threading.Event) -> None:
    with ExitStack() as stack:
        world = World(options.state)
        stack.callback(world.close)
        if options.worker_only:
            emulator = Emulator(world, tokens)
        else:
            server = stack.enter_context(serve(world, tokens, options.host, options.port))
            emulator = server.emulator
            sys.stdout.write(f"{server.url}\n")
            sys.stdout.flush()
            if not is_loopback(options.host):
                logging.getLogger(__name__).warning("listening on %s: others can reach the API", options.host)
        if not options.no_worker:
            stack.enter_context(_workers(emulator, tokens, options, stop))
        stop.wait()


@contextmanager
def _workers(
    emulator: Emulator, tokens: list[str], options: argparse.Namespace, stop: threading.Event
) -> Iterator[None]:
    """One worker an account, each in its thread."""
    # Not at the top: the API alone starts without the image libraries.
    from lightly_airflow.emulator.worker.loop import Worker

    labels = [label for label in options.labels.split(",") if label]
    told = {"name": options.name, "labels": labels, "poll_seconds": options.poll_seconds}
    workers = [Worker(emulator.api(token), emulator.world.datasource_config, **told) for token in tokens]
    threads = [threading.Thread(target=worker.run_forever, args=(stop,)) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
