"""What needs no images: the API alone, and a task that is executed by hand."""

from __future__ import annotations

from lightly_airflow.contract.operations import datasets
from lightly_airflow.operators import LightlyCreateDatasetOperator
from lightly_airflow.testing import LightlyEmulator


def test_the_second_night_takes_the_first_nights_dataset(lightly_api: LightlyEmulator) -> None:
    """Two executions, one dataset."""
    task = LightlyCreateDatasetOperator(task_id="dataset", dataset_name="my images")
    assert task.execute({}) == task.execute({})
    assert len(lightly_api.call(datasets.list_datasets())) == 1
