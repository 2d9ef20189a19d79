"""The nightly DAG in a real Airflow: scheduler, triggerer and API server on SQLite, connections in its database."""

from __future__ import annotations

import base64
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.end_to_end.conftest import KEY_IDS, SECRETS, Stack

pytestmark = pytest.mark.timeout(240)
DAG = "nightly_curation"


@pytest.fixture(scope="module")
def night(stack: Stack) -> str:
    """A nightly run that was seen to be deferred and has ended since; its run id."""
    run_id = stack.airflow.trigger(DAG, {"n_samples": 3, "poll_interval": 1})
    states = wait_for_state(stack, run_id, "curate", "deferred")
    assert states["curate"] == "deferred"
    link = stack.airflow.xcom(DAG, run_id, "curate", "lightly_run_link")
    page = requests.get(link, timeout=10)
    assert page.status_code == 200
    assert "OPEN" in page.text
    while "OPEN (waiting for a worker)" not in stack.airflow.task_log(DAG, run_id, "curate"):
        time.sleep(0.3)  # the test's own timeout ends this
    with stack.worker():
        assert stack.airflow.wait(DAG, run_id, timeout=90)["state"] == "success"
    return run_id


def wait_for_state(stack: Stack, run_id: str, task_id: str, state: str, timeout: float = 90) -> dict[str, str]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        states = {one["task_id"]: one["state"] for one in stack.airflow.task_instances(DAG, run_id)}
        if states.get(task_id) in (state, "failed", "success"):
            return states
        time.sleep(0.3)
    raise AssertionError(f"{task_id} is not {state}: {states}")


def test_deferred_in_the_triggerer_and_then_succeeded(stack: Stack, night: str) -> None:
    """The task waits without a worker slot, its link leads to the run meanwhile, and the result is the run's."""
    result = stack.airflow.xcom(DAG, night, "curate")
    assert result["state"] == "COMPLETED"
    assert result["counts"] == {"input": 10, "corrupt": 1, "duplicates": 0, "selected": 3}
    assert stack.airflow.task_log(DAG, night, "curate").count(": COMPLETED: selected 3 of 9 images") == 1
    assert stack.airflow.task_log(DAG, night, "curate").count(": verified the datasources' permissions") == 1
    report = stack.s3.keys("cameras", f"lightly/.lightly/runs/{result['run_id']}/")
    assert report == [f"lightly/.lightly/runs/{result['run_id']}/report.pdf"]


@pytest.fixture(scope="module")
def failures(stack: Stack) -> dict[str, str]:
    """Task id -> log of the tasks that have to fail, once all have."""
    run_id = stack.airflow.trigger("what_goes_wrong")
    with stack.s3.enforced():
        assert stack.airflow.wait("what_goes_wrong", run_id, timeout=150)["state"] == "failed"
    return {
        one["task_id"]: stack.airflow.task_log("what_goes_wrong", run_id, one["task_id"])
        for one in stack.airflow.task_instances("what_goes_wrong", run_id)
        if one["state"] == "failed"
    }


@pytest.mark.parametrize(
    ("task_id", "message"),
    [
        ("wrong_token", "GET /v1/datasets/query/name/{datasetName}: 401 UNAUTHORIZED"),
        ("unreachable", "cannot reach LightlyOne at http://127.0.0.1:9: the proxy did not answer"),
        ("sensor", "401 UNAUTHORIZED"),
        ("temporary", "temporary credentials (aws_session_token) cannot be given to LightlyOne"),
        ("verify", "no permission to read on INPUT_OUTPUT s3://cameras/input/: "),
    ],
)
def test_what_goes_wrong_is_said_in_the_task_log(failures: dict[str, str], task_id: str, message: str) -> None:
    """Each failure says what it is, where its reader looks first."""
    assert message in failures[task_id]


def test_secrets_are_found_nowhere(stack: Stack, night: str, failures: dict[str, str]) -> None:
    """After success and after every failure, at DEBUG: no log file, no output, no row of the database has a secret."""
    assert len(failures) == 5
    searched = 0
    for place, text in places(stack):
        searched += 1
        # Airflow itself keeps a connection's login in clear in its database, and shows it in the form.
        for name, secret in (SECRETS if "airflow.db" in place else SECRETS | KEY_IDS).items():
            for form in forms(secret):
                assert form not in text, f"the {name} is in {place}: {around(text, form)}"
    assert searched > 20


def forms(secret: str) -> set[str]:
    """A secret as it stands, as URLs have it, and in base64."""
    return {secret, quote(secret), quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}


def around(text: str, found: str) -> str:
    at = text.index(found)
    return text[max(0, at - 200) : at + 100]


def places(stack: Stack) -> Iterator[tuple[str, str]]:
    """Everything that Airflow and the emulator have written, but for the emulator's own store of credentials."""
    for path in sorted(stack.home.rglob("*")):
        if path.is_file() and not path.name.startswith("lightly.db") and path.suffix not in (".pyc", ".db"):
            yield str(path), path.read_text(errors="replace")
    yield "the dump of airflow.db", dump(stack.home / "airflow" / "airflow.db")


def dump(database: Path) -> str:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()
