"""The run's own log in the task's log: each line once, in order, whatever the task goes through."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.operations import schedules
from lightly_airflow.contract.states import RunState
from lightly_airflow.contract.wire import Request, Response
from lightly_airflow.exceptions import LightlyInputError, LightlyRunError, LightlyRunFailed, LightlyWatchedRunError
from lightly_airflow.hooks.run_log import KEY
from lightly_airflow.operators import LightlyScheduleRunOperator
from lightly_airflow.sensors import LightlyRunSensor
from lightly_airflow.testing import LightlyEmulator
from tests.airflow_faces.conftest import PlayedWorker, Store

SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}]}
AT = "1970-01-01T00:00:00.000+00:00 training: "  # how each line of the played worker begins
Task = LightlyScheduleRunOperator


class TaskLog:
    """What the run's logger has told since it was last asked."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self._asked = 0

    def records(self) -> list[logging.LogRecord]:
        told = self._caplog.records[self._asked :]
        self._asked += len(told)
        return [one for one in told if one.name == "lightly_airflow.run"]

    def lines(self) -> list[str]:
        return [one.getMessage().removeprefix(AT) for one in self.records()]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> TaskLog:
    caplog.set_level(logging.INFO, logger="lightly_airflow.run")
    return TaskLog(caplog)


def task(dataset_id: str, **arguments: Any) -> Task:
    defaults = {"selection_config": SELECTION, "poll_interval": 0.02, "deferrable": False}
    return Task(task_id="curate", dataset_id=dataset_id, **{**defaults, **arguments})


def begun(worker: PlayedWorker, context: dict[str, Any], dataset_id: str) -> tuple[str, dict[str, Any]]:
    """A task of which a worker has the run: the run's id, and the event that will wake the task."""
    with pytest.raises(TaskDeferred):
        task(dataset_id, deferrable=True).execute(context)
    (entry,) = worker.api.call(schedules.scheduled_runs(dataset_id, ["OPEN"]))
    event = {"status": "ended", "dataset_id": dataset_id, "scheduled_run_id": entry.id}
    return worker.pick_up(dataset_id, entry.id), event


def test_lines_are_told_as_they_come(
    context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog
) -> None:
    """A task that waits in its worker tells them after each look, and the last of them before its result."""
    run_id, _ = begun(worker, context, dataset_id)
    seen: list[list[str]] = []

    def work() -> None:
        for one in ("a", "b"):
            worker.say(run_id, one)
            while not (lines := told.lines()):
                time.sleep(0.01)
            seen.append(lines)
        worker.say(run_id, "c", "d")
        worker.end(run_id, "COMPLETED")

    thread = threading.Thread(target=work)
    thread.start()
    assert task(dataset_id).execute(context)["state"] == "COMPLETED"
    thread.join()
    assert [*seen, told.lines()] == [["a"], ["b"], ["c", "d"]]


def test_lines_are_told_on_resuming(
    context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog
) -> None:
    """A task that waited in the triggerer tells them all before its result."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "a", "b")
    worker.end(run_id, "COMPLETED")
    assert told.lines() == []
    task(dataset_id).execute_complete(context, event)
    assert told.lines() == ["a", "b"]


def test_a_retry_goes_on(context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog) -> None:
    """A try that could not go on waiting has told what it saw; the next tells the rest."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "a")
    with pytest.raises(LightlyRunError):
        task(dataset_id).execute_complete(context, {**event, "status": "trouble"})
    assert told.lines() == ["a"]
    worker.say(run_id, "b")
    worker.end(run_id, "COMPLETED")
    task(dataset_id).execute(context)
    assert told.lines() == ["b"]


