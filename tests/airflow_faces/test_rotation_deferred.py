"""A rotation that waits in the triggerer for runs under way: each dataset as soon as its own run has ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.serde import deserialize, serialize

from lightly_airflow.contract.operations import datasets
from lightly_airflow.exceptions import LightlyRotationFailed
from lightly_airflow.operators import LightlyRotateCredentialsOperator
from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.rotation_stage import ALL, LOOK, PUT, QUEUE, VERIFY, Stage, counts
from tests.airflow_faces.triggerer import triggerer, until


def deferred(operator: LightlyRotateCredentialsOperator, event: Any = None, **kwargs: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        operator.execute({}) if event is None else operator.execute_complete({}, event, **kwargs)
    return caught.value


def through_airflow(told: TaskDeferred) -> Any:
    """The deferral's arguments as the task gets them back: through Airflow's own form, and through JSON."""
    stored: Any = serialize(told.kwargs)
    assert deserialize(stored) == told.kwargs
    return json.loads(json.dumps(told.kwargs))


def test_deferred_until_the_first_has_ended(stage: Stage, uncounted: PlayedWorker) -> None:
    """Each dataset is rotated as soon as its own run has ended, with the connection as it is then."""
    ids = stage.switched(4)
    first_run, second_run = stage.begun(uncounted, ids[1]), stage.begun(uncounted, ids[3])
    told = deferred(stage.operator(dataset_id=ids, deferrable=True))
    assert [stage.key_of(one) == stage.first[0] for one in ids] == [False, True, False, True]

    uncounted.end(second_run, "FAILED")  # how it has ended does not matter
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

    uncounted.end(first_run, "COMPLETED")
    event = asyncio.run(fired(again))
    last = stage.operator(dataset_id=ids, deferrable=True)
    result: Any = last.execute_complete({}, event, **through_airflow(again))
    assert result == {"counts": counts(rotated=8), "rotated": [ids[0], ids[2], ids[3], ids[1]], "dry_run": False}


async def fired(told: TaskDeferred, meanwhile: Callable[[], Any] = lambda: None) -> dict[str, Any]:
    """The event of a deferral's trigger; something may happen once it waits."""
    async with triggerer() as airflow:
        task = airflow.start(told.trigger)
        await asyncio.sleep(0)
        meanwhile()
        return await task


def test_where_airflow_drops_what_was_deferred_with(stage: Stage, uncounted: PlayedWorker) -> None:
    """As dag.test() does: the task begins anew, and finds what it has done already."""
    ids = stage.switched(2)
    run_id = stage.begun(uncounted, ids[1])
    operator = stage.operator(dataset_id=ids, purpose="INPUT", deferrable=True)
    event = asyncio.run(fired(deferred(operator), lambda: uncounted.end(run_id, "COMPLETED")))
    result: Any = operator.execute_complete({}, event)
    assert (result["counts"], result["rotated"]) == (counts(rotated=1, unchanged=1), [ids[1]])


def test_no_secret_travels(stage: Stage, uncounted: PlayedWorker) -> None:
    """Neither in the trigger's arguments nor in the deferral's; Airflow stores both."""
    ids = stage.switched(2)
    second = stage.key_of(ids[1])
    stage.begun(uncounted, ids[0])
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
def test_execution_timeout(stage: Stage, uncounted: PlayedWorker, deferrable: bool) -> None:
    """The busy ones keep what they have, and the error says so; the others are rotated."""
    ids = stage.switched(2)
    stage.begun(uncounted, ids[0])
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


def test_a_run_that_has_ended_at_the_deadline_has_ended(stage: Stage, uncounted: PlayedWorker) -> None:
    """The event only wakes: LightlyOne itself is asked."""
    (dataset_id,) = stage.switched(1)
    run_id = stage.begun(uncounted, dataset_id)
    operator = stage.operator(dataset_id=dataset_id, purpose="INPUT", deferrable=True)
    told = deferred(operator)
    uncounted.end(run_id, "COMPLETED")
    result: Any = operator.execute_complete({}, {"status": "timeout"}, **through_airflow(told))
    assert result["rotated"] == [dataset_id]


