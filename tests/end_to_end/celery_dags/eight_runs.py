"""Eight runs at once: four wait in the triggerer, four in a worker."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from lightly_airflow.operators import LightlyScheduleRunOperator

with DAG("eight_runs", params={"dataset_ids": Param([], type="array")}):
    LightlyScheduleRunOperator.partial(
        task_id="curate",
        dataset_id="{{ params.dataset_ids[ti.map_index] }}",
        selection_config={
            "n_samples": 5,
            "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}],
        },
        poll_interval=1,
        retries=3,
        retry_delay=timedelta(seconds=1),
    ).expand(deferrable=[True] * 4 + [False] * 4)