def test_a_run_that_failed_between_two_tries(
    context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog
) -> None:
    """The next try tells how it ended before it schedules another; of that one it tells all lines."""
    run_id, first = begun(worker, context, dataset_id)
    worker.say(run_id, "a")
    worker.end(run_id, "CRASHED")
    worker.api.call(schedules.update_scheduled_run(dataset_id, worker.id, first["scheduled_run_id"], "DONE"))
    again, event = begun(worker, context, dataset_id)
    assert (again != run_id, told.lines()) == (True, ["a"])
    worker.say(again, "b")
    worker.end(again, "COMPLETED")
    task(dataset_id).execute_complete(context, event)
    assert told.lines() == ["b"]


class DyingStore(Store):
    """The process ends before the log's place is kept."""

    def set(self, key: str, value: Any) -> None:
        if key == KEY:
            raise SystemExit
        super().set(key, value)


def test_a_process_that_dies(context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog) -> None:
    """The batch that was told and not yet kept is told again: rather twice than never."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "a", "b")
    with pytest.raises(LightlyRunError):
        task(dataset_id).execute_complete(context, {**event, "status": "trouble"})
    worker.say(run_id, "c")
    worker.end(run_id, "COMPLETED")
    with pytest.raises(SystemExit):
        task(dataset_id).execute({**context, "task_state_store": DyingStore(context["task_state_store"])})
    assert told.lines() == ["a", "b", "c"]
    task(dataset_id).execute(context)
    assert told.lines() == ["c"]


def test_without_a_store(context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog) -> None:
    """On Airflow 3.2 a process remembers by itself what it has told."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "a", "b")
    worker.end(run_id, "COMPLETED")
    task(dataset_id).execute_complete({"ti": context["ti"]}, event)
    assert told.lines() == ["a", "b"]


