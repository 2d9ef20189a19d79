"""The look ahead before a run is scheduled: what it sees, and what the author makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.samples import SampleCreateRequest
from lightly_airflow.contract.operations import samples, schedules, workers
from lightly_airflow.exceptions import LightlyRunNotReady
from lightly_airflow.operators import LightlyScheduleRunOperator
from lightly_airflow.testing import LightlyEmulator

SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}


def schedule(dataset_id: str, context: dict[str, Any], **arguments: Any) -> Any:
    task = LightlyScheduleRunOperator(
        task_id="curate", dataset_id=dataset_id, selection_config=SELECTION, wait_for_completion=False, **arguments
    )
    return task.execute(context)


@pytest.fixture
def alive(lightly_api: LightlyEmulator) -> None:
    """A worker without labels that has said that it lives."""
    one = lightly_api.call(workers.register_worker("cpu-worker", [])).id
    lightly_api.call(workers.update_worker(one, "IDLE"))


def no_worker(_api: LightlyEmulator, _dataset_id: str) -> dict[str, Any]:
    return {"runs_on": ["gpu"]}


def samples_there(api: LightlyEmulator, dataset_id: str) -> dict[str, Any]:
    api.call(samples.create_sample(dataset_id, SampleCreateRequest(file_name="a.jpg", meta_data={})))
    return {}


def run_waiting(api: LightlyEmulator, dataset_id: str) -> dict[str, Any]:
    schedule(dataset_id, {"ti": PlayedTask()}, precheck="off")
    return {}


class PlayedTask:
    """All that the other run's task is asked for."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Nobody reads it."""


CASES: list[tuple[Callable[[LightlyEmulator, str], dict[str, Any]], str]] = [
    (no_worker, "no worker is alive that could take a run with labels gpu: cpu-worker is IDLE with no labels"),
    (
        samples_there,
        "the dataset is not empty (samples: 1) and worker_config.use_datapool is not set, so the worker will abort",
    ),
    (run_waiting, "runs of the dataset that come first: 1, such as "),
]


@pytest.mark.parametrize(("prepare", "told"), CASES)
def test_what_is_in_the_way_is_a_warning(
    lightly_api: LightlyEmulator,
    alive: None,
    context: dict[str, Any],
    dataset_id: str,
    caplog: pytest.LogCaptureFixture,
    prepare: Callable[[LightlyEmulator, str], dict[str, Any]],
    told: str,
) -> None:
    """The run is scheduled all the same: a worker may come, the other run may end."""
    assert schedule(dataset_id, context, **prepare(lightly_api, dataset_id))["state"] == "OPEN"
    assert f"Before scheduling: {told}" in caplog.text


@pytest.mark.parametrize(("prepare", "told"), CASES)
def test_what_is_in_the_way_fails_the_task(
    lightly_api: LightlyEmulator,
    alive: None,
    context: dict[str, Any],
    dataset_id: str,
    prepare: Callable[[LightlyEmulator, str], dict[str, Any]],
    told: str,
) -> None:
    """If the author says so, nothing is scheduled."""
    arguments = prepare(lightly_api, dataset_id)
    before = lightly_api.call(schedules.scheduled_runs(dataset_id, ["OPEN"]))
    with pytest.raises(LightlyRunNotReady) as caught:
        schedule(dataset_id, context, precheck="fail", **arguments)
    assert str(caught.value).startswith(f"Nothing was scheduled for dataset {dataset_id}: {told}")
    assert lightly_api.call(schedules.scheduled_runs(dataset_id, ["OPEN"])) == before


def test_nothing_in_the_way(
    alive: None, context: dict[str, Any], dataset_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker lives, the dataset is empty: no word."""
    assert schedule(dataset_id, context, precheck="fail")["state"] == "OPEN"
    assert "Before scheduling" not in caplog.text


def test_a_retry_does_not_look_ahead(alive: None, context: dict[str, Any], dataset_id: str) -> None:
    """Its own run would be in its way."""
    first = schedule(dataset_id, context, precheck="fail")
    assert schedule(dataset_id, context, precheck="fail")["scheduled_run_id"] == first["scheduled_run_id"]


def test_unknown_choice() -> None:
    """A literal that is none of the choices."""
    with pytest.raises(LightlyConfigError, match="^precheck: 'maybe' is not one of warn, fail, off$"):
        LightlyScheduleRunOperator(task_id="t", dataset_id="d", precheck="maybe")  # type: ignore[arg-type]
