"""Every operator and sensor is templated throughout and safe under ``expand()``."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

from lightly_airflow import operators, sensors

CLASSES: list[type[BaseOperator]] = [
    getattr(module, name) for module in (operators, sensors) for name in module.__all__
]
REQUIRED: dict[str, dict[str, Any]] = {
    "LightlyCreateDatasetOperator": {"dataset_name": "abc"},
    "LightlySetDatasourceOperator": {
        "dataset_id": "x", "resource_path": "s3://a/", "datasource_conn_id": "c", "purpose": "INPUT",
    },
    "LightlyVerifyDatasourceOperator": {"dataset_id": "x"},
    "LightlyRetentionCheckOperator": {"resource_path": "s3://a/", "datasource_conn_id": "c", "purpose": "INPUT"},
    "LightlyRotateCredentialsOperator": {"dataset_id": "x", "datasource_conn_id": "c", "purpose": "INPUT"},
    "LightlyScheduleRunOperator": {"dataset_id": "x"},
    "LightlyCredentialExpirySensor": {"datasource_conn_id": "c"},
    "LightlyInputExpirationSensor": {"resource_path": "s3://a/", "min_days_to_expiration": 1},
    "LightlyRunSensor": {"dataset_id": "x", "scheduled_run_id": "y"},
}  # fmt: skip
# Not values of LightlyOne: how Airflow itself runs the task.
NOT_TEMPLATED = {"cancel_on_kill", "deferrable", "wait_for_completion", "poke_interval", "preflight"}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_argument_is_templated(cls: type[BaseOperator]) -> None:
    """What an author may write, an author may template."""
    own = {
        name for name in inspect.signature(cls).parameters if name in vars(cls(task_id="t", **REQUIRED[cls.__name__]))
    }
    base = set(inspect.signature(BaseOperator).parameters)
    assert own - base - NOT_TEMPLATED <= set(cls.template_fields)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_template_field_can_be_mapped(cls: type[BaseOperator]) -> None:
    """``partial().expand()`` over each template field in turn."""
    with DAG("mapped"):
        for name in cls.template_fields:
            rest = {key: value for key, value in REQUIRED[cls.__name__].items() if key != name}
            mapped = cls.partial(task_id=f"over_{name}", **rest).expand(**{name: ["a", "b"]})
            assert mapped.is_mapped


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_template_field_takes_a_template(cls: type[BaseOperator]) -> None:
    """Nothing is judged before it is rendered."""
    templates: dict[str, Any] = dict.fromkeys(cls.template_fields, "{{ params.x }}")
    task = cls(task_id="t", **templates)
    assert {name: getattr(task, name) for name in cls.template_fields} == templates


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_argument_is_documented(cls: type[BaseOperator]) -> None:
    """A public docstring names each argument, what comes back and what is raised."""
    text = inspect.getdoc(cls) or ""
    for name in cls.template_fields:
        assert f":param {name}:" in text
    assert ":returns:" in text
    assert ":raises" in text
