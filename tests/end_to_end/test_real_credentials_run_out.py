"""A sensor that waits in a real triggerer for the moment at which credentials are about to run out."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from azure.storage.blob import generate_account_sas

from tests.azurite_server import new_key
from tests.end_to_end.conftest import Stack
from tests.end_to_end.searched import places

DAG = "credentials_run_out"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_fires_when_it_is_time(stack: Stack) -> None:
    """Deferred once, for seconds instead of the poke interval's hour; what never runs out skips what stands behind it."""
    due, key = datetime.now(UTC) + timedelta(seconds=40), new_key()
    token = generate_account_sas("cameras", key, "co", "rl", due + timedelta(days=14))
    told = {"conn_type": "wasb", "login": "cameras"}
    stack.airflow.add_connection("runs_out", {**told, "extra": json.dumps({"sas_token": token})})
    stack.airflow.add_connection("never_runs_out", {**told, "password": key})
    run_id = stack.airflow.trigger(DAG)
    assert stack.airflow.wait(DAG, run_id, timeout=120)["state"] == "success"
    assert time.time() >= int(due.timestamp())
    assert states(stack, run_id) == {
        "due_runs_out": "success",
        "alert_runs_out": "success",
        "due_never_runs_out": "skipped",
        "alert_never_runs_out": "skipped",
    }
    result = stack.airflow.xcom(DAG, run_id, "due_runs_out")
    assert result["days_left"] == pytest.approx(14, abs=0.001)
    assert stack.airflow.xcom(DAG, run_id, "alert_runs_out") == "runs_out: Azure SAS token"
    # Deferred it was, unless this machine took longer than that to begin.
    assert "Looking again at" in stack.airflow.task_log(DAG, run_id, "due_runs_out")
    signature = token.partition("sig=")[2].partition("&")[0]
    secrets = {signature, unquote(signature), key}
    assert [place for place, text in places(stack.home) if any(secret in text for secret in secrets)] == []


def states(stack: Stack, run_id: str) -> dict[str, str]:
    return {one["task_id"]: one["state"] for one in stack.airflow.task_instances(DAG, run_id)}