@pytest.mark.parametrize("event", [{"status": "trouble", "message": "GET ...: 500"}, {}, None])
def test_what_the_trigger_could_not_get_over(stage: Stage, uncounted: PlayedWorker, event: Any) -> None:
    """LightlyOne is asked anew; if that says no more, it is said for those that are busy still."""
    ids = stage.switched(2)
    stage.begun(uncounted, ids[0])
    operator = stage.operator(dataset_id=ids, purpose="INPUT", deferrable=True)
    told = deferred(operator)
    with pytest.raises(LightlyRotationFailed) as caught:
        operator.execute_complete({}, event, **through_airflow(told))
    assert str(caught.value).startswith("1 of 2 ")
    assert "is under way (STARTED), and cannot be watched: " in str(caught.value)
    assert ("GET ...: 500" if event else "the trigger fired with {}") in str(caught.value)


def test_one_that_cannot_be_watched_does_not_end_the_wait_for_others(stage: Stage, uncounted: PlayedWorker) -> None:
    """Here its dataset is deleted meanwhile."""
    ids = stage.switched(2)
    runs = [stage.begun(uncounted, one) for one in ids]
    operator = stage.operator(dataset_id=ids, purpose="INPUT", deferrable=True)
    told = deferred(operator)
    stage.gate.call(datasets.delete_dataset(ids[0]))
    again = deferred(operator, asyncio.run(fired(told)), **through_airflow(told))
    assert [one[0] for one in through_airflow(again)["waiting"]] == ids[1:]
    uncounted.end(runs[1], "COMPLETED")
    with pytest.raises(LightlyRotationFailed) as caught:
        operator.execute_complete({}, asyncio.run(fired(again)), **through_airflow(again))
    assert str(caught.value).startswith("1 of 2 ")
    assert f"- {ids[0]} (cameras-0): INPUT refused before: GET /v1/datasets/{{datasetId}}" in str(caught.value)


def test_the_next_run_is_waited_for_as_well(stage: Stage, uncounted: PlayedWorker) -> None:
    """A worker that takes the next run from the queue at once has begun it with the old credentials."""
    (dataset_id,) = stage.switched(1)
    scheduled = stage.run(dataset_id)
    run_id = uncounted.pick_up(dataset_id, scheduled)
    told = deferred(stage.operator(dataset_id=dataset_id, purpose="INPUT", deferrable=True))
    uncounted.end(run_id, "COMPLETED")
    uncounted.close(dataset_id, scheduled)
    stage.begun(uncounted, dataset_id)
    event = {"status": "ended", "scheduled_run_id": scheduled, "dataset_id": dataset_id}
    kept = through_airflow(told)
    again = deferred(stage.operator(dataset_id=dataset_id, purpose="INPUT", deferrable=True), event, **kept)
    assert through_airflow(again)["waiting"] != kept["waiting"]


def test_one_loop_for_all_that_wait_through_a_connection(stage: Stage, uncounted: PlayedWorker) -> None:
    """Rotations and runs share it; three rotations with two runs each ask twice a round."""
    ids = stage.switched(6)
    runs = [stage.begun(uncounted, one) for one in ids]
    pairs = [ids[:2], ids[2:4], ids[4:]]
    told = [deferred(stage.operator(dataset_id=pair, purpose="INPUT", deferrable=True)) for pair in pairs]
    stage.gate.operations.clear()

    async def wait() -> tuple[int, list[dict[str, Any]]]:
        async with triggerer() as airflow:
            tasks = [airflow.start(one.trigger) for one in told]
            await until(lambda: stage.gate.rounds() > 3)
            loops = airflow.loops
            for run_id in runs[1::2]:
                uncounted.end(run_id, "COMPLETED")
            return loops, list(await asyncio.gather(*tasks))

    loops, events = asyncio.run(wait())
    assert loops == 1
    assert [event["dataset_id"] for event in events] == ids[1::2]
    assert stage.gate.operations == ["GET /v1/docker/runs"] * stage.gate.rounds()
