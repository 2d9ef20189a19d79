"""Datasets and workers of the emulator."""

from __future__ import annotations

import pytest

from lightly_airflow.contract.errors import LightlyConflict, LightlyNotFound
from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.contract.models.samples import SampleCreateRequest, SampleMetaData
from lightly_airflow.contract.operations import datasets, runs, samples, schedules, tags, workers

from .conftest import Desk


def test_datasets_are_found_by_name_exactly_and_by_prefix(desk: Desk) -> None:
    """Exact means exact, case included; a prefix finds all that begin so, page by page."""
    for name in ("night-1", "night-2", "night-3", "Night-1", "day-1"):
        desk.api(datasets.create_dataset(name, "Images"))
    assert [one.name for one in desk.api(datasets.datasets_named("night-1"))] == ["night-1"]
    pages = [desk.api(datasets.datasets_starting_with("night", 2, offset)) for offset in (0, 2, 4)]
    assert [[one.name for one in page] for page in pages] == [["night-1", "night-2"], ["night-3"], []]
    assert [one.name for one in desk.api(datasets.list_datasets(2, 3))] == ["Night-1", "day-1"]


def test_a_dataset_counts_what_it_holds(desk: Desk) -> None:
    """Samples, bytes and datasources are told as they stand."""
    dataset_id = desk.dataset()
    for name in ("a.jpg", "b.jpg"):
        body = SampleCreateRequest(file_name=name, meta_data=SampleMetaData(size_in_bytes=7))
        desk.api(samples.create_sample(dataset_id, body))
    dataset = desk.api(datasets.get_dataset(dataset_id))
    assert (dataset.n_samples, dataset.size_in_bytes, len(dataset.datasources)) == (2, 14, 2)


def test_a_dataset_can_be_renamed(desk: Desk) -> None:
    """To its own name as well, but not to one that is taken."""
    dataset_id = desk.dataset("first")
    desk.dataset("second")
    assert desk.send("PUT", f"/v1/datasets/{dataset_id}", {"name": "first"})[0] == 200
    assert desk.send("PUT", f"/v1/datasets/{dataset_id}", {"name": "second"})[0] == 409
    assert desk.send("PUT", f"/v1/datasets/{dataset_id}", {"name": "third"})[0] == 200
    assert desk.api(datasets.get_dataset(dataset_id)).name == "third"


def test_a_deleted_dataset_takes_everything_with_it(desk: Desk) -> None:
    """Its runs, tags and credentials are gone and its name is free; another dataset keeps its own."""
    kept = desk.dataset("kept")
    desk.scheduled(kept)
    dataset_id = desk.dataset()
    scheduled_id = desk.scheduled(dataset_id)
    desk.api(samples.create_sample(dataset_id, SampleCreateRequest(file_name="a.jpg")))
    desk.api(tags.create_initial_tag(dataset_id))
    desk.api(datasets.delete_dataset(dataset_id))
    with pytest.raises(LightlyNotFound, match="DATASET_UNKNOWN"):
        desk.api(datasets.get_dataset(dataset_id))
    with pytest.raises(LightlyNotFound, match="DOCKER_RUN_UNKNOWN"):
        desk.api(runs.run_of_schedule(scheduled_id))
    assert desk.emulator.world.datasource_config(dataset_id, "INPUT") is None
    assert isinstance(desk.emulator.world.datasource_config(kept, "INPUT"), S3Config)
    assert len(desk.api(schedules.scheduled_runs(kept, []))) == 1
    desk.dataset()


def test_samples_keep_their_order(desk: Desk) -> None:
    """Mappings, indexes and partial samples tell the same order, in each mode what it promises."""
    dataset_id = desk.dataset()
    names = ["z.jpg", "a.jpg", "dir/m.jpg"]
    ids = [desk.api(samples.create_sample(dataset_id, SampleCreateRequest(file_name=name))).id for name in names]
    assert desk.api(samples.mappings(dataset_id, "fileName", 100, 0)) == names
    assert desk.api(samples.mappings(dataset_id, "_id", 2, 1)) == ids[1:]
    path = f"/v1/datasets/{dataset_id}/samples/partial"
    assert desk.send("GET", f"{path}?mode=ids")[1] == [{"id": one} for one in ids]
    assert desk.send("GET", f"{path}?mode=fileNames&fileName=a.jpg")[1] == [{"id": ids[1], "fileName": "a.jpg"}]
    assert [one["index"] for one in desk.send("GET", f"{path}?mode=full")[1]] == [0, 1, 2]
    assert desk.send("GET", f"/v1/datasets/{dataset_id}/mappings")[0] == 400
    with pytest.raises(LightlyConflict):
        desk.api(samples.create_sample(dataset_id, SampleCreateRequest(file_name="a.jpg")))


def test_a_worker_keeps_its_id_and_goes_offline_when_silent(desk: Desk) -> None:
    """The same name gives the same id; a minute without heartbeat counts as offline."""
    worker_id = desk.api(workers.register_worker("night-worker", ["gpu"])).id
    assert desk.api(workers.register_worker("night-worker", ["other"])).id == worker_id
    desk.api(workers.update_worker(worker_id, "IDLE"))
    desk.clock.seconds += 59
    assert [(one.state, one.labels) for one in desk.api(workers.list_workers())] == [("IDLE", ["gpu"])]
    desk.clock.seconds += 2
    assert desk.api(workers.list_workers())[0].state == "OFFLINE"
    assert desk.send("DELETE", f"/v1/docker/worker/{worker_id}")[0] == 200
    assert desk.send("GET", f"/v1/docker/worker/{worker_id}")[0] == 404


def test_the_default_worker_is_made_once(desk: Desk) -> None:
    """It is the same on every call, and marked as default."""
    first, second = (desk.send("GET", "/v1/docker/worker/default")[1] for _ in range(2))
    assert first == second
    assert first["isDefault"] is True
    assert desk.send("GET", "/v1/docker/licenseInformation")[1]["licenseIsValid"] is True
