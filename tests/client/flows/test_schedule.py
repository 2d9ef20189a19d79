"""Scheduling a run: exactly once, whatever is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.client.flows.runs import create_config, ensure_scheduled
from lightly_airflow.contract.errors import (
    LightlyApiError,
    LightlyConflict,
    LightlyError,
    LightlyNotFound,
    LightlyServerError,
    LightlyUnauthorized,
)
from lightly_airflow.contract.operations import runs, schedules
from lightly_airflow.contract.wire import Response
from tests.client.flows.conftest import CONFIG, Fault, Lightly
from tests.client.script import Script, lost, no, ok

ID, OTHER = "0123456789abcdef01234567", "f" * 24
POST, QUEUE, STARTED = schedules.SCHEDULE.operation, schedules.LIST_OF_DATASET.operation, runs.LIST_OF_DATASET.operation
MADE = ok({"id": ID}, 201)


def queued(config_id: str = ID) -> Response:
    entry = {
        "id": ID, "datasetId": ID, "configId": config_id, "priority": "MID", "runsOn": [], "state": "OPEN",
        "createdAt": 1, "lastModifiedAt": 1,
    }  # fmt: skip
    return ok([entry])


def a_run(config_id: str) -> dict[str, Any]:
    told = {"id": ID, "userId": "u", "dockerVersion": "2", "state": "TRAINING", "createdAt": 1, "lastModifiedAt": 1}
    return told | {"configId": config_id, "scheduledId": ID}


def scheduled(*, fresh: bool) -> Any:
    return ensure_scheduled(ID, ID, "MID", (), fresh=fresh)


def test_a_config_is_created(lightly: Lightly) -> None:
    """What was sent is what LightlyOne keeps."""
    config_id = lightly.play(create_config(CONFIG))
    assert lightly.call(schedules.get_config(config_id)).config == CONFIG


def test_a_lost_config_is_simply_made_again(lightly: Lightly) -> None:
    """An unused config costs nothing."""
    lightly.faults = [Fault(schedules.CREATE_CONFIG, lost(), arrives=True)]
    lightly.call(schedules.get_config(lightly.play(create_config(CONFIG))))
    assert lightly.count(schedules.CREATE_CONFIG) == 2


@pytest.mark.parametrize(
    ("steps", "kind", "waits"), [([no(500)] * 4, LightlyServerError, [1.0, 2.0, 4.0]), ([no(400)], LightlyApiError, [])]
)
def test_a_config_that_cannot_be_made_is_told(
    steps: list[Response | LightlyError], kind: type[LightlyError], waits: list[float]
) -> None:
    """A fault after four tries, a refusal at once."""
    script = Script([*steps])
    with pytest.raises(kind):
        script.play(create_config(CONFIG))
    assert [one for one in script.trace if isinstance(one, float)] == waits


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("error", [lost(), lost("timeout"), LightlyServerError("POST", 502)], ids=str)
def test_a_lost_answer_leaves_one_scheduled_run(lightly: Lightly, error: LightlyError, arrives: bool) -> None:
    """Whether the request or its answer was lost: the config's id finds the run, and there is exactly one."""
    dataset_id, config_id = lightly.dataset(), lightly.call(schedules.create_config(CONFIG)).id
    lightly.faults = [Fault(schedules.SCHEDULE, error, arrives)]
    scheduled_id = lightly.play(ensure_scheduled(dataset_id, config_id, "HIGH", ("gpu",), fresh=True))
    (entry,) = lightly.queue(dataset_id)
    assert (entry.id, entry.config_id, entry.priority, entry.runs_on) == (scheduled_id, config_id, "HIGH", ["gpu"])
    assert lightly.count(schedules.SCHEDULE) == (1 if arrives else 2)


