"""The life of one run: what a task asks for on the way, a worker that takes its time, and what must come of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lightly_airflow.contract.operations import datasets, runs, schedules, tags, workers
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators import LightlyScheduleRunOperator
from lightly_airflow.testing import Faults, LightlyEmulator
from tests.airflow_faces.conftest import COUNTS, PlayedWorker

SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}
WORKERS = workers.LIST.operation
DATASET = datasets.GET.operation
CONFIG = schedules.CREATE_CONFIG.operation
SCHEDULE = schedules.SCHEDULE.operation
CANCEL = schedules.CANCEL.operation
QUEUE = schedules.LIST_OF_DATASET.operation
RUNS = runs.LIST_OF_DATASET.operation
LOOK = runs.GET_OF_SCHEDULE.operation
LOGS = runs.GET_LOGS.operation
TAGS = runs.TAGS.operation
READ_URL = runs.ARTIFACT_READ_URL.operation
FILE = "GET /_emulator/files/..."
# Every request of a run's life, and the how-manieth of its operation it is.
LIFE = [(CONFIG, 0), (SCHEDULE, 0), (LOOK, 0), (QUEUE, 0), (LOOK, 2), (LOGS, 0), (TAGS, 0), (READ_URL, 0), (FILE, 0)]


def briefly(seconds: float) -> None:
    """Waits as a test can afford it."""
    time.sleep(min(seconds, 0.01))


def task(dataset_id: str, **arguments: Any) -> LightlyScheduleRunOperator:
    """The operator as a new process would have it."""
    defaults: dict[str, Any] = {"selection_config": SELECTION, "poll_interval": 0.01, "deferrable": False}
    made = LightlyScheduleRunOperator(task_id="curate", dataset_id=dataset_id, **{**defaults, **arguments})
    made.hook = LightlyHook(sleep=briefly)
    return made


@contextmanager
def working(faults: Faults, worker: PlayedWorker, dataset_id: str) -> Iterator[None]:
    """A worker that lets the task look twice at a waiting run and twice at a running one before it completes it."""
    over = threading.Event()

    def until(there: Callable[[], Any]) -> Any:
        while not over.is_set():
            if found := there():
                return found
            time.sleep(0.002)
        return None

    def looked(times: int) -> bool:
        before = faults.count(LOOK)
        return bool(until(lambda: faults.count(LOOK) >= before + times))

    def work() -> None:
        queue = until(lambda: worker.api.call(schedules.scheduled_runs(dataset_id, ["OPEN"])))
        if queue and looked(4):
            run_id = worker.pick_up(dataset_id, queue[0].id)
            looked(2)
            worker.complete(dataset_id, run_id)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def queue(api: LightlyEmulator, dataset_id: str) -> list[Any]:
    return api.call(schedules.scheduled_runs(dataset_id, ["OPEN", "LOCKED", "DONE", "CANCELED"]))


def check(api: LightlyEmulator, dataset_id: str, result: Any) -> None:
    """One scheduled run, one run, and the task's result is that run's, whole."""
    (entry,) = queue(api, dataset_id)
    (run,) = api.call(runs.runs_of_dataset(dataset_id))
    (tag,) = api.call(tags.list_tags(dataset_id))
    assert (result["scheduled_run_id"], result["run_id"], result["config_id"]) == (entry.id, run.id, entry.config_id)
    assert (result["state"], result["tag_name"], result["counts"]) == ("COMPLETED", tag.name, COUNTS)