def test_a_long_log_is_cut(context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog) -> None:
    """The newest thousand lines, after one that says how many are missing."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, *map(str, range(10_000)))
    worker.end(run_id, "COMPLETED")
    task(dataset_id).execute_complete(context, event)
    cut = f"9,000 lines of LightlyOne run {run_id} left out; all of them are in LightlyOne"
    assert told.lines() == [cut, *map(str, range(9_000, 10_000))]


def test_levels(
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    told: TaskLog,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LightlyOne has two more than Python, below its lowest."""
    caplog.set_level(logging.DEBUG, logger="lightly_airflow.run")
    run_id, event = begun(worker, context, dataset_id)
    for level in ("VERBOSE", "NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        worker.say(run_id, f"50% of {level}", level=level)
    worker.end(run_id, "COMPLETED")
    task(dataset_id).execute_complete(context, event)
    found = [(one.levelname, one.getMessage().removeprefix(f"{AT}50% of ")) for one in told.records()]
    assert found[:3] == [("DEBUG", "VERBOSE"), ("DEBUG", "NOTSET"), ("DEBUG", "DEBUG")]
    assert found[3:] == [(level, level) for level in ("INFO", "WARNING", "ERROR", "CRITICAL")]


def test_lines_that_are_not_shown_crowd_out_none(
    context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog
) -> None:
    """A thousand lines of debugging do not take the place of the one that matters."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "why", level="ERROR")
    worker.say(run_id, *map(str, range(2_000)), level="DEBUG")
    worker.end(run_id, "FAILED")
    with pytest.raises(LightlyRunFailed):
        task(dataset_id).execute_complete(context, event)
    assert told.lines() == ["why"]


@pytest.mark.parametrize("state", ["FAILED", "CRASHED", "ABORTED"])
@pytest.mark.parametrize(("run_log", "first"), [("all", 0), ("failure", 50), ("none", 150)])
def test_failures(
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    told: TaskLog,
    state: RunState,
    run_log: str,
    first: int,
) -> None:
    """The last lines stand before the error, unless none are wanted; another resumption of the task adds none."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, *map(str, range(150)))
    worker.end(run_id, state)
    for expected in (list(map(str, range(first, 150))), []):
        with pytest.raises(LightlyRunFailed):
            task(dataset_id, run_log=run_log).execute_complete(context, event)
        assert [one for one in told.lines() if "left out" not in one] == expected


@pytest.mark.parametrize("run_log", ["failure", "none"])
def test_success_without_lines(
    context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog, run_log: str
) -> None:
    """Whoever wants the lines of failures only gets none of a run that went well."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "a")
    worker.end(run_id, "COMPLETED")
    task(dataset_id, run_log=run_log).execute_complete(context, event)
    assert told.lines() == []


def test_a_run_without_lines(context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog) -> None:
    """Nothing is told and nothing kept."""
    run_id, event = begun(worker, context, dataset_id)
    worker.end(run_id, "FAILED")
    with pytest.raises(LightlyRunFailed):
        task(dataset_id).execute_complete(context, event)
    assert (told.lines(), KEY in context["task_state_store"]) == ([], False)


@pytest.mark.parametrize(
    "answer", [Response(404, b"{}"), Response(503, b""), Response(401, b"{}"), Response(200, b"{")]
)
@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_a_log_that_cannot_be_read_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    told: TaskLog,
    answer: Response,
    state: RunState,
) -> None:
    """The task ends as its run has ended, while it waits in its worker and when it resumes."""
    emulator = lightly_api.server.emulator
    serve = emulator.send

    def send(request: Request, token: str | None) -> Response:
        return answer if (request.method, request.path[-5:]) == ("GET", "/logs") else serve(request, token)

    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "a")
    monkeypatch.setattr("lightly_airflow.client.policy.MAX_RETRIES", 0)  # otherwise after 15 seconds of trying
    monkeypatch.setattr(emulator, "send", send)
    ending = threading.Timer(0.2, worker.end, (run_id, state))
    ending.start()
    for wait in (task(dataset_id).execute, lambda context: task(dataset_id).execute_complete(context, event)):
        if state == "COMPLETED":
            assert wait(context)["state"] == state
        else:
            with pytest.raises(LightlyRunFailed, match="ended FAILED"):
                wait(context)
    ending.join()
    assert told.lines() == []


class BrokenStore(Store):
    """A store that can be asked for anything but the log's place."""

    def set(self, key: str, value: Any) -> None:
        if key == KEY:
            raise RuntimeError(key)
        super().set(key, value)


def test_a_store_that_fails_changes_nothing(
    context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog
) -> None:
    """The task's result does not depend on where its log's place is kept."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, "a")
    worker.end(run_id, "COMPLETED")
    store = BrokenStore(context["task_state_store"])
    assert task(dataset_id).execute_complete({**context, "task_state_store": store}, event)["state"] == "COMPLETED"
    assert told.lines() == ["a"]


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
def test_the_sensor_tells_the_last_lines_of_a_failure(
    context: dict[str, Any], dataset_id: str, worker: PlayedWorker, told: TaskLog, mode: str
) -> None:
    """Whoever only watches a run sees why it failed."""
    run_id, event = begun(worker, context, dataset_id)
    worker.say(run_id, *map(str, range(150)))
    worker.end(run_id, "FAILED")
    sensor = LightlyRunSensor(
        task_id="watch", dataset_id=dataset_id, scheduled_run_id=event["scheduled_run_id"], deferrable=mode != "poke"
    )
    with pytest.raises(LightlyWatchedRunError):
        sensor.execute(context)
    assert told.lines()[1:] == list(map(str, range(50, 150)))


def test_an_unknown_choice(context: dict[str, Any]) -> None:
    """A literal is checked when the DAG is parsed, a template once it is rendered."""
    with pytest.raises(LightlyConfigError, match="^run_log: 'some' is not one of all, failure, none$"):
        task("x", run_log="some")
    late = task("0" * 24, run_log="{{ params.lines }}")
    late.render_template_fields({"params": {"lines": "some"}})
    with pytest.raises(LightlyInputError, match="^run_log: 'some' is not one of all, failure, none$"):
        late.execute(context)
