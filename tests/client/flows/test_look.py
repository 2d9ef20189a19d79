"""Looking at a scheduled run, and taking it out of the queue."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from lightly_airflow.client.flows.runs import RunView, cancel, look
from lightly_airflow.contract.errors import (
    LightlyApiError,
    LightlyError,
    LightlyNotFound,
    LightlyServerError,
    LightlyUnauthorized,
)
from lightly_airflow.contract.operations import runs, schedules
from lightly_airflow.contract.states import RunState
from lightly_airflow.contract.wire import Response
from tests.client.flows.conftest import Fault, Lightly
from tests.client.script import Script, lost, no, ok

ID, OTHER = "0123456789abcdef01234567", "f" * 24
NOT_STARTED = no(404, "DOCKER_RUN_UNKNOWN")


def queued(state: str) -> Response:
    entry = {
        "id": ID, "datasetId": ID, "configId": ID, "priority": "MID", "runsOn": [], "state": state,
        "createdAt": 1, "lastModifiedAt": 1,
    }  # fmt: skip
    return ok([entry])


def a_run(state: str) -> dict[str, Any]:
    told = {"id": ID, "userId": "u", "dockerVersion": "2", "state": state, "message": "m"}
    return told | {"createdAt": 1, "lastModifiedAt": 1}


def test_a_run_is_seen_at_every_stage(lightly: Lightly) -> None:
    """Waiting, picked up, at work, ended: the run's own state as soon as there is a run."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)

    def seen() -> tuple[Any, ...]:
        view: RunView = lightly.play(look(dataset_id, scheduled_id))
        return view.state, view.message, view.run is not None, view.row.terminal

    assert seen() == ("OPEN", "", False, False)
    worker_id = lightly.lock(dataset_id, scheduled_id)
    assert seen() == ("LOCKED", "", False, False)
    run_id = lightly.start(dataset_id, scheduled_id)
    assert seen() == ("STARTED", "", True, False)
    lightly.call(runs.update_run(run_id, "EMBEDDING", "3 of 9"))
    assert seen() == ("EMBEDDING", "3 of 9", True, False)
    lightly.call(runs.update_run(run_id, "COMPLETED"))
    lightly.close(dataset_id, scheduled_id, worker_id)
    assert seen() == ("COMPLETED", "", True, True)


@pytest.mark.parametrize("state", get_args(RunState))
def test_every_state_of_a_run_is_seen(state: str) -> None:
    """One answer suffices where there is a run."""
    view = Script([ok(a_run(state))]).play(look(ID, ID))
    assert (view.state, view.message, view.known) == (state, "m", True)


def test_a_cancelled_run_is_seen(lightly: Lightly) -> None:
    """Cancelled is not missing."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    lightly.call(schedules.cancel_scheduled_run(dataset_id, scheduled_id))
    assert str(lightly.play(look(dataset_id, scheduled_id))) == "CANCELED (cancelled before a worker picked it up)"


def test_a_run_that_left_nothing_is_seen(lightly: Lightly) -> None:
    """A worker that closes a scheduled run without a run has failed."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    lightly.close(dataset_id, scheduled_id, lightly.lock(dataset_id, scheduled_id))
    view = lightly.play(look(dataset_id, scheduled_id))
    assert (view.state, view.row.outcome) == ("DONE", "failed")


def test_an_unknown_run_is_missing(lightly: Lightly) -> None:
    """A scheduled run that LightlyOne does not know is told as such; a dataset that it does not know is an error."""
    view = lightly.play(look(lightly.dataset(), ID))
    assert (view.state, view.row.outcome, view.known, str(view)) == (
        None,
        "missing",
        True,
        "NOT FOUND (unknown to LightlyOne)",
    )
    with pytest.raises(LightlyNotFound):
        lightly.play(look(OTHER, ID))


@pytest.mark.parametrize("entry", [ok([]), queued("LOCKED"), queued("DONE")], ids=["gone", "locked", "done"])
def test_a_run_that_starts_between_two_answers_is_found(entry: Response) -> None:
    """No run, no waiting entry either: a worker may just have begun, or even ended."""
    script = Script([NOT_STARTED, entry, ok(a_run("COMPLETED"))])
    assert script.play(look(ID, ID)).state == "COMPLETED"


@pytest.mark.parametrize(
    ("status", "kind"), [(401, LightlyUnauthorized), (403, LightlyApiError), (400, LightlyApiError)]
)
def test_only_a_real_404_means_not_started(status: int, kind: type[LightlyError]) -> None:
    """A rejected token must not look like a run that is gone."""
    script = Script([no(status)])
    with pytest.raises(kind):
        script.play(look(ID, ID))
    assert len(script.trace) == 1


def test_a_waiting_run_is_cancelled(lightly: Lightly) -> None:
    """None says that it worked; once more changes nothing."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    assert lightly.play(cancel(dataset_id, scheduled_id)) is None
    assert [entry.state for entry in lightly.queue(dataset_id)] == ["CANCELED"]
    assert lightly.play(cancel(dataset_id, scheduled_id)) is None


def test_a_lost_cancellation_is_repeated(lightly: Lightly) -> None:
    """The refusal of the second one is no failure: the run is cancelled."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    lightly.faults = [Fault(schedules.CANCEL, lost(), arrives=True)]
    assert lightly.play(cancel(dataset_id, scheduled_id)) is None
    assert lightly.count(schedules.CANCEL) == 2


def test_a_run_at_work_cannot_be_cancelled(lightly: Lightly) -> None:
    """LightlyOne cannot stop it: the answer is how it stands instead."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    worker_id = lightly.lock(dataset_id, scheduled_id)
    assert lightly.play(cancel(dataset_id, scheduled_id)).state == "LOCKED"
    run_id = lightly.start(dataset_id, scheduled_id, "TRAINING")
    assert lightly.play(cancel(dataset_id, scheduled_id)).state == "TRAINING"
    lightly.call(runs.update_run(run_id, "COMPLETED"))
    lightly.close(dataset_id, scheduled_id, worker_id)
    assert lightly.play(cancel(dataset_id, scheduled_id)).state == "COMPLETED"


def test_a_run_that_is_gone_cannot_be_cancelled(lightly: Lightly) -> None:
    """Nothing is there to be cancelled, and that is said."""
    assert lightly.play(cancel(lightly.dataset(), ID)).row.outcome == "missing"


@pytest.mark.parametrize(
    ("steps", "kind"),
    [([no(401)], LightlyUnauthorized), ([no(500)] * 5, LightlyServerError), ([lost()] * 5, LightlyError)],
)
def test_a_cancellation_that_was_not_heard_is_told(
    steps: list[Response | LightlyError], kind: type[LightlyError]
) -> None:
    """A rejected token or a server that is down says nothing about the run."""
    script = Script([*steps])
    with pytest.raises(kind):
        script.play(cancel(ID, ID))
    assert script.steps == []
