"""Waits in the triggerer until credentials are about to run out; others never do."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from lightly_airflow.sensors import LightlyCredentialExpirySensor

with DAG("credentials_run_out"):

    @task
    def alert(expiry: Any) -> str:
        return f"{expiry['conn_id']}: {expiry['kind']}"

    for conn_id in ("runs_out", "never_runs_out"):
        due = LightlyCredentialExpirySensor(
            task_id=f"due_{conn_id}", datasource_conn_id=conn_id, min_days_left=14, timeout=120, deferrable=True
        )
        alert.override(task_id=f"alert_{conn_id}")(due.output)
