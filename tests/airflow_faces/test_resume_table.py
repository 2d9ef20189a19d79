"""What a task does that finds an earlier try of itself: every way a run may stand, every reason to try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from airflow.sdk.exceptions import TaskDeferred

from lightly_airflow.contract.errors import LightlyNotFound
from lightly_airflow.contract.operations import datasets, schedules
from lightly_airflow.contract.states import RUN_STATES, RunState
from lightly_airflow.operators import LightlyScheduleRunOperator
from lightly_airflow.testing import LightlyEmulator
from tests.airflow_faces.conftest import PlayedWorker, Store, TaskInstance
from tests.client.flows.conftest import CONFIG

SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}
GOES_ON = [state for state in get_args(RunState) if not RUN_STATES[state].terminal]
# How the earlier try's run stands -> whether the next try takes it up.
TAKEN_UP: dict[str, bool] = {
    "OPEN": True,
    "LOCKED": True,
    **dict.fromkeys(GOES_ON, True),
    "COMPLETED": True,
    "FAILED": False,
    "CRASHED": False,
    "ABORTED": False,
    "CANCELED": False,
    "DONE": False,
}


@pytest.fixture
def schedule(dataset_id: str, context: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Runs one try of the task, without waiting, and returns its result."""

    def one_try(**arguments: Any) -> dict[str, Any]:
        given = arguments.pop("context", context)
        told = {"dataset_id": dataset_id, "selection_config": SELECTION, "wait_for_completion": False, **arguments}
        task = LightlyScheduleRunOperator(task_id="curate", precheck="off", **told)
        return dict(task.execute(given))

    return one_try


@pytest.mark.parametrize("state", TAKEN_UP)
def test_a_retry(dataset_id: str, worker: PlayedWorker, schedule: Callable[..., dict[str, Any]], state: str) -> None:
    """A run that goes on, or has ended well, is the task's; one that has not is followed by another."""
    first = schedule()["scheduled_run_id"]
    worker.bring_to(dataset_id, first, state)
    assert (schedule()["scheduled_run_id"] == first) is TAKEN_UP[state]
    queue = worker.api.call(schedules.scheduled_runs(dataset_id, ["OPEN", "LOCKED", "DONE", "CANCELED"]))
    assert len(queue) == (1 if TAKEN_UP[state] else 2)


@pytest.mark.parametrize("state", TAKEN_UP)
def test_a_retry_with_another_configuration(
    dataset_id: str, worker: PlayedWorker, schedule: Callable[..., dict[str, Any]], state: str
) -> None:
    """The run of the old configuration is never the answer to the new one."""
    first = schedule()["scheduled_run_id"]
    worker.bring_to(dataset_id, first, state)
    assert schedule(worker_config={"use_datapool": True})["scheduled_run_id"] != first


# What clears the task, and whether a run that still waits for a worker outlasts it.
CLEARED: list[tuple[dict[str, Any], bool]] = [
    ({"deferrable": True}, False),
    ({"deferrable": True, "cancel_on_kill": False}, True),
    ({"wait_for_completion": False}, True),
]


@pytest.mark.parametrize("state", TAKEN_UP)
@pytest.mark.parametrize(("arguments", "outlasts"), CLEARED, ids=["deferred", "kept on kill", "does not wait"])
def test_cleared_before_it_has_ended(
    dataset_id: str,
    worker: PlayedWorker,
    context: dict[str, Any],
    state: str,
    arguments: dict[str, Any],
    outlasts: bool,
) -> None:
    """A run that nobody has begun is cancelled with a task that waits for it; any other one is taken up as by a retry."""
    first = run_of_one_try(dataset_id, context, **arguments)
    worker.bring_to(dataset_id, first, state)
    context["ti"] = TaskInstance(max_tries=3)
    second = run_of_one_try(dataset_id, context, **arguments)
    taken_up = TAKEN_UP[state] and (state != "OPEN" or outlasts)
    assert (second == first) is taken_up
    queue = {one.id: one.state for one in worker.api.call(schedules.scheduled_runs(dataset_id, ["OPEN", "CANCELED"]))}
    assert len(queue.keys() | {first}) == (1 if taken_up else 2)
    if state == "OPEN":
        assert queue[first] == ("OPEN" if outlasts else "CANCELED")
    assert run_of_one_try(dataset_id, context, **arguments) == second  # a retry of the new round


