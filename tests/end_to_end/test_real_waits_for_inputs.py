"""A sensor that waits for inputs in a real triggerer, several deferrals long."""

from __future__ import annotations

import time

import pytest

from tests.end_to_end.conftest import Stack

DAG = "waits_for_inputs"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_waits_until_there_are_inputs(stack: Stack) -> None:
    """An empty directory is looked at again and again, without a worker slot in between; its first image ends the wait."""
    run_id = stack.airflow.trigger(DAG)
    # The test's own timeout ends these.
    while [one["state"] for one in stack.airflow.task_instances(DAG, run_id)] != ["deferred"]:
        time.sleep(0.3)
    while stack.airflow.task_log(DAG, run_id, "expiration").count("holds no inputs") < 2:
        time.sleep(0.5)
    stack.s3.put("cameras", "late/a.jpg", b"1")
    assert stack.airflow.wait(DAG, run_id, timeout=120)["state"] == "success"
    result = stack.airflow.xcom(DAG, run_id, "expiration")
    assert (result["inputs"], result["permanent"], result["expiring"]) == (1, 1, 0)
