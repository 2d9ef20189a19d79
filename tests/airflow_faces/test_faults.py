"""LightlyScheduleRunOperator where requests are lost, spoilt and delayed: one run, and the right answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import TriggerEvent

from lightly_airflow.contract.errors import LightlyError, LightlyServerError, LightlyUnauthorized
from lightly_airflow.exceptions import LightlyRunCancelled, LightlyRunError, LightlyRunNotFound
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.sensors import LightlyRunSensor
from lightly_airflow.testing import (
    Fault,
    Faults,
    LightlyEmulator,
    emulator,
    every_kind,
    html,
    latency,
    request_lost,
    status,
)
from lightly_airflow.triggers.run import LightlyRunTrigger
from tests.airflow_faces.conftest import PlayedWorker, ready_dataset
from tests.airflow_faces.run_life import (
    CONFIG,
    FILE,
    LIFE,
    LOGS,
    QUEUE,
    READ_URL,
    RUNS,
    SCHEDULE,
    TAGS,
    briefly,
    check,
    task,
    working,
)


@pytest.fixture(scope="module")
def lightly_api() -> Iterator[LightlyEmulator]:
    """One for all tests of this file: two hundred of them would need most of a minute to start and stop."""
    with emulator() as running:
        yield running


@pytest.fixture
def dataset_id(lightly_api: LightlyEmulator) -> str:
    return ready_dataset(lightly_api, f"cameras {uuid4()}")


def tried(dataset_id: str, context: dict[str, Any], tries: int) -> tuple[Any, list[str]]:
    """The task's result after at most so many tries, which share what Airflow keeps for them, and their errors."""
    errors: list[str] = []
    while True:
        try:
            return task(dataset_id).execute(context), errors
        except (LightlyError, AirflowException) as error:
            errors.append(f"{type(error).__name__}: {error}")
            if len(errors) == tries:
                raise


@pytest.mark.slow
@pytest.mark.parametrize("fault", every_kind(), ids=str)
@pytest.mark.parametrize(("operation", "after"), LIFE)
def test_one_fault_is_not_noticed(
    lightly_api: LightlyEmulator,
    lightly_faults: Faults,
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    operation: str,
    after: int,
    fault: Fault,
) -> None:
    """Whatever happens to one request, the task succeeds at its first try, with all that there is to tell."""
    lightly_faults.on(operation, fault, after=after)
    with working(lightly_faults, worker, dataset_id):
        result, errors = tried(dataset_id, context, tries=1)
    check(lightly_api, dataset_id, result)
    assert errors == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", every_kind(), ids=str)
@pytest.mark.parametrize("operation", [QUEUE, RUNS])
def test_one_fault_after_a_lost_request(
    lightly_api: LightlyEmulator,
    lightly_faults: Faults,
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    operation: str,
    fault: Fault,
) -> None:
    """The lists that tell whether a run was scheduled may be troubled as well."""
    lightly_faults.on(SCHEDULE, request_lost())
    lightly_faults.on(operation, fault)
    with working(lightly_faults, worker, dataset_id):
        result, errors = tried(dataset_id, context, tries=1)
    check(lightly_api, dataset_id, result)
    assert (errors, lightly_faults.count(SCHEDULE)) == ([], 2)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [request_lost(), status(503), html()], ids=str)
@pytest.mark.parametrize(("operation", "after"), [one for one in LIFE if one[0] not in (LOGS, READ_URL, FILE)])
def test_faults_that_last_make_no_second_run(
    lightly_api: LightlyEmulator,
    lightly_faults: Faults,
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    operation: str,
    after: int,
    fault: Fault,
) -> None:
    """Faults of a waiting run are waited out; others fail the try, and the next one finds what there is."""
    lightly_faults.on(operation, fault, times=6, after=after)
    with working(lightly_faults, worker, dataset_id):
        result, errors = tried(dataset_id, context, tries=2)
    check(lightly_api, dataset_id, result)
    assert len(errors) == (operation in (CONFIG, SCHEDULE, TAGS))


