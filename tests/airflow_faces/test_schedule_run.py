"""LightlyScheduleRunOperator: what it sends, what it waits for, how it ends. The test plays the worker."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.contract.models.worker_config import WorkerConfig
from lightly_airflow.contract.operations import datasets, schedules, workers
from lightly_airflow.exceptions import (
    LightlyInputError,
    LightlyRunCancelled,
    LightlyRunError,
    LightlyRunFailed,
    LightlyRunNotFound,
    LightlyRunNotPickedUp,
)
from lightly_airflow.operators import LightlyScheduleRunOperator
from lightly_airflow.testing import LightlyEmulator
from tests.airflow_faces.conftest import PlayedWorker

SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}


def operator(**arguments: Any) -> LightlyScheduleRunOperator:
    defaults = {"selection_config": SELECTION, "poll_interval": 0.02, "deferrable": False}
    return LightlyScheduleRunOperator(task_id="curate", **{**defaults, **arguments})


def queue(api: LightlyEmulator, dataset_id: str) -> list[Any]:
    return api.call(schedules.scheduled_runs(dataset_id, ["OPEN", "LOCKED", "DONE", "CANCELED"]))


def scheduled(api: LightlyEmulator, dataset_id: str) -> Any:
    (entry,) = queue(api, dataset_id)
    return entry


def test_returns_at_once(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> None:
    """Without waiting: the ids, the state, and the same keys as with waiting."""
    result = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    entry = scheduled(lightly_api, dataset_id)
    assert result == {
        "dataset_id": dataset_id,
        "scheduled_run_id": entry.id,
        "config_id": entry.config_id,
        "run_id": None,
        "state": "OPEN",
        "tag_name": None,
        "counts": {},
        "link": f"{lightly_api.url}/compute/runs?scheduledRunId={entry.id}",
    }


def test_configurations_arrive_in_wire_form(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str
) -> None:
    """Dicts and typed models mean the same; priority and labels arrive."""
    arguments: dict[str, Any] = {"dataset_id": dataset_id, "wait_for_completion": False, "priority": "HIGH"}
    operator(**arguments, runs_on=["gpu"], worker_config={"use_datapool": True}).execute(context)
    typed = {
        "worker_config": WorkerConfig(use_datapool=True),
        "selection_config": SelectionConfig.model_validate(SELECTION),
    }
    operator(**arguments, **typed).execute({"ti": context["ti"]})
    second, first = sorted(queue(lightly_api, dataset_id), key=lambda entry: entry.runs_on)
    assert (first.priority, first.runs_on, second.runs_on) == ("HIGH", ["gpu"], [])
    bodies = [wire(lightly_api.call(schedules.get_config(entry.config_id)).config) for entry in (first, second)]
    assert bodies[0] == bodies[1]
    assert bodies[0]["docker"] == {"useDatapool": True}
    assert bodies[0]["selection"]["nSamples"] == 5


def played(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def when_scheduled(api: LightlyEmulator, dataset_id: str, act: Callable[[str], None]) -> threading.Thread:
    """Acts as soon as the operator has scheduled its run."""

    def wait_and_act() -> None:
        while not (found := queue(api, dataset_id)):
            pass
        act(found[0].id)

    return played(wait_and_act)


def test_waits_for_the_end(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str, worker: PlayedWorker
) -> None:
    """The synchronous way: the result is that of the completed run, and the link was there from the start."""

    def work(scheduled_run_id: str) -> None:
        run_id = worker.pick_up(dataset_id, scheduled_run_id)
        worker.end(run_id, "EMBEDDING")
        worker.end(run_id, "COMPLETED", "selected 5 of 9")

    thread = when_scheduled(lightly_api, dataset_id, work)
    result = operator(dataset_id=dataset_id).execute(context)
    thread.join()
    assert result["state"] == "COMPLETED"
    assert result["run_id"]
    assert context["ti"].xcoms == {"lightly_run_link": result["link"]}
    assert len(json.dumps(result)) < 4096


@pytest.mark.parametrize("state", ["FAILED", "CRASHED", "ABORTED"])
def test_a_run_that_fails(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str, worker: PlayedWorker, state: str
) -> None:
    """The worker's own message and the way to the run."""
    runs_made: list[str] = []

    def fail(scheduled_run_id: str) -> None:
        runs_made.append(worker.pick_up(dataset_id, scheduled_run_id))
        worker.end(runs_made[0], state, "out of memory")

    thread = when_scheduled(lightly_api, dataset_id, fail)
    with pytest.raises(LightlyRunFailed) as caught:
        operator(dataset_id=dataset_id).execute(context)
    thread.join()
    link = f"{lightly_api.url}/compute/runs?scheduledRunId={scheduled(lightly_api, dataset_id).id}"
    assert str(caught.value) == (
        f"LightlyOne run {runs_made[0]} of dataset {dataset_id} ended {state}: out of memory. See {link}"
    )


