"""Wherever Airflow keeps connections, a rotation reads them anew: when it begins, and each time that it wakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import configuration
from airflow.sdk.exceptions import TaskDeferred

from tests.airflow_faces.conftest import PlayedWorker
from tests.airflow_faces.rotation_stage import Key, Stage, counts
from tests.airflow_faces.variables import Variables

Connect = Callable[[Key], None]


@pytest.fixture(params=["environment", "backend", "database"])
def connect(
    request: pytest.FixtureRequest,
    stage: Stage,
    variables: Variables,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Connect:
    """Writes the connection NIGHTLY where Airflow looks for it.

    That of the database comes through the task's supervisor, whose answer is played here; a real one is asked in the
    end-to-end tests.
    """
    file = tmp_path / "connections.json"
    if request.param == "backend":
        file.write_text("{}")
        monkeypatch.setattr(configuration, "_secrets_backend_cache", {}, raising=False)  # kept for a process otherwise
        backend = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(file)}))

    def write(key: Key) -> None:
        fields = {"conn_type": "aws", "login": key[0], "password": key[1]}
        if request.param == "environment":
            stage.connect(key, "NIGHTLY")
        elif request.param == "backend":
            file.write_text(json.dumps({"nightly": {**fields, "extra": {"region_name": "us-east-1"}}}))
        else:
            empty = dict.fromkeys(["host", "schema", "port"])
            variables.connections["nightly"] = {**fields, **empty, "extra": '{"region_name": "us-east-1"}'}

    return write


def test_read_anew_each_time(stage: Stage, connect: Connect) -> None:
    """The same task, after somebody has changed the connection."""
    (dataset_id,) = stage.datasets(1)
    operator = stage.operator(dataset_id=dataset_id, datasource_conn_id="nightly")
    connect(stage.first)
    assert operator.execute({})["counts"] == counts(rotated=2)
    assert operator.execute({})["counts"] == counts(unchanged=2)
    second = stage.second_key()
    connect(second)
    assert operator.execute({})["counts"] == counts(rotated=2)
    assert stage.key_of(dataset_id) == second[0]


@pytest.mark.parametrize("deferrable", [False, True])
def test_read_anew_after_a_wait(stage: Stage, uncounted: PlayedWorker, connect: Connect, deferrable: bool) -> None:
    """What is set is what the connection holds when the run has ended, not when the wait began."""
    (dataset_id,) = stage.datasets(1)
    scheduled_run_id = stage.run(dataset_id)
    run_id = uncounted.pick_up(dataset_id, scheduled_run_id)
    connect(stage.first)
    second = stage.second_key()

    def changed(_seconds: float) -> None:
        connect(second)
        uncounted.end(run_id, "COMPLETED")

    operator = stage.operator(dataset_id=dataset_id, datasource_conn_id="nightly", deferrable=deferrable)
    operator.hook._sleep = changed
    try:
        told: Any = operator.execute({})
    except TaskDeferred as deferred:
        changed(0)
        event = {"status": "ended", "scheduled_run_id": scheduled_run_id}
        told = operator.execute_complete({}, event, **(deferred.kwargs or {}))
    assert told["counts"] == counts(rotated=2)
    assert stage.key_of(dataset_id) == second[0]


def test_a_token_that_is_rotated_meanwhile(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lightly connection is read again where LightlyOne rejects its token."""
    ids = stage.datasets(2)
    operator = stage.operator(dataset_id=ids)
    operator.execute({})
    stage.connect(stage.second_key())
    renewed = json.loads(stage.api.connection) | {"password": "the next token"}

    def rotate_token(operation: str) -> None:
        if operation.endswith("/verify"):
            stage.gate.token = "the next token"
            monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", json.dumps(renewed))

    stage.gate.answers = rotate_token
    assert operator.execute({})["counts"] == counts(rotated=4)
