"""LightlyCreateDatasetOperator."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.operations import datasets
from lightly_airflow.exceptions import LightlyInputError
from lightly_airflow.operators import LightlyCreateDatasetOperator
from lightly_airflow.testing import LightlyEmulator

RULE = "use at least 3 characters, only letters, digits, blanks, '_' and '-', and begin with a letter or digit"


def create(context: dict[str, Any], **arguments: Any) -> str:
    return LightlyCreateDatasetOperator(task_id="dataset", **arguments).execute(context)


def test_second_night_takes_the_first_nights_dataset(lightly_api: LightlyEmulator, context: dict[str, Any]) -> None:
    """By default the same name is the same dataset."""
    first = create(context, dataset_name="city cameras")
    assert create(context, dataset_name="city cameras") == first
    assert lightly_api.call(datasets.get_dataset(first)).type == "Images"


def test_videos(lightly_api: LightlyEmulator, context: dict[str, Any]) -> None:
    """The type arrives."""
    dataset_id = create(context, dataset_name="films", dataset_type="Videos")
    assert lightly_api.call(datasets.get_dataset(dataset_id)).type == "Videos"


def test_a_longer_name_is_another_dataset(lightly_api: LightlyEmulator, context: dict[str, Any]) -> None:
    """Only the exact name counts: the API's other search is by prefix."""
    longer = create(context, dataset_name="cameras-2")
    assert create(context, dataset_name="cameras") != longer


def test_fail_if_it_exists(lightly_api: LightlyEmulator, context: dict[str, Any]) -> None:
    """``fail`` says which name is taken and what else could be done, and is not retried."""
    create(context, dataset_name="abc")
    with pytest.raises(LightlyInputError) as caught:
        create(context, dataset_name="abc", if_exists="fail")
    assert str(caught.value) == (
        "dataset 'abc' exists already; choose another name, or if_exists='return', 'skip' or 'unique'"
    )
    assert isinstance(caught.value, AirflowFailException)


def test_skip_if_it_exists(lightly_api: LightlyEmulator, context: dict[str, Any]) -> None:
    """``skip`` skips the task, but only if the dataset was there."""
    dataset_id = create(context, dataset_name="abc", if_exists="skip")
    with pytest.raises(AirflowSkipException, match=f"dataset 'abc' exists already: {dataset_id}"):
        create(context, dataset_name="abc", if_exists="skip")


def test_unique_names(lightly_api: LightlyEmulator, context: dict[str, Any]) -> None:
    """``unique`` appends the next free number."""
    for _ in range(3):
        create(context, dataset_name="abc", if_exists="unique")
    assert sorted(one.name for one in lightly_api.call(datasets.list_datasets(10))) == ["abc", "abc_1", "abc_2"]


def test_another_type_is_an_error(lightly_api: LightlyEmulator, context: dict[str, Any]) -> None:
    """An existing dataset of another type is never returned."""
    create(context, dataset_name="abc", dataset_type="Videos")
    with pytest.raises(LightlyInputError) as caught:
        create(context, dataset_name="abc", dataset_type="Images")
    assert str(caught.value) == ("dataset 'abc' exists with type Videos, not Images; choose another name or that type")


@pytest.mark.parametrize("name", ["ab", "a.b.c", "-abc", "city/cameras", "", "abc\n", "straße"])
def test_illegal_name_is_found_when_the_dag_is_parsed(name: str) -> None:
    """A literal name is checked before anything runs."""
    with pytest.raises(LightlyConfigError) as caught:
        LightlyCreateDatasetOperator(task_id="dataset", dataset_name=name)
    assert str(caught.value) == f"{name!r} is no dataset name: {RULE}"


def test_illegal_rendered_name_is_found_before_the_first_request(context: dict[str, Any]) -> None:
    """A templated name is checked once it is rendered; there is no connection here that could be asked."""
    operator = LightlyCreateDatasetOperator(task_id="dataset", dataset_name="{{ params.name }}")
    operator.dataset_name = "a/b"
    with pytest.raises(LightlyInputError, match="'a/b' is no dataset name"):
        operator.execute(context)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset_type": "images"}, "dataset_type: 'images' is not one of Images, Videos"),
        ({"if_exists": "replace"}, "if_exists: 'replace' is not one of return, fail, skip, unique"),
    ],
)
def test_wrong_choice(arguments: dict[str, Any], message: str) -> None:
    """A literal that is none of the choices is found when the DAG is parsed."""
    with pytest.raises(LightlyConfigError) as caught:
        LightlyCreateDatasetOperator(task_id="dataset", dataset_name="abc", **arguments)
    assert str(caught.value) == message
