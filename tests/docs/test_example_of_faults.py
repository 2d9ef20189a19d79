"""LightlyOne on a bad day: an answer is lost, two more are refused, and the task gets over it."""

from __future__ import annotations

from lightly_airflow.contract.operations import datasets
from lightly_airflow.hooks import LightlyHook
from lightly_airflow.operators import LightlyCreateDatasetOperator
from lightly_airflow.testing import Faults, LightlyEmulator, response_lost, status


def test_a_lost_answer_makes_no_second_dataset(lightly_api: LightlyEmulator, lightly_faults: Faults) -> None:
    """The dataset is made, nobody is told, and the task finds it."""
    lightly_faults.on("POST /v1/datasets", response_lost())
    lightly_faults.on("GET *", status(503), times=2)
    task = LightlyCreateDatasetOperator(task_id="dataset", dataset_name="my images")
    task.hook = LightlyHook(sleep=lambda seconds: None)  # in production it waits some seconds between its tries
    dataset_id = task.execute({})
    (dataset,) = lightly_api.call(datasets.list_datasets())
    assert dataset.id == dataset_id
    assert lightly_faults.count("POST /v1/datasets") == 1