@pytest.mark.parametrize("state", ["OPEN", "LOCKED", "DONE", "CANCELED"])
def test_a_retry_finds_the_run_that_is_there(lightly: Lightly, state: str) -> None:
    """Another try of the task schedules nothing, however far the run has come."""
    dataset_id, config_id = lightly.dataset(), lightly.call(schedules.create_config(CONFIG)).id
    first = lightly.play(ensure_scheduled(dataset_id, config_id, "MID", (), fresh=True))
    if state == "CANCELED":
        lightly.call(schedules.cancel_scheduled_run(dataset_id, first))
    elif state != "OPEN":
        worker_id = lightly.lock(dataset_id, first)
        if state == "DONE":
            lightly.close(dataset_id, first, worker_id)
    again = lightly.play(ensure_scheduled(dataset_id, config_id, "MID", (), fresh=False))
    assert [entry.id for entry in lightly.queue(dataset_id)] == [first] == [again]


def test_each_config_has_a_run_of_its_own(lightly: Lightly) -> None:
    """Two tasks on one dataset do not take each other's run."""
    dataset_id = lightly.dataset()
    config_ids = [lightly.play(create_config(CONFIG)) for _ in range(2)]
    ids = {lightly.play(ensure_scheduled(dataset_id, one, "MID", (), fresh=False)) for one in config_ids}
    assert ids == {entry.id for entry in lightly.queue(dataset_id)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("fresh", "steps", "trace"),
    [
        (True, [MADE], [POST]),
        (False, [queued()], [QUEUE]),
        (False, [queued(OTHER), ok([]), MADE], [QUEUE, STARTED, POST]),
        (False, [ok([]), ok([a_run(ID)])], [QUEUE, STARTED]),
        (True, [lost(), queued()], [POST, 1.0, QUEUE]),
        (True, [lost(), ok([]), ok([]), MADE], [POST, 1.0, QUEUE, STARTED, POST]),
        (True, [lost("timeout"), queued()], [POST, 1.0, QUEUE]),
        (True, [no(504), *[ok([])] * 4, queued()], [POST, 1.0, QUEUE, STARTED, 2.0, QUEUE, STARTED, 4.0, QUEUE]),
        (True, [no(429), MADE], [POST, 10.0, POST]),
        (True, [lost("dns"), MADE], [POST, 1.0, POST]),
        (True, [ok({"id": ID}, 200), queued()], [POST, 1.0, QUEUE]),
    ],
)
def test_a_run_is_looked_for_before_it_is_scheduled_again(
    fresh: bool, steps: list[Response | LightlyError], trace: list[str | float]
) -> None:
    """The requests in their order, for each way that the first may have gone."""
    script = Script([*steps])
    assert script.play(scheduled(fresh=fresh)) == ID
    assert script.trace == trace


def test_a_request_that_timed_out_is_given_a_minute() -> None:
    """LightlyOne may be at work on it still, and scheduling again at once would make two runs."""
    script = Script([lost("timeout"), *[ok([])] * 12, MADE])
    assert script.play(scheduled(fresh=True)) == ID
    assert [one for one in script.trace if isinstance(one, float)] == [1, 2, 4, 8, 16, 32]


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([no(422)], LightlyApiError),
        ([no(404, "DATASET_UNKNOWN")], LightlyNotFound),
        ([lost(), no(401)], LightlyUnauthorized),
        ([no(500), *[ok([]), ok([]), no(500)] * 3], LightlyServerError),
    ],
)
def test_a_run_that_cannot_be_scheduled_is_told(steps: list[Response | LightlyError], kind: type[LightlyError]) -> None:
    """A refusal is final, also one that is met while looking; a fault is told after four tries."""
    script = Script([*steps])
    with pytest.raises(kind):
        script.play(scheduled(fresh=True))
    assert script.steps == []


def test_a_refused_schedule_is_not_looked_for() -> None:
    """A conflict is LightlyOne's last word on this request."""
    script = Script([no(409)])
    with pytest.raises(LightlyConflict):
        script.play(scheduled(fresh=True))
    assert script.trace == [POST]
