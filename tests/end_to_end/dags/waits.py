"""Many tasks that wait for a run each, and one that somebody is going to kill."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from lightly_airflow.operators import LightlyScheduleRunOperator

SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}]}
WAIT: dict[str, Any] = {"selection_config": SELECTION, "deferrable": True, "poll_interval": 2, "run_log": "none"}

# Airflow takes a task for failed that is resumed before the process that deferred it has ended.
RETRIED: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(seconds=1)}


@task
def datasets() -> list[str]:
    return list(get_current_context()["params"]["datasets"])


with DAG("many_waits", params={"datasets": Param([], type="array")}, default_args=RETRIED):
    LightlyScheduleRunOperator.partial(task_id="curate", **WAIT).expand(dataset_id=datasets())

with DAG("one_wait", params={"dataset": Param("", type="string")}, default_args=RETRIED):
    LightlyScheduleRunOperator(task_id="curate", dataset_id="{{ params.dataset }}", **WAIT)
