"""Datasources are set from a connection and follow it, or do not: the last three tasks fail, each another way."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param

from lightly_airflow.operators import LightlyRotateCredentialsOperator, LightlySetDatasourceOperator

IN_VAIN = ("refused", "rolled_back", "broken")
DATASET: dict[str, Any] = {"dataset_id": "{{ params.dataset }}", "datasource_conn_id": "{{ params.connection }}"}


def texts(*names: str) -> dict[str, Param]:
    """Parameters; each is an object of its own, because Airflow writes values into them."""
    return {name: Param("", type="string") for name in names}


with DAG("sets_keys", params=texts("dataset", "connection")):
    for purpose in ("INPUT", "LIGHTLY"):
        LightlySetDatasourceOperator(
            task_id=purpose.lower(), purpose=purpose, resource_path=f"s3://cameras/{purpose.lower()}/", **DATASET
        )

with DAG("rotates_keys", params=texts("dataset", "connection")):
    LightlyRotateCredentialsOperator(task_id="rotate", deferrable=True, poll_interval=10, **DATASET)

# Of wrong credentials; each task has a dataset of its own.
with DAG("rotates_in_vain", params=texts(*IN_VAIN)):
    for name in IN_VAIN:
        LightlyRotateCredentialsOperator(
            task_id=name,
            dataset_id=f"{{{{ params.{name} }}}}",
            datasource_conn_id="keys_wrong",
            previous_conn_id="keys_before" if name == "rolled_back" else None,
            preflight=name == "refused",
        )
