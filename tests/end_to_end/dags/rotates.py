"""A rotation that waits for runs under way, beside a sensor that waits for one of them through the same connection."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from lightly_airflow.operators import LightlyRotateCredentialsOperator
from lightly_airflow.sensors import LightlyRunSensor

with DAG("rotates", params={name: Param("", type="string") for name in ("dataset", "run")}):
    LightlyRotateCredentialsOperator(
        task_id="rotate",
        dataset_name="rotated-*",
        datasource_conn_id="rotated_cameras",
        deferrable=True,
        poll_interval=10,  # a wait that ends sooner may come too soon for Airflow's scheduler
    )
    LightlyRunSensor(
        task_id="watch",
        dataset_id="{{ params.dataset }}",
        scheduled_run_id="{{ params.run }}",
        deferrable=True,
        poke_interval=2,
    )