def run_of_one_try(dataset_id: str, context: dict[str, Any], **arguments: Any) -> str:
    """The scheduled run for which one try of the task would wait, or of which it returns the result."""
    told = {"dataset_id": dataset_id, "selection_config": SELECTION, **arguments}
    task = LightlyScheduleRunOperator(task_id="curate", precheck="off", **told)
    try:
        return str(task.execute(context)["scheduled_run_id"])
    except TaskDeferred as deferred:
        return str(deferred.trigger.serialize()[1]["scheduled_run_id"])


def test_cleared_before_anything_was_scheduled(dataset_id: str, worker: PlayedWorker, context: dict[str, Any]) -> None:
    """The try that made the config died before it could schedule: what the new round schedules is its own."""
    run_of_one_try(dataset_id, context, deferrable=True)
    context["task_state_store"]["lightly_run"]["config_id"] = worker.api.call(schedules.create_config(CONFIG)).id
    context["ti"] = TaskInstance(max_tries=3)
    second = run_of_one_try(dataset_id, context, deferrable=True)
    assert run_of_one_try(dataset_id, context, deferrable=True) == second


def test_what_the_version_before_remembered(dataset_id: str, context: dict[str, Any]) -> None:
    """It did not note the round: its run is taken up, as by that version."""
    first = run_of_one_try(dataset_id, context, deferrable=True)
    kept = context["task_state_store"]["lightly_run"]
    assert kept.pop("made_in") == 1
    assert sorted(kept) == ["config_id", "fingerprint"]
    context["ti"] = TaskInstance(max_tries=3)
    assert run_of_one_try(dataset_id, context, deferrable=True) == first


def test_cleared_after_it_has_succeeded(
    dataset_id: str, worker: PlayedWorker, context: dict[str, Any], schedule: Callable[..., dict[str, Any]]
) -> None:
    """Whoever clears a task that has succeeded wants another run; a retry of the same round still gets the result."""
    first = schedule()["scheduled_run_id"]
    worker.end(worker.pick_up(dataset_id, first), "COMPLETED")
    result = schedule(wait_for_completion=True)
    assert schedule(wait_for_completion=True) == result  # Airflow lost the success and tries again
    context["ti"] = TaskInstance(max_tries=3)
    assert schedule()["scheduled_run_id"] != first


def test_a_backfill_has_runs_of_its_own(schedule: Callable[..., dict[str, Any]]) -> None:
    """Another DAG run's task remembers nothing of this one."""
    first = schedule()["scheduled_run_id"]
    other = {"ti": TaskInstance(), "task_state_store": Store()}
    assert schedule(context=other)["scheduled_run_id"] != first


def test_a_config_that_lightlyone_does_not_know(
    context: dict[str, Any], schedule: Callable[..., dict[str, Any]]
) -> None:
    """What the task remembers is of no use any more, so it begins anew."""
    first = schedule()
    kept = context["task_state_store"]["lightly_run"]
    context["task_state_store"].set("lightly_run", {**kept, "config_id": "f" * 24})
    again = schedule()
    assert again["scheduled_run_id"] != first["scheduled_run_id"]
    assert context["task_state_store"]["lightly_run"]["config_id"] == again["config_id"]


def test_a_dataset_that_is_gone(
    lightly_api: LightlyEmulator, dataset_id: str, schedule: Callable[..., dict[str, Any]]
) -> None:
    """Its runs are gone with it, and the error says what LightlyOne does not know."""
    schedule()
    lightly_api.call(datasets.delete_dataset(dataset_id))
    with pytest.raises(LightlyNotFound, match="404 DATASET_UNKNOWN"):
        schedule()


def test_without_the_store_the_log_says_so(
    schedule: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """On Airflow 3.2 every try schedules a run of its own, and is told once."""
    caplog.set_level("INFO")
    bare = {"ti": TaskInstance()}
    assert schedule(context=bare)["scheduled_run_id"] != schedule(context=bare)["scheduled_run_id"]
    assert caplog.text.count("This Airflow has no task state") == 2
