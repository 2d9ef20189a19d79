"""A run under way on a dataset whose credentials have changed: waited for, gone over, or an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout

from lightly_airflow.exceptions import LightlyRotationFailed
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.testing import Faults, status
from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.rotation_stage import ALL, GET, LOOK, PUT, QUEUE, VERIFY, WRONG, Stage, counts


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


def test_the_free_ones_first(stage: Stage, uncounted: PlayedWorker, caplog: pytest.LogCaptureFixture) -> None:
    """The busy one keeps its key as long as its run lasts, and then gets the new one."""
    caplog.set_level("INFO")
    ids = stage.switched(3)
    run_id = stage.begun(uncounted, ids[0])
    seen: list[str] = []

    def end() -> None:
        seen.extend(stage.key_of(one) for one in ids)
        uncounted.end(run_id, "COMPLETED")

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
    (dataset_id,) = stage.switched(1)
    stage.run(dataset_id)
    assert stage.rotate(dataset_id)["counts"] == counts(rotated=1)
    assert stage.gate.operations == [ALL, GET, QUEUE, PUT, VERIFY]


def test_a_run_that_has_ended_is_none(stage: Stage, uncounted: PlayedWorker) -> None:
    """Though its worker has died before it could close it: the scheduled run stays LOCKED for ever."""
    (dataset_id,) = stage.switched(1)
    uncounted.end(stage.begun(uncounted, dataset_id), "CRASHED")
    assert stage.rotate(dataset_id)["counts"] == counts(rotated=1)
    assert stage.gate.operations == [ALL, GET, QUEUE, LOOK, PUT, VERIFY]


def test_nothing_changed_nothing_asked(stage: Stage, uncounted: PlayedWorker) -> None:
    """A run is no concern of a dataset that stays as it is."""
    (dataset_id,) = stage.datasets(1)
    stage.rotate(dataset_id)
    stage.begun(uncounted, dataset_id)
    assert stage.rotate(dataset_id)["counts"] == counts(unchanged=1)
    assert stage.gate.operations == [ALL]


def test_go_on(stage: Stage, uncounted: PlayedWorker) -> None:
    """The author knows that the old key lives long enough, or not any more. It is not even asked."""
    (dataset_id,) = stage.switched(1)
    stage.begun(uncounted, dataset_id)
    assert stage.rotate(dataset_id, on_active_run="go_on")["counts"] == counts(rotated=1)
    assert QUEUE not in stage.gate.operations


@pytest.mark.parametrize("dry_run", [False, True])
def test_fail(stage: Stage, uncounted: PlayedWorker, dry_run: bool) -> None:
    """Refused before anything is sent; the others are rotated. A dry run says the same."""
    ids = stage.switched(2)
    stage.begun(uncounted, ids[0])
    told = stage.failing(ids, on_active_run="fail", dry_run=dry_run)
    assert told.startswith("1 of 2 datasets ")
    assert f"- {ids[0]} (cameras-0): INPUT refused before: LightlyOne run " in told
    assert " is under way (STARTED)" in told
    assert told.endswith("What LightlyOne has still works") != dry_run
    assert stage.key_of(ids[0]) == stage.first[0]
    assert (stage.key_of(ids[1]) == stage.first[0]) == dry_run


def test_a_dry_run_does_not_wait(stage: Stage, uncounted: PlayedWorker) -> None:
    """It would be rotated, later."""
    (dataset_id,) = stage.switched(1)
    stage.begun(uncounted, dataset_id)
    assert stage.rotate(dataset_id, dry_run=True)["counts"] == counts(would=1)


def test_wrong_credentials_are_not_waited_for(stage: Stage, uncounted: PlayedWorker) -> None:
    """They would be as wrong afterwards."""
    (dataset_id,) = stage.datasets(1)
    stage.begun(uncounted, dataset_id)
    stage.connect(WRONG)
    assert "the access key id is unknown" in stage.failing(dataset_id)
    assert QUEUE not in stage.gate.operations


def test_airflows_own_timeout_in_a_worker(stage: Stage, uncounted: PlayedWorker) -> None:
    """Airflow interrupts the task itself; the error is the same."""
    (dataset_id,) = stage.switched(1)
    stage.begun(uncounted, dataset_id)
    operator = stage.operator(dataset_id=dataset_id, purpose="INPUT")

    def interrupted(_seconds: float) -> None:
        raise AirflowTaskTimeout("Timeout, PID: 7")

    operator.hook = LightlyHook(sleep=interrupted)
    with pytest.raises(LightlyRotationFailed, match="execution_timeout was over, so the dataset keeps what it has"):
        operator.execute({})


def test_a_run_that_cannot_be_watched_from_a_worker(
    stage: Stage, uncounted: PlayedWorker, lightly_faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault that passes is waited out; one that does not is said, if LightlyOne has no more to say to the task itself."""
    (dataset_id,) = stage.switched(1)
    stage.begun(uncounted, dataset_id)
    lightly_faults.on(LOOK, status(503), times=5, after=1)
    lightly_faults.on(LOOK, status(403), after=6)
    told = stage.failing(dataset_id)
    assert "LightlyOne cannot be asked at the moment, still waiting: " in caplog.text
    assert "INPUT refused before: LightlyOne run " in told
    assert " is under way (STARTED), and cannot be watched: GET /v1/docker/runs/schedule/{scheduledId}: 403" in told
