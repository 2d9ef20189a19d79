"""A run under way on a dataset whose credentials have changed: waited for, gone over, or an error."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout, TaskDeferred
from airflow.sdk.serde import deserialize, serialize

from lightly_airflow.exceptions import LightlyRotationFailed
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators import LightlyRotateCredentialsOperator
from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.rotation_stage import ALL, GET, LOOK, PUT, QUEUE, VERIFY, WRONG, Stage, counts
from tests.airflow_faces.triggerer import triggerer, until


@pytest.fixture
def worker(stage: Stage) -> PlayedWorker:
    return PlayedWorker(stage.gate)


def begun(stage: Stage, worker: PlayedWorker, dataset_id: str) -> str:
    """A run under way; its id."""
    return worker.pick_up(dataset_id, stage.run(dataset_id))


def switched(stage: Stage, count: int) -> list[str]:
    """Datasets, and a connection that has another key by now."""
    ids = stage.datasets(count)
    stage.connect(stage.second_key())
    return ids


def later(condition: Callable[[], bool], then: Callable[[], Any]) -> threading.Thread:
    """Does something as soon as something else has happened."""

    def work() -> None:
        ends = time.monotonic() + 20
        while not condition() and time.monotonic() < ends:
            time.sleep(0.005)
        then()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_the_free_ones_first(stage: Stage, worker: PlayedWorker, caplog: pytest.LogCaptureFixture) -> None:
    """The busy one keeps its key as long as its run lasts, and then gets the new one."""
    caplog.set_level("INFO")
    ids = switched(stage, 3)
    run_id = begun(stage, worker, ids[0])
    seen: list[str] = []

    def end() -> None:
        seen.extend(stage.key_of(one) for one in ids)
        worker.end(run_id, "COMPLETED")

    thread = later(lambda: stage.gate.operations.count(LOOK) > 4, end)
    told = stage.rotate(ids)
    thread.join()
    assert (told["counts"], sorted(told["rotated"])) == (counts(rotated=3), sorted(ids))
    assert seen[0] == stage.first[0]
    assert seen[1] == seen[2] == stage.key_of(ids[0]) != stage.first[0]
    assert "Datasets with a run under way, which are rotated when it has ended: 1\n" in caplog.text
    assert f"  {ids[0]} (cameras-0): LightlyOne run " in caplog.text


def test_a_run_in_the_queue_is_none(stage: Stage) -> None:
    """It gets the new credentials when its turn comes."""
    (dataset_id,) = switched(stage, 1)
    stage.run(dataset_id)
    assert stage.rotate(dataset_id)["counts"] == counts(rotated=1)
    assert stage.gate.operations == [ALL, GET, QUEUE, PUT, VERIFY]


def test_a_run_that_has_ended_is_none(stage: Stage, worker: PlayedWorker) -> None:
    """Though its worker has died before it could close it: the scheduled run stays LOCKED for ever."""
    (dataset_id,) = switched(stage, 1)
    worker.end(begun(stage, worker, dataset_id), "CRASHED")
    assert stage.rotate(dataset_id)["counts"] == counts(rotated=1)
    assert stage.gate.operations == [ALL, GET, QUEUE, LOOK, PUT, VERIFY]


def test_nothing_changed_nothing_asked(stage: Stage, worker: PlayedWorker) -> None:
    """A run is no concern of a dataset that stays as it is."""
    (dataset_id,) = stage.datasets(1)
    stage.rotate(dataset_id)
    begun(stage, worker, dataset_id)
    assert stage.rotate(dataset_id)["counts"] == counts(unchanged=1)
    assert stage.gate.operations == [ALL]


def test_go_on(stage: Stage, worker: PlayedWorker) -> None:
    """The author knows that the old key lives long enough, or not any more. It is not even asked."""
    (dataset_id,) = switched(stage, 1)
    begun(stage, worker, dataset_id)
    assert stage.rotate(dataset_id, on_active_run="go_on")["counts"] == counts(rotated=1)
    assert QUEUE not in stage.gate.operations


@pytest.mark.parametrize("dry_run", [False, True])
def test_fail(stage: Stage, worker: PlayedWorker, dry_run: bool) -> None:
    """Refused before anything is sent; the others are rotated. A dry run says the same."""
    ids = switched(stage, 2)
    begun(stage, worker, ids[0])
    told = stage.failing(ids, on_active_run="fail", dry_run=dry_run)
    assert told.startswith("1 of 2 datasets ")
    assert f"- {ids[0]} (cameras-0): INPUT refused before: LightlyOne run " in told
    assert " is under way (STARTED)" in told
    assert told.endswith("What LightlyOne has still works") != dry_run
    assert stage.key_of(ids[0]) == stage.first[0]
    assert (stage.key_of(ids[1]) == stage.first[0]) == dry_run


def test_a_dry_run_does_not_wait(stage: Stage, worker: PlayedWorker) -> None:
    """It would be rotated, later."""
    (dataset_id,) = switched(stage, 1)
    begun(stage, worker, dataset_id)
    assert stage.rotate(dataset_id, dry_run=True)["counts"] == counts(would=1)


def test_wrong_credentials_are_not_waited_for(stage: Stage, worker: PlayedWorker) -> None:
    """They would be as wrong afterwards."""
    (dataset_id,) = stage.datasets(1)
    begun(stage, worker, dataset_id)
    stage.connect(WRONG)
    assert "the access key id is unknown" in stage.failing(dataset_id)
    assert QUEUE not in stage.gate.operations


def deferred(operator: LightlyRotateCredentialsOperator, event: Any = None, **kwargs: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        operator.execute({}) if event is None else operator.execute_complete({}, event, **kwargs)
    return caught.value


def through_airflow(told: TaskDeferred) -> Any:
    """The deferral's arguments as the task gets them back: through Airflow's own form, and through JSON."""
    stored: Any = serialize(told.kwargs)
    assert deserialize(stored) == told.kwargs
    return json.loads(json.dumps(told.kwargs))


def test_deferred_until_the_first_has_ended(stage: Stage, worker: PlayedWorker) -> None:
    """Each dataset is rotated as soon as its own run has ended, with the connection as it is then."""
    ids = switched(stage, 4)
    first_run, second_run = begun(stage, worker, ids[1]), begun(stage, worker, ids[3])
    told = deferred(stage.operator(dataset_id=ids, deferrable=True))
    assert [stage.key_of(one) == stage.first[0] for one in ids] == [False, True, False, True]

    worker.end(second_run, "FAILED")  # how it has ended does not matter
    event = asyncio.run(fired(told))
    assert (event["status"], event["dataset_id"]) == ("ended", ids[3])
    stage.delete(stage.first)
    third = stage.second_key()
    stage.connect(third)
    stage.gate.operations.clear()
    again = deferred(stage.operator(dataset_id=ids, deferrable=True), event, **through_airflow(told))
    assert stage.key_of(ids[3]) == third[0]
    # The other busy one is not even asked for.
    assert stage.gate.operations == [ALL, QUEUE, LOOK, PUT, PUT, VERIFY]

    worker.end(first_run, "COMPLETED")
    event = asyncio.run(fired(again))
    last = stage.operator(dataset_id=ids, deferrable=True)
    result: Any = last.execute_complete({}, event, **through_airflow(again))
    assert result == {"counts": counts(rotated=8), "rotated": [ids[0], ids[2], ids[3], ids[1]], "dry_run": False}


async def fired(told: TaskDeferred) -> dict[str, Any]:
    async with triggerer() as airflow:
        return await airflow.start(told.trigger)


def test_no_secret_travels(stage: Stage, worker: PlayedWorker) -> None:
    """Neither in the trigger's arguments nor in the deferral's; Airflow stores both."""
    ids = switched(stage, 2)
    second = stage.key_of(ids[1])
    begun(stage, worker, ids[0])
    told = deferred(stage.operator(dataset_id=ids, purpose=None, deferrable=True))
    path, arguments = told.trigger.serialize()
    assert path == "lightly_airflow.triggers.any_run.LightlyAnyRunTrigger"
    stored = json.dumps([arguments, told.kwargs])
    for secret in (*stage.first, second, stage.key_of(ids[1]), stage.api.token):
        assert secret not in stored


def _waited(operator: LightlyRotateCredentialsOperator) -> None:
    """The task from beginning to end, with one wait."""
    if not operator.deferrable:
        operator.execute({})
    told = deferred(operator)
    # Airflow's own comes later, in case that no triggerer runs.
    assert told.timeout is not None
    assert timedelta(minutes=2) < told.timeout < timedelta(minutes=2, seconds=2)
    event = asyncio.run(fired(told))
    assert event["status"] == "timeout"
    operator.execute_complete({}, event, **through_airflow(told))


@pytest.mark.parametrize("deferrable", [False, True])
def test_execution_timeout(stage: Stage, worker: PlayedWorker, deferrable: bool) -> None:
    """The busy ones keep what they have, and the error says so; the others are rotated."""
    ids = switched(stage, 2)
    begun(stage, worker, ids[0])
    stage.gate.operations.clear()
    operator = stage.operator(
        dataset_id=ids, purpose="INPUT", deferrable=deferrable, execution_timeout=timedelta(seconds=1)
    )
    with pytest.raises(LightlyRotationFailed) as caught:
        _waited(operator)
    why = "it had not ended when the task's execution_timeout was over, so the dataset keeps what it has"
    assert f"- {ids[0]} (cameras-0): INPUT refused before: LightlyOne run " in str(caught.value)
    assert f" is under way (STARTED); {why}\n  What LightlyOne has still works" in str(caught.value)
    assert str(caught.value).startswith("1 of 2 ")
    assert stage.verified(ids[0])


def test_airflows_own_timeout_in_a_worker(stage: Stage, worker: PlayedWorker) -> None:
    """Airflow interrupts the task itself; the error is the same."""
    (dataset_id,) = switched(stage, 1)
    begun(stage, worker, dataset_id)
    operator = stage.operator(dataset_id=dataset_id, purpose="INPUT")

    def interrupted(_seconds: float) -> None:
        raise AirflowTaskTimeout("Timeout, PID: 7")

    operator.hook = LightlyHook(sleep=interrupted)
    with pytest.raises(LightlyRotationFailed, match="execution_timeout was over, so the dataset keeps what it has"):
        operator.execute({})


def test_a_run_that_has_ended_at_the_deadline_has_ended(stage: Stage, worker: PlayedWorker) -> None:
    """The event only wakes: LightlyOne itself is asked."""
    (dataset_id,) = switched(stage, 1)
    run_id = begun(stage, worker, dataset_id)
    operator = stage.operator(dataset_id=dataset_id, purpose="INPUT", deferrable=True)
    told = deferred(operator)
    worker.end(run_id, "COMPLETED")
    result: Any = operator.execute_complete({}, {"status": "timeout"}, **through_airflow(told))
    assert result["rotated"] == [dataset_id]


@pytest.mark.parametrize("event", [{"status": "trouble", "message": "GET ...: 500"}, {}, None])
def test_what_the_trigger_could_not_get_over(stage: Stage, worker: PlayedWorker, event: Any) -> None:
    """It is said for those that are busy still."""
    ids = switched(stage, 2)
    run_id = begun(stage, worker, ids[0])
    begun(stage, worker, ids[1])
    operator = stage.operator(dataset_id=ids, purpose="INPUT", deferrable=True)
    told = deferred(operator)
    worker.end(run_id, "COMPLETED")
    with pytest.raises(LightlyRotationFailed) as caught:
        operator.execute_complete({}, event, **through_airflow(told))
    assert str(caught.value).startswith("1 of 2 ")
    assert "is under way (STARTED), and cannot be watched: " in str(caught.value)
    assert ("GET ...: 500" if event else "the trigger fired with {}") in str(caught.value)


def test_the_next_run_is_waited_for_as_well(stage: Stage, worker: PlayedWorker) -> None:
    """A worker that takes the next run from the queue at once has begun it with the old credentials."""
    (dataset_id,) = switched(stage, 1)
    scheduled = stage.run(dataset_id)
    run_id = worker.pick_up(dataset_id, scheduled)
    told = deferred(stage.operator(dataset_id=dataset_id, purpose="INPUT", deferrable=True))
    worker.end(run_id, "COMPLETED")
    worker.close(dataset_id, scheduled)
    begun(stage, worker, dataset_id)
    event = {"status": "ended", "scheduled_run_id": scheduled, "dataset_id": dataset_id}
    kept = through_airflow(told)
    again = deferred(stage.operator(dataset_id=dataset_id, purpose="INPUT", deferrable=True), event, **kept)
    assert through_airflow(again)["waiting"] != kept["waiting"]


def test_one_loop_for_all_that_wait_through_a_connection(stage: Stage, worker: PlayedWorker) -> None:
    """Rotations and runs share it; three rotations with two runs each ask twice a round."""
    ids = switched(stage, 6)
    runs = [begun(stage, worker, one) for one in ids]
    pairs = [ids[:2], ids[2:4], ids[4:]]
    told = [deferred(stage.operator(dataset_id=pair, purpose="INPUT", deferrable=True)) for pair in pairs]
    stage.gate.operations.clear()

    async def wait() -> tuple[int, list[dict[str, Any]]]:
        async with triggerer() as airflow:
            tasks = [airflow.start(one.trigger) for one in told]
            await until(lambda: stage.gate.rounds() > 3)
            loops = airflow.loops
            for run_id in runs[1::2]:
                worker.end(run_id, "COMPLETED")
            return loops, list(await asyncio.gather(*tasks))

    loops, events = asyncio.run(wait())
    assert loops == 1
    assert [event["dataset_id"] for event in events] == ids[1::2]
    assert stage.gate.operations == ["GET /v1/docker/runs"] * stage.gate.rounds()