def test_a_run_that_is_cancelled(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> None:
    """Somebody took it out of the queue in the web app."""
    thread = when_scheduled(
        lightly_api, dataset_id, lambda one: lightly_api.call(schedules.cancel_scheduled_run(dataset_id, one))
    )
    with pytest.raises(LightlyRunCancelled) as caught:
        operator(dataset_id=dataset_id).execute(context)
    thread.join()
    one = scheduled(lightly_api, dataset_id).id
    assert str(caught.value) == (
        f"LightlyOne run {one} of dataset {dataset_id} was cancelled before a worker picked it up."
        f" See {lightly_api.url}/compute/runs?scheduledRunId={one}"
    )


def test_a_run_that_nobody_picks_up(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> None:
    """The message names the labels asked for and the workers there are; the run is taken out of the queue."""
    lightly_api.call(workers.register_worker("night-worker", ["cpu"]))
    with pytest.raises(LightlyRunNotPickedUp) as caught:
        operator(dataset_id=dataset_id, runs_on=["gpu"], pickup_timeout=0.1).execute(context)
    entry = scheduled(lightly_api, dataset_id)
    assert entry.state == "CANCELED"
    assert str(caught.value) == (
        f"No worker picked up LightlyOne run {entry.id} within 0 s, so it was cancelled. It asks for labels gpu;"
        " night-worker is OFFLINE with labels cpu. Start a worker with this account's token and these labels, change"
        " runs_on, or raise pickup_timeout."
    )


def test_a_dataset_that_goes_away(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> None:
    """A deleted dataset is not waited for."""
    thread = when_scheduled(lightly_api, dataset_id, lambda _: lightly_api.call(datasets.delete_dataset(dataset_id)))
    with pytest.raises((LightlyRunNotFound, Exception)) as caught:
        operator(dataset_id=dataset_id).execute(context)
    thread.join()
    assert "404" in str(caught.value) or isinstance(caught.value, LightlyRunNotFound)


def test_defers_with_plain_arguments(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> None:
    """The trigger gets ids and numbers alone; the link is there already."""
    with pytest.raises(TaskDeferred) as caught:
        operator(dataset_id=dataset_id, deferrable=True, execution_timeout=timedelta(hours=1)).execute(context)
    path, arguments = caught.value.trigger.serialize()
    assert path == "lightly_airflow.triggers.run.LightlyRunTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert lightly_api.token not in json.dumps(arguments)
    # The trigger itself watches the time, so that the run can be cancelled; Airflow's own timeout comes later.
    assert arguments["deadline"] == pytest.approx(time.time() + 3600, abs=60)
    assert timedelta(hours=1) < caught.value.timeout < timedelta(hours=1, minutes=3)
    assert context["ti"].xcoms["lightly_run_link"].endswith(scheduled(lightly_api, dataset_id).id)


def test_resumes(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str, worker: PlayedWorker) -> None:
    """After the trigger has fired, LightlyOne itself is asked: the same result as without deferring."""
    one = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)["scheduled_run_id"]
    kept = type(context["task_state_store"])(context["task_state_store"])
    worker.end(worker.pick_up(dataset_id, one), "COMPLETED")
    event = {"status": "ended", "dataset_id": dataset_id, "scheduled_run_id": one, "state": "COMPLETED"}
    without_deferring = operator(dataset_id=dataset_id).execute({**context, "task_state_store": kept})
    assert operator(dataset_id=dataset_id, deferrable=True).execute_complete(context, event) == without_deferring


def test_resume_after_trouble(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> None:
    """What the trigger could not get over is said, and the run is left alone."""
    one = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)["scheduled_run_id"]
    event = {"status": "trouble", "dataset_id": dataset_id, "scheduled_run_id": one, "message": "GET ...: 500"}
    with pytest.raises(LightlyRunError, match=f"^Watching LightlyOne run {one} stopped: GET ...: 500$"):
        operator(dataset_id=dataset_id, deferrable=True).execute_complete(context, event)
    assert scheduled(lightly_api, dataset_id).state == "OPEN"


@pytest.mark.parametrize("event", [None, {}, {"status": "ended"}])
def test_an_event_that_says_nothing(context: dict[str, Any], event: dict[str, Any] | None) -> None:
    """An event without a run is an error, not a success."""
    with pytest.raises(LightlyRunError, match="^The trigger fired without naming a run: {"):
        operator(dataset_id="0" * 24).execute_complete(context, event)


def test_a_retry_finds_the_run(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str, worker: PlayedWorker
) -> None:
    """A second try of the same task waits for the first one's run; one that has failed is scheduled anew."""
    first = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    again = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    assert again["scheduled_run_id"] == first["scheduled_run_id"]
    worker.end(worker.pick_up(dataset_id, first["scheduled_run_id"]), "FAILED", "broken")
    third = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    assert third["scheduled_run_id"] != first["scheduled_run_id"]


def test_a_changed_configuration_is_another_run(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str
) -> None:
    """A task that was cleared after its configuration was mended does not get the old run."""
    first = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    changed = operator(dataset_id=dataset_id, wait_for_completion=False, worker_config={"use_datapool": True})
    assert changed.execute(context)["scheduled_run_id"] != first["scheduled_run_id"]


def test_clearing_a_finished_task_runs_again(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str, worker: PlayedWorker
) -> None:
    """Clearing raises max_tries, as Airflow does, and a task that had its result schedules another run."""
    first = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    run_id = worker.pick_up(dataset_id, first["scheduled_run_id"])
    worker.end(run_id, "COMPLETED")
    assert operator(dataset_id=dataset_id).execute(context)["run_id"] == run_id
    context["ti"].max_tries += 1
    second = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    assert second["scheduled_run_id"] != first["scheduled_run_id"]
    again = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)
    assert again["scheduled_run_id"] == second["scheduled_run_id"]


def test_a_try_that_dies_with_its_result_is_repeated_without_a_second_run(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str, worker: PlayedWorker
) -> None:
    """Airflow may not have heard of the success: its next try returns the same."""
    one = operator(dataset_id=dataset_id, wait_for_completion=False).execute(context)["scheduled_run_id"]
    worker.end(worker.pick_up(dataset_id, one), "COMPLETED")
    first, second = (operator(dataset_id=dataset_id).execute(context) for _ in range(2))
    assert first == second
    assert scheduled(lightly_api, dataset_id).id == one


def test_kill_cancels_what_nobody_has(lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str) -> None:
    """A waiting run leaves the queue with its task."""
    task = operator(dataset_id=dataset_id, wait_for_completion=False)
    task.execute(context)
    task.on_kill()
    assert scheduled(lightly_api, dataset_id).state == "CANCELED"


def test_kill_cannot_stop_a_started_run(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A run that a worker has begun goes on, and the log says so."""
    caplog.set_level("INFO")
    task = operator(dataset_id=dataset_id, wait_for_completion=False)
    one = task.execute(context)["scheduled_run_id"]
    worker.pick_up(dataset_id, one)
    task.on_kill()
    assert "cannot be cancelled any more, it goes on" in caplog.text


SELECT: dict[str, Any] = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"worker_config": {"use_datapol": True}}, "worker_config.use_datapol: unknown key; did you mean 'use_datapool'?"),
    (
        {"lightly_config": {"trainer": {"max_epoch": 3}}},
        "lightly_config.trainer.max_epoch: unknown key; did you mean 'max_epochs'?",
    ),
    (
        {"selection_config": {"n_samples": "fifty", "strategies": [SELECT]}},
        "selection_config.n_samples: must be an integer, not the string 'fifty'",
    ),
    (
        {"selection_config": {"n_samples": -2, "strategies": [SELECT]}},
        "selection_config.n_samples: -2 is out of range; it must be at least -1",
    ),
    (
        {"selection_config": {"proportion_samples": 1.5, "strategies": [SELECT]}},
        "selection_config.proportion_samples: 1.5 is out of range; it must be at most 1",
    ),
    (
        {"selection_config": {"n_samples": 5, "strategies": [{**SELECT, "strategy": {"type": "DIVERSTY"}}]}},
        "selection_config.strategies[0].strategy.type: 'DIVERSTY' is not one of DIVERSITY, WEIGHTS, THRESHOLD, BALANCE,"
        " SIMILARITY, TYPICALITY; did you mean 'DIVERSITY'?",
    ),
    (
        {"selection_config": {"n_samples": 5, "strategies": [{**SELECT, "strategy": {"type": "WEIGHTS"}}]}},
        "selection_config.strategies[0]: strategy WEIGHTS does not go with input EMBEDDINGS; use DIVERSITY or SIMILARITY"
        " or TYPICALITY",
    ),
    ({"selection_config": {"n_samples": 5}}, "selection_config.strategies: is required"),
    ({"worker_config": "use_datapool"}, "worker_config: must be a dict, not the string 'use_datapool'"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_literals_are_found_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    """Path, fault and likely meaning."""
    with pytest.raises(LightlyConfigError) as caught:
        operator(dataset_id="{{ x }}", **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_rendered_values_are_found_before_the_first_request(
    context: dict[str, Any], arguments: dict[str, Any], message: str
) -> None:
    """The same, once templates are rendered. No connection exists here, so a request would be another error."""
    task = operator(dataset_id="0" * 24)
    for name, value in arguments.items():
        setattr(task, name, value)
    with pytest.raises(LightlyInputError) as caught:
        task.execute(context)
    assert str(caught.value) == message


def test_unknown_priority() -> None:
    """A literal that is none of the priorities."""
    with pytest.raises(LightlyConfigError, match="^priority: 'URGENT' is not one of LOW, MID, HIGH, CRITICAL$"):
        operator(dataset_id="x", priority="URGENT")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"poll_interval": 0}, "poll_interval: 0 is not a number of seconds above 0"),
        ({"pickup_timeout": "soon"}, "pickup_timeout: 'soon' is not a number of seconds above 0"),
        ({"pickup_timeout": timedelta(0)}, "pickup_timeout: 0.0 is not a number of seconds above 0"),
    ],
)
def test_bad_durations(arguments: dict[str, Any], message: str) -> None:
    """A literal that is no duration is found when the DAG is parsed."""
    with pytest.raises(LightlyConfigError) as caught:
        operator(dataset_id="x", **arguments)
    assert str(caught.value) == message


def test_templates_wait_until_they_are_rendered(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str
) -> None:
    """A template is no wrong type, and what Jinja makes of it, a string, counts as the number it shows."""
    selection = {**SELECTION, "n_samples": "{{ params.n }}"}
    task = operator(dataset_id=dataset_id, selection_config=selection, wait_for_completion=False)
    task.render_template_fields({"params": {"n": 7}})
    task.execute(context)
    config = lightly_api.call(schedules.get_config(scheduled(lightly_api, dataset_id).config_id)).config
    assert config.selection is not None
    assert config.selection.n_samples == 7
