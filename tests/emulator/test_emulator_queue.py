"""The queue: who may schedule, take, close and cancel what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from lightly_airflow.contract.errors import LightlyApiError, LightlyConflict, LightlyNotFound
from lightly_airflow.contract.models.datasources import (
    AzureConfig,
    DatasourceConfig,
    GcsConfig,
    LocalConfig,
    ObsConfig,
)
from lightly_airflow.contract.models.worker_config import InputExpiration, RunConfig, WorkerConfig, WorkerDatasource
from lightly_airflow.contract.operations import datasources, runs, schedules, workers

from .conftest import OTHER_TOKEN, Desk, run_config


@pytest.fixture
def worker(desk: Desk) -> str:
    return str(desk.api(workers.register_worker("worker", ["gpu", "night"])).id)


def test_a_run_needs_a_config_and_both_datasources(desk: Desk) -> None:
    """An unknown config is 404, a missing datasource 400 and named."""
    dataset_id = desk.dataset(purposes=("INPUT",))
    with pytest.raises(LightlyNotFound, match="DOCKER_WORKER_CONFIG_UNKNOWN"):
        desk.api(schedules.schedule_run(dataset_id, "0" * 24, "MID", []))
    with pytest.raises(LightlyApiError, match="DATASET_DATASOURCE_INVALID: the dataset has no LIGHTLY"):
        desk.scheduled(dataset_id)


def test_a_contradictory_config_is_refused(desk: Desk) -> None:
    """Input and strategy that do not go together never come into the queue."""
    config = run_config()
    assert config.selection is not None
    config.selection.strategies[0].strategy.type = "BALANCE"
    config_id = desk.api(schedules.create_config(config)).id
    with pytest.raises(LightlyApiError, match="DOCKER_WORKER_CONFIG_INVALID") as caught:
        desk.api(schedules.schedule_run(desk.dataset(), config_id, "MID", []))
    assert caught.value.status == 400


def test_the_relevant_filenames_file_must_exist(desk: Desk, bucket: Any) -> None:
    """Its absence is 422, unless the check is switched off."""
    dataset_id = desk.dataset()
    docker = WorkerConfig(relevant_filenames_file=".lightly/relevant.txt")
    config_id = desk.api(schedules.create_config(RunConfig(docker=docker, selection=run_config().selection))).id
    path, body = f"/v1/datasets/{dataset_id}/docker/worker/schedule", {"configId": config_id, "priority": "MID"}
    status, answer = desk.send("POST", path, body)
    assert (status, answer["code"]) == (422, "DATASET_DATASOURCE_RELEVANT_FILENAMES_INVALID")
    assert desk.send("POST", f"{path}?disableConfigValidation=True", body)[0] == 201
    bucket.put_object(Key="lightly/.lightly/relevant.txt", Body=b"a.jpg\n")
    assert desk.send("POST", path, body)[0] == 201


def test_states_filter_the_list_and_open_and_locked_are_its_default(desk: Desk, worker: str) -> None:
    """Without states the list leaves out what is over."""
    dataset_id = desk.dataset()
    done, locked, cancelled, waiting = (desk.scheduled(dataset_id) for _ in range(4))
    desk.api(schedules.update_scheduled_run(dataset_id, worker, done, "LOCKED"))
    desk.api(schedules.update_scheduled_run(dataset_id, worker, done, "DONE"))
    desk.api(schedules.update_scheduled_run(dataset_id, worker, locked, "LOCKED"))
    desk.api(schedules.cancel_scheduled_run(dataset_id, cancelled))

    def listed(*states: Any) -> list[str]:
        return [one.id for one in desk.api(schedules.scheduled_runs(dataset_id, states))]

    assert listed() == [locked, waiting]
    assert listed("DONE", "CANCELED") == [done, cancelled]
    path = f"/v1/datasets/{dataset_id}/docker/worker/schedule?state=DONE"
    assert [one["id"] for one in desk.send("GET", path)[1]] == [done]
    assert set(desk.send("GET", path)[1][0]) <= {
        "id", "datasetId", "userId", "configId", "priority", "runsOn", "state", "createdAt", "lastModifiedAt", "owner"
    }  # fmt: skip


def test_only_open_runs_can_be_cancelled(desk: Desk, worker: str) -> None:
    """Once it is locked, done or cancelled a run stays what it is."""
    dataset_id = desk.dataset()
    first, second = desk.scheduled(dataset_id), desk.scheduled(dataset_id)
    desk.api(schedules.cancel_scheduled_run(dataset_id, first))
    desk.api(schedules.update_scheduled_run(dataset_id, worker, second, "LOCKED"))
    for scheduled_id in (first, second):
        with pytest.raises(LightlyConflict, match="only OPEN ones can be cancelled"):
            desk.api(schedules.cancel_scheduled_run(dataset_id, scheduled_id))


def test_a_lock_belongs_to_one_worker(desk: Desk, worker: str) -> None:
    """The second locker is refused, and nobody but the first may close the run."""
    dataset_id = desk.dataset()
    scheduled_id = desk.scheduled(dataset_id)
    other = desk.api(workers.register_worker("other", [])).id

    def move(worker_id: str, state: Any) -> None:
        desk.api(schedules.update_scheduled_run(dataset_id, worker_id, scheduled_id, state))

    for worker_id, state, refused in (
        (worker, "DONE", True),
        (worker, "OPEN", True),
        (worker, "LOCKED", False),
        (other, "LOCKED", True),
        (other, "DONE", True),
        (worker, "DONE", False),
        (worker, "DONE", True),
    ):
        if refused:
            with pytest.raises(LightlyConflict, match="DOCKER_WORKER_SCHEDULE_UPDATE_FAILED"):
                move(worker_id, state)
        else:
            move(worker_id, state)


def test_the_most_urgent_and_then_the_oldest_comes_first(desk: Desk, worker: str) -> None:
    """Priority before age."""
    urgencies = ["LOW", "MID", "CRITICAL", "HIGH", "MID"]
    ids = [desk.scheduled(desk.dataset(f"dataset-{i}"), urgency) for i, urgency in enumerate(urgencies)]
    offered = [one.id for one in desk.api(schedules.runs_for_worker(worker))]
    assert offered == [ids[i] for i in (2, 3, 1, 4, 0)]


def test_a_worker_is_offered_what_its_labels_cover(desk: Desk, worker: str) -> None:
    """All of a run's labels have to be the worker's; an unlabelled run suits everybody; other accounts see nothing."""
    labels = [(), ("gpu",), ("night", "gpu"), ("gpu", "big")]
    ids = [desk.scheduled(desk.dataset(f"dataset-{i}"), runs_on=wanted) for i, wanted in enumerate(labels)]
    assert [one.id for one in desk.api(schedules.runs_for_worker(worker))] == ids[:3]
    status, offered = desk.send("GET", "/v1/docker/worker/schedule?state=OPEN&labels=gpu&labels=big&version=V4")
    assert (status, [one["id"] for one in offered]) == (200, [ids[0], ids[1], ids[3]])
    assert desk.send("GET", "/v1/docker/worker/schedule", token=OTHER_TOKEN)[1] == []


def test_runs_of_a_busy_dataset_wait(desk: Desk, worker: str) -> None:
    """While one run of a dataset is locked its others are neither offered nor lockable; the taken one can be found."""
    dataset_id = desk.dataset()
    first, second = desk.scheduled(dataset_id), desk.scheduled(dataset_id)
    desk.api(schedules.update_scheduled_run(dataset_id, worker, first, "LOCKED"))
    assert desk.api(schedules.runs_for_worker(worker)) == []
    assert [one.id for one in desk.api(schedules.runs_for_worker(worker, "LOCKED"))] == [first]
    status, shown = desk.send("GET", "/v1/docker/worker/schedule?includeUnlockableRuns=true")
    assert (status, [one["id"] for one in shown]) == (200, [second])
    with pytest.raises(LightlyConflict, match="another run of the same dataset"):
        desk.api(schedules.update_scheduled_run(dataset_id, worker, second, "LOCKED"))
    desk.api(schedules.update_scheduled_run(dataset_id, worker, first, "DONE"))
    assert [one.id for one in desk.api(schedules.runs_for_worker(worker))] == [second]


@pytest.mark.parametrize(
    "call",
    [
        lambda i: schedules.cancel_scheduled_run(i, "0" * 24),
        lambda i: schedules.get_config("0" * 24),
        lambda i: schedules.runs_for_worker("0" * 24),
        lambda i: runs.run_of_schedule("0" * 24),
    ],
)
def test_what_is_not_there_is_unknown(desk: Desk, call: Callable[[str], Any]) -> None:
    """Each has a code of its own that ends in UNKNOWN."""
    with pytest.raises(LightlyNotFound, match="UNKNOWN"):
        desk.api(call(desk.dataset()))


def test_a_config_comes_back_as_it_was_sent(desk: Desk) -> None:
    """The worker reads what the client wrote."""
    config_id = desk.api(schedules.create_config(run_config())).id
    assert desk.api(schedules.get_config(config_id)).config == run_config()


@pytest.mark.parametrize(
    "source",
    [
        AzureConfig(
            purpose="INPUT", full_path="nightly/input/", account_name="cameras", account_key=SecretStr("sig=x")
        ),
        GcsConfig(
            purpose="INPUT", full_path="gs://cameras/input/", gcs_project_id="cameras", gcs_credentials=SecretStr("{}")
        ),
        ObsConfig(
            purpose="INPUT",
            full_path="obs://cameras/input/",
            obs_endpoint="https://obs.example.com",
            obs_access_key_id=SecretStr("id"),
            obs_secret_access_key=SecretStr("key"),
        ),
        LocalConfig(purpose="INPUT", full_path="cameras/"),
    ],
    ids=lambda source: source.type,
)
def test_input_expiration_is_for_s3_alone(desk: Desk, source: DatasourceConfig) -> None:
    """With an INPUT datasource of another type the run never comes into the queue; without it, it does."""
    dataset_id, expiration = desk.dataset(), InputExpiration(min_days_to_expiration=1, handling_strategy="SKIP")
    docker = WorkerConfig(datasource=WorkerDatasource(input_expiration=expiration))
    config_id = desk.api(schedules.create_config(RunConfig(docker=docker, selection=run_config().selection))).id
    path, body = f"/v1/datasets/{dataset_id}/docker/worker/schedule", {"configId": config_id, "priority": "MID"}
    assert desk.send("POST", path, body)[0] == 201
    desk.api(datasources.put_datasource(dataset_id, source))
    for query in ("", "?disableConfigValidation=True"):
        status, answer = desk.send("POST", path + query, body)
        assert (status, answer["code"]) == (400, "DOCKER_WORKER_CONFIG_NOT_COMPATIBLE_WITH_DATASOURCE")
        assert answer["error"] == (
            "worker_config.datasource.input_expiration is for S3 alone and the INPUT datasource is"
            f" {source.type}; leave it out"
        )
    assert desk.scheduled(dataset_id)
