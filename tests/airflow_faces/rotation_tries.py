"""A program that makes tries of a rotation, each in a process that can be killed: see ``tries.py``."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowException
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import DeleteVariable, GetVariable, PutVariable

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators import LightlyRotateCredentialsOperator
from tests.airflow_faces.conftest import TaskInstance
from tests.airflow_faces.run_life import briefly
from tests.airflow_faces.tries import FileStore, replace, serve
from tests.airflow_faces.variables import Variables, no_answer

# What may happen to a request for a Variable.
AT_VARIABLE = ("killed before the effect", "killed after the effect", "effect lost", "answer lost")
LATE = (
    "airflow.providers.amazon.aws.utils.connection_wrapper", "airflow.sdk.definitions.connection",
    "airflow.sdk.execution_time.supervisor", "boto3", "lightly_airflow.hooks.s3_delegated",
    "lightly_airflow.storage.clouds.s3_delegated", "obstore.store", "requests",
)  # fmt: skip


class KeptVariables(Variables):
    """Airflow's Variables, in a file: they outlive a try that is killed, and a write is there whole or not at all.

    :param folder: holds the file.
    :param fault: the number of a request of this try, and what happens to it; ``None``: nothing.
    """

    def __init__(self, folder: Path, fault: tuple[int, str] | None = None) -> None:
        super().__init__(FileStore(folder / "variables").kept)
        self.count = 0
        self._folder, self._fault = folder, fault

    def send(self, asked: Any) -> Any:
        if not isinstance(asked, (GetVariable, PutVariable, DeleteVariable)):
            return super().send(asked)
        self.count += 1
        what = self._fault[1] if self._fault and self._fault[0] == self.count else ""
        self._strike(what, "killed before the effect", "effect lost")
        answer = super().send(asked)
        replace(self._folder / "variables", dict(self))
        self._strike(what, "killed after the effect", "answer lost")
        return answer

    def _strike(self, what: str, killed: str, lost: str) -> None:
        if what in (killed, lost):
            (self._folder / "struck").touch()
        if what == killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if what == lost:
            raise no_answer()


def attempt(order: dict[str, Any]) -> None:
    """One try: leaves its result, or what Airflow would retry it for, in the file ``ended``; or dies before it can."""
    os.environ.update(order["environment"])
    folder = Path(order["folder"])
    variables = KeptVariables(folder, order["at_variable"])
    setattr(task_runner, "SUPERVISOR_COMMS", variables)  # noqa: B010 - Airflow's supervisor sets it
    operator = LightlyRotateCredentialsOperator(task_id="rotate", **order["arguments"])
    operator.hook = LightlyHook(sleep=briefly)
    told: dict[str, Any]
    try:
        told = {"result": operator.execute({"ti": TaskInstance()})}
    except (LightlyError, AirflowException) as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    if "result" in told and order["dies_with_result"]:
        (folder / "struck").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    replace(folder / "ended", {**told, "variables": variables.count})


if __name__ == "__main__":
    # Whatever is logged must hold no secret, and here nothing masks it.
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    serve(attempt, LATE)
