"""Waits in the triggerer for inputs that last."""

from __future__ import annotations

from airflow.sdk import DAG

from lightly_airflow.sensors import LightlyInputExpirationSensor

with DAG("waits_for_inputs"):
    LightlyInputExpirationSensor(
        task_id="expiration",
        resource_path="s3://cameras/late/",
        datasource_conn_id="cameras_read",
        min_days_to_expiration=1,
        handling_strategy="WAIT",
        poke_interval=10,  # one that ends sooner may come too soon for a busy scheduler
        timeout=120,
        deferrable=True,
    )
