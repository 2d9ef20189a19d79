"""What both commands of the demo share: they end cleanly, whatever ends them, and say in plain words what went wrong."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from lightly_airflow.demo.processes import DemoError


def guarded(work: Callable[[], int]) -> int:
    """Does the work and returns the exit code: the work's own, 1 after an error, 130 after ctrl-c.

    SIGTERM and SIGHUP become an exit, so that they, too, end what was started.
    """
    # Everything is on this machine: a proxy of the environment's would only be in the way.
    os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
    # Explicitly, because a shell's background jobs begin with it ignored, and so would all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    try:
        return work()
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def stay() -> None:
    """Waits for ctrl-c."""
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)
    print("\nEnding what was started ...", flush=True)
