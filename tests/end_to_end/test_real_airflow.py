"""The nightly DAG in a real Airflow: scheduler, triggerer and API server on SQLite, connections in its database."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from moto.sts.models import sts_backends

from lightly_airflow.contract.models.datasources import AzureConfig
from lightly_airflow.emulator.records import DatasourceRecord
from lightly_airflow.emulator.world import World
from tests.end_to_end.conftest import KEY_IDS, Stack
from tests.end_to_end.searched import found_in
from tests.gcs_server import GcsServer

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


@dataclass(frozen=True)
class Ended:
    """How a task ended, and its log."""

    state: str
    log: str


@pytest.fixture(scope="module")
def ended(stack: Stack) -> dict[str, dict[str, Ended]]:
    """DAG id -> task id -> how it ended: of the DAGs in which tasks have to fail, which run at the same time."""
    dag_ids = ["what_goes_wrong", *(f"secrets_of_{cloud}" for cloud in stack.clouds)]
    with stack.s3.enforced():
        run_ids = {dag_id: stack.airflow.trigger(dag_id) for dag_id in dag_ids}
        for dag_id, run_id in run_ids.items():
            stack.airflow.wait(dag_id, run_id, timeout=200)
    return {dag_id: tasks_of(stack, dag_id, run_id) for dag_id, run_id in run_ids.items()}


def tasks_of(stack: Stack, dag_id: str, run_id: str) -> dict[str, Ended]:
    return {
        one["task_id"]: Ended(one["state"], stack.airflow.task_log(dag_id, run_id, one["task_id"]))
        for one in stack.airflow.task_instances(dag_id, run_id)
    }


@pytest.mark.slow
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
def test_what_goes_wrong_is_said_in_the_task_log(
    ended: dict[str, dict[str, Ended]], task_id: str, message: str
) -> None:
    """Each failure says what it is, where its reader looks first."""
    task = ended["what_goes_wrong"][task_id]
    assert task.state == "failed"
    assert message in task.log


PROVEN = "  list      yes\n  read      yes\n"
CLOUD_TASKS = {
    "google": {
        "google_escaped": ("success", PROVEN),
        "google_newlines": ("success", PROVEN),
        "google_revoked": ("failed", "the service account's key is not valid; was it deleted or rotated?"),
        "google_broken": ("failed", "keyfile_dict is no JSON: it breaks off or goes wrong at line 1, column "),
        "google_damaged": ("failed", "the key file's private_key is damaged; take the file as Google made it"),
        "verify": ("success", "LightlyOne may list, read"),
    },
    "roles": {
        "role": ("success", PROVEN),
        "role_wrong": ("success", "was not tried: STS does not let Airflow assume arn:aws:iam::123456789012:role/"),
        "verify": ("success", "LightlyOne may list, read"),
    },
    "azure": {
        "azure_sas": ("success", PROVEN),
        "azure_raw": ("success", PROVEN),
        "azure_account_key": ("success", "  overwrite yes"),
        "azure_expired": ("failed", "the SAS token does not do: it expired at "),
        "azure_letters": ("failed", "access denied; the SAS token lacks the permission"),
        "azure_wrong_key": ("failed", "is for another container or was signed with a key since rotated"),
        "verify": ("success", "LightlyOne may list, read, write, overwrite"),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("cloud", CLOUD_TASKS)
def test_every_cloud(stack: Stack, ended: dict[str, dict[str, Ended]], cloud: str) -> None:
    """Good credentials are proven and set; each bad one is told by its cause."""
    if cloud not in stack.clouds:
        pytest.skip("Azurite is not installed: install node and npm, and run make test")
    tasks = ended[f"secrets_of_{cloud}"]
    assert {name: task.state for name, task in tasks.items() if name != "dataset"} == {
        name: state for name, (state, _) in CLOUD_TASKS[cloud].items()
    }
    for name, (_, told) in CLOUD_TASKS[cloud].items():
        assert told in tasks[name].log, name


@pytest.mark.slow
def test_secrets_are_found_nowhere(
    stack: Stack, night: str, ended: dict[str, dict[str, Ended]], running_gcs: GcsServer
) -> None:
    """After success and after every failure, at DEBUG: no log file, no output, no row of the database has a secret."""
    secrets = stack.secrets | dict(made_meanwhile(stack, running_gcs))
    found, searched = found_in(stack.home, secrets, KEY_IDS)
    assert found == []
    assert searched > 20


def made_meanwhile(stack: Stack, gcs: GcsServer) -> Iterator[tuple[str, str]]:
    """Secrets that came of those in the connections: Google's tokens, sessions of roles, a SAS token of the account key."""
    sessions = [
        one for by_region in sts_backends.values() for store in by_region.values() for one in store.assumed_roles
    ]
    assert gcs.tokens
    assert sessions
    yield from ((f"token of {owner}", token) for token, owner in gcs.tokens.items())
    for one in sessions:
        yield from {"session's key": one.secret_access_key, "session's token": one.session_token}.items()
    # The emulator has the tokens that were made of account keys.
    signatures = set(re.findall(r"sig=([\w%+/=]+)", "\n".join(tokens_in(stack.home / "lightly.db"))))
    assert bool(signatures) == ("azure" in stack.clouds)
    yield from ((f"signature {number}", unquote(signature)) for number, signature in enumerate(signatures))


def tokens_in(state: Path) -> Iterator[str]:
    """The SAS tokens that datasources have; as a worker reads them."""
    with closing(World(state)) as world:
        for record in world.find(DatasourceRecord):
            if isinstance(record.config, AzureConfig):
                yield record.config.account_key.get_secret_value()
