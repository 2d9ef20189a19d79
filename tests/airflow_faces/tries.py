"""A program that makes tries of a task, and runs its trigger, each in a process that can be killed.

Airflow's imports take seconds, so they are made once, here, and each process is forked. A line of JSON on stdin orders one;
its pid comes back at once, and how it ended as soon as it has. It is reaped only when the next line has come: until then
nobody else can have its pid, and whoever kills it late kills no stranger.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from airflow.sdk.exceptions import AirflowException, TaskDeferred
from airflow.sdk.serde import deserialize, serialize

from lightly_airflow.client.drive import adrive
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks import session
from lightly_airflow.triggers.run import LightlyRunTrigger
from tests.airflow_faces.conftest import TaskInstance
from tests.airflow_faces.run_life import task
from tests.airflow_faces.triggerer import as_the_triggerer_reads, triggerer

# Imported only when they are needed, which would be in every process anew.
LATE = (
    "airflow.providers.common.compat.connection",
    "airflow.serialization.serialized_objects",
    "asgiref.sync",
    "httpx",
)
LONGEST = 20  # seconds after which a try that waits for what never comes is ended


class FileStore:
    """Airflow's task state store, in a file.

    Airflow keeps it in its database, so it outlives a try that is killed, and a change is there whole or not at all.
    Here a file does both: it is written beside and put in place of the old one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def kept(self) -> dict[str, Any]:
        """All that is remembered."""
        return dict(json.loads(self.path.read_text())) if self.path.exists() else {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def set(self, key: str, value: Any) -> None:
        replace(self.path, {**self.kept, key: value})

    def delete(self, key: str) -> None:
        replace(self.path, {name: value for name, value in self.kept.items() if name != key})


def replace(path: Path, value: Any) -> None:
    """Writes a file so that a reader finds the old one or the new one."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(value))
    beside.replace(path)


def attempt(order: dict[str, Any]) -> None:
    """One process: leaves in the file ``ended`` what Airflow would hear of it; or dies before it can."""
    os.environ["AIRFLOW_CONN_LIGHTLY_DEFAULT"] = order["connection"]
    folder = Path(order["folder"])
    try:
        told = STEPS[order["step"]](order)
    except TaskDeferred as deferred:
        told = {"deferred": stored(deferred)}
    except (LightlyError, AirflowException) as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    for kind in set(order["dies_with"]) & set(told):
        if not (died := folder / f"died with {kind}").exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    replace(folder / "ended", told)


def context(order: dict[str, Any]) -> dict[str, Any]:
    return {"ti": TaskInstance(), "task_state_store": FileStore(Path(order["folder"]) / "kept")}


def execute(order: dict[str, Any]) -> dict[str, Any]:
    """A try from its beginning."""
    return {"result": task(order["dataset_id"], deferrable=order["deferrable"]).execute(context(order))}


def stored(deferred: TaskDeferred) -> dict[str, Any]:
    """What Airflow stores of a task that defers, in its own form."""
    classpath, arguments = deferred.trigger.serialize()
    told = {"classpath": classpath, "kwargs": serialize(arguments)}
    return {**told, "next_method": deferred.method_name, "next_kwargs": serialize(deferred.kwargs or {})}


def trigger(order: dict[str, Any]) -> dict[str, Any]:
    """A triggerer that runs one trigger, made from its row, to its event."""
    # The session has no way in for the pauses between its tries, which last for seconds.
    setattr(session, "adrive", partial(adrive, sleep=abriefly))  # noqa: B010 - mypy knows it as a function
    one = LightlyRunTrigger(**as_the_triggerer_reads(order["row"]["kwargs"]))
    assert one.serialize()[0] == order["row"]["classpath"]

    async def event() -> Any:
        async with triggerer() as airflow:
            return await (airflow.start_alone if order["alone"] else airflow.start)(one)

    return {"event": asyncio.run(event())}


async def abriefly(seconds: float) -> None:
    """Waits as a test can afford it."""
    await asyncio.sleep(min(seconds, 0.01))


def resume(order: dict[str, Any]) -> dict[str, Any]:
    """The task is woken by its trigger."""
    row = order["row"]
    woken = task(order["dataset_id"], deferrable=True)
    arguments: Any = deserialize(row["next_kwargs"])
    given: Any = context(order)
    return {"result": woken.resume_execution(row["next_method"], {**arguments, "event": order["event"]}, given)}


STEPS = {"execute": execute, "trigger": trigger, "resume": resume}


def fork(order: dict[str, Any], attempt: Callable[[dict[str, Any]], None]) -> int:
    """Begins a try; its pid."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(LONGEST)
    try:
        attempt(order)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(answers: TextIO, attempt: Callable[[dict[str, Any]], None]) -> None:
    """Makes the tries that are ordered, one at a time."""
    pid = None
    for line in sys.stdin:
        if pid is not None:
            os.waitpid(pid, 0)
        pid = fork(json.loads(line), attempt)
        print(pid, file=answers, flush=True)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        killed = ended is not None and ended.si_code == os.CLD_KILLED and ended.si_status == signal.SIGKILL
        print("killed" if killed else "ended", file=answers, flush=True)


def serve(attempt: Callable[[dict[str, Any]], None], late: Iterable[str]) -> None:
    """The whole program, for one kind of try.

    :param late: modules that are imported when a try comes to them.
    """
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Airflow logs goes to stdout, and is no answer
    for module in late:
        import_module(module)
    gc.freeze()  # what is never collected is never copied for a try
    main(own, attempt)


if __name__ == "__main__":
    serve(attempt, LATE)