def test_a_request_that_takes_effect_after_it_timed_out(
    lightly_api: LightlyEmulator,
    lightly_faults: Faults,
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow LightlyOne is waited for before the run is scheduled again; here a minute is two seconds."""
    connection = json.loads(lightly_faults.connection) | {"extra": {"timeout": 0.3}}
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", json.dumps(connection))
    lightly_faults.on(SCHEDULE, latency(0.6))
    patient = task(dataset_id)
    patient.hook = LightlyHook(sleep=lambda seconds: time.sleep(seconds / 30))
    with working(lightly_faults, worker, dataset_id):
        result = patient.execute(context)
    check(lightly_api, dataset_id, result)
    assert lightly_faults.count(SCHEDULE) == 1


@pytest.fixture
def completed(
    lightly_api: LightlyEmulator,
    lightly_faults: Faults,
    context: dict[str, Any],
    dataset_id: str,
    worker: PlayedWorker,
) -> dict[str, Any]:
    """A run that a try has scheduled and that has completed since."""
    result = task(dataset_id, wait_for_completion=False).execute(context)
    worker.complete(dataset_id, worker.pick_up(dataset_id, result["scheduled_run_id"]))
    return dict(result)


def by_operator(run: dict[str, Any], context: dict[str, Any]) -> Any:
    return task(run["dataset_id"]).execute(context)


def by_resumption(run: dict[str, Any], context: dict[str, Any]) -> Any:
    """The task is woken by its trigger, which has asked before."""
    trigger = LightlyRunTrigger(
        lightly_conn_id="lightly_default",
        dataset_id=run["dataset_id"],
        scheduled_run_id=run["scheduled_run_id"],
        poll_interval=0.01,
        patience=0.0,
    )

    async def first() -> TriggerEvent:
        return await anext(aiter(trigger.run()))

    event = asyncio.run(first())
    return task(run["dataset_id"], deferrable=True).execute_complete(context, event.payload)


def by_sensor(run: dict[str, Any], context: dict[str, Any]) -> Any:
    made = LightlyRunSensor(
        task_id="watch", dataset_id=run["dataset_id"], scheduled_run_id=run["scheduled_run_id"], poke_interval=0.01
    )
    made.hook = LightlyHook(sleep=briefly)
    return made.execute(context)


WAYS = pytest.mark.parametrize("ask", [by_operator, by_resumption, by_sensor])


@WAYS
def test_a_revoked_token_is_called_that(
    lightly_faults: Faults, context: dict[str, Any], completed: dict[str, Any], ask: Callable[..., Any]
) -> None:
    """The official client takes a 401 for "cancelled or not existing"; here the message says where the token stands."""
    revoked = lightly_faults.on("GET *", status(401), times=None)
    with pytest.raises((LightlyUnauthorized, LightlyRunError)) as caught:
        ask(completed, context)
    assert not isinstance(caught.value, (LightlyRunCancelled, LightlyRunNotFound))
    assert "401" in str(caught.value)
    assert "put a valid API token into the lightly connection's password field" in str(caught.value)
    revoked.times = revoked.fired  # the token is mended
    assert ask(completed, context)["state"] == "COMPLETED"


@WAYS
def test_an_outage_after_the_end_is_called_that(
    lightly_faults: Faults,
    context: dict[str, Any],
    completed: dict[str, Any],
    ask: Callable[..., Any],
) -> None:
    """The official client takes a 503 for "cancelled or not existing"; here the run's success is told once it can be."""
    outage = lightly_faults.on("GET *", status(503, retry_after=0), times=None)
    with pytest.raises((LightlyServerError, LightlyRunError)) as caught:
        ask(completed, context)
    assert not isinstance(caught.value, (LightlyRunCancelled, LightlyRunNotFound))
    assert "503" in str(caught.value)
    outage.times = outage.fired
    assert ask(completed, context)["state"] == "COMPLETED"
