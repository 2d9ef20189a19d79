"""A rotation that dies, or whose requests are lost: LightlyOne can use what it has then, or the error says that it cannot."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lightly_airflow.contract.wire import Request, Response
from lightly_airflow.exceptions import LightlyRotationFailed
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators import LightlyRotateCredentialsOperator
from lightly_airflow.operators.rotation import proof
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.testing import Fault, Faults, latency, request_lost, response_lost, status
from tests.airflow_faces.rotation_stage import ALL, PUT, VERIFY, WRONG, Stage, counts
from tests.airflow_faces.variables import Variables

TRIES = 5  # how often a request is made whose faults may pass
CANNOT = "LightlyOne cannot use it: no permission to list on INPUT"


class Killed(BaseException):
    """What no code sees coming; the kill itself is played elsewhere."""


class DyingHook(LightlyHook):
    """Dies once so many requests were answered."""

    def __init__(self, answers: int) -> None:
        super().__init__(sleep=lambda _: None)
        self.left = answers

    def run(self, *args: Any, **kwargs: Any) -> Any:
        if not self.left:
            raise Killed
        self.left -= 1
        return super().run(*args, **kwargs)


def dies(operator: LightlyRotateCredentialsOperator, answers: int) -> None:
    operator.hook = DyingHook(answers)
    with pytest.raises(Killed):
        operator.execute({})


def left_wrong(stage: Stage) -> str:
    """A dataset whose rotation has died after it had set a key that does not work."""
    (dataset_id,) = stage.datasets(1)
    stage.rotate(dataset_id, None)
    stage.connect(WRONG)
    dies(stage.operator(dataset_id=dataset_id, preflight=False, previous_conn_id="previous"), answers=4)
    assert stage.key_of(dataset_id) == stage.key_of(dataset_id, "LIGHTLY") == WRONG[0]
    return dataset_id


def test_a_retry_puts_back_what_a_killed_try_has_set(stage: Stage) -> None:
    """Nothing was sent by this try, but "refused before" would be a lie."""
    dataset_id = left_wrong(stage)
    told = stage.failing(dataset_id, purpose=None, previous_conn_id="previous")
    assert f"- {dataset_id} (cameras-0): INPUT and LIGHTLY rolled back: LightlyOne could not use INPUT" in told
    assert "\n  LightlyOne could not use what it had: no permission to list on INPUT s3://cameras/input/" in told
    assert stage.gate.operations[2:] == [VERIFY, ALL, PUT, PUT, VERIFY]
    assert stage.verified(dataset_id)
    # The next try finds it mended, and says so.
    told = stage.failing(dataset_id, purpose=None, previous_conn_id="previous")
    assert "INPUT and LIGHTLY refused before" in told
    assert told.endswith("What LightlyOne has still works")
    stage.connect(stage.first)
    assert stage.rotate(dataset_id, None)["counts"] == counts(rotated=2)


def test_a_retry_without_a_way_back_says_that_it_is_broken(stage: Stage) -> None:
    """With what it is left, as far as that can be known."""
    dataset_id = left_wrong(stage)
    told = stage.failing(dataset_id, purpose=None)
    assert f"- {dataset_id} (cameras-0): INPUT and LIGHTLY broken: LightlyOne could not use INPUT" in told
    assert f"\n  It is left with what it had; {CANNOT}" in told
    assert PUT not in stage.gate.operations


def test_a_retry_whose_question_is_not_answered(stage: Stage, lightly_faults: Faults) -> None:
    """Then it is not known, and the error says that."""
    dataset_id = left_wrong(stage)
    lightly_faults.on(VERIFY, status(503), times=TRIES)
    told = stage.failing(dataset_id, purpose=None, previous_conn_id="previous")
    assert "INPUT and LIGHTLY refused before" in told
    assert (
        "\n  Whether what LightlyOne has still works is not known: GET /v1/datasets/{datasetId}/datasource/verify"
        in told
    )
    assert PUT not in stage.gate.operations


def test_a_dry_run_does_not_ask(stage: Stage) -> None:
    """It looks at the new credentials, not at what LightlyOne has."""
    dataset_id = left_wrong(stage)
    assert "refused before" in stage.failing(dataset_id, purpose=None, dry_run=True)
    assert VERIFY not in stage.gate.operations


@pytest.mark.parametrize("answers", range(6))
def test_a_retry_finishes_what_was_begun(stage: Stage, answers: int) -> None:
    """Good credentials, and a death before each request: whatever was sent is sent again, and all works at the end."""
    (dataset_id,) = stage.datasets(1)
    stage.rotate(dataset_id, None)
    second = stage.second_key()
    stage.connect(second)
    dies(stage.operator(dataset_id=dataset_id), answers)
    assert stage.rotate(dataset_id, None)["counts"] == counts(rotated=2)
    stage.delete(stage.first)
    assert stage.verified(dataset_id)


def new_key(stage: Stage, *, good: bool = True) -> str:
    """A dataset, and a connection with another key."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(stage.second_key() if good else WRONG)
    return dataset_id


def is_lightly(request: Request) -> bool:
    return b'"LIGHTLY"' in (request.body or b"")


def test_a_lost_answer_is_asked_for_again(stage: Stage, lightly_faults: Faults) -> None:
    """Setting twice is setting once."""
    dataset_id = new_key(stage)
    lightly_faults.on(PUT, response_lost())
    assert stage.rotate(dataset_id, None)["counts"] == counts(rotated=2)


def test_all_answers_are_lost(stage: Stage, lightly_faults: Faults) -> None:
    """LightlyOne may have either, and works. Nobody may revoke the old ones, so it does not count as rotated."""
    dataset_id = new_key(stage)
    lightly_faults.on(PUT, response_lost(), times=TRIES)
    told = stage.failing(dataset_id)
    assert (
        f"- {dataset_id} (cameras-0): INPUT refused before: PUT /v1/datasets/{{datasetId}}/datasource: cannot" in told
    )
    assert "\n  It is left with what it had or those of connection 'cameras'; LightlyOne can use it" in told
    assert stage.rotate(dataset_id)["counts"] == counts(rotated=1)


def test_all_answers_are_lost_and_the_key_is_wrong(stage: Stage, lightly_faults: Faults) -> None:
    """The same, but LightlyOne says that it cannot use it."""
    dataset_id = new_key(stage, good=False)
    lightly_faults.on(PUT, response_lost(), times=TRIES)
    told = stage.failing(dataset_id, preflight=False)
    assert f"- {dataset_id}: INPUT broken: " in told
    assert f"\n  It is left with what it had or those of connection 'cameras'; {CANNOT}" in told


def test_all_answers_are_lost_with_a_way_back(stage: Stage, lightly_faults: Faults) -> None:
    """The previous credentials make it certain again."""
    dataset_id = new_key(stage)
    lightly_faults.on(PUT, response_lost(), times=TRIES)
    told = stage.failing(dataset_id, previous_conn_id="previous")
    assert "INPUT rolled back: PUT " in told
    assert stage.key_of(dataset_id) == stage.first[0]
    assert stage.verified(dataset_id)


def test_what_has_timed_out_is_not_overtaken(stage: Stage, lightly_faults: Faults) -> None:
    """It may take effect after the task has given it up, and must not undo what was put back; here a minute is a second."""
    dataset_id = new_key(stage)
    connection = json.loads(lightly_faults.connection) | {"extra": {"timeout": 0.3}}
    stage.monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", json.dumps(connection))
    lightly_faults.on(PUT, latency(0.7), times=TRIES)
    operator = stage.operator(dataset_id=dataset_id, purpose="INPUT", previous_conn_id="previous", preflight=False)
    operator.hook = LightlyHook(sleep=lambda seconds: time.sleep(seconds / 60))
    with pytest.raises(LightlyRotationFailed, match="INPUT rolled back: PUT "):
        operator.execute({})
    time.sleep(0.5)
    assert stage.key_of(dataset_id) == stage.first[0]


def test_lost_first_and_refused_then(stage: Stage, lightly_faults: Faults) -> None:
    """The last answer says that nothing was set; the first request has set it all the same."""
    dataset_id = new_key(stage, good=False)
    lightly_faults.on(PUT, response_lost())
    lightly_faults.on(PUT, status(400))
    told = stage.failing(dataset_id, preflight=False, previous_conn_id="previous")
    assert "INPUT rolled back: " in told
    assert stage.verified(dataset_id)


@pytest.mark.parametrize("fault", [status(400), status(429, retry_after=0), request_lost()], ids=str)
def test_the_second_purpose_cannot_be_set(stage: Stage, lightly_faults: Faults, fault: Fault) -> None:
    """What is set already is put back, and what was not set stays; where the request may have had its effect, both."""
    dataset_id = new_key(stage)
    times = 1 if fault.name == "status 400" else TRIES
    lightly_faults.on(PUT, fault, times=times, when=is_lightly)
    told = stage.failing(dataset_id, purpose=None, previous_conn_id="previous")
    if fault.name == "request lost":
        assert "INPUT and LIGHTLY rolled back: " in told
    else:
        assert "INPUT rolled back, LIGHTLY refused before: " in told
        assert "those of connection 'previous', put back (INPUT), what it had (LIGHTLY); LightlyOne can use it" in told
    assert stage.key_of(dataset_id) == stage.key_of(dataset_id, "LIGHTLY") == stage.first[0]
    assert stage.verified(dataset_id)


def test_the_second_purpose_cannot_be_set_and_there_is_no_way_back(stage: Stage, lightly_faults: Faults) -> None:
    """LightlyOne says whether it gets along with one of each."""
    dataset_id = new_key(stage)
    lightly_faults.on(PUT, status(400), when=is_lightly)
    told = stage.failing(dataset_id, purpose=None)
    assert "INPUT rotated, LIGHTLY refused before: " in told
    assert stage.verified(dataset_id)
    assert stage.rotate(dataset_id, None)["counts"] == counts(unchanged=1, rotated=1)


@pytest.mark.parametrize(
    ("fault", "times", "outcome", "left"),
    [
        (status(400), 1, "broken", f"those of connection 'cameras'; {CANNOT}"),
        (
            request_lost(),
            TRIES,
            "broken",
            f"those of connection 'cameras' or those of connection 'previous', put back; {CANNOT}",
        ),
        (
            response_lost(),
            TRIES,
            "rolled back",
            "those of connection 'cameras' or those of connection 'previous', put back; LightlyOne can use it",
        ),
    ],
    ids=["refused", "request lost", "response lost"],
)
def test_putting_back_fails(
    stage: Stage, lightly_faults: Faults, fault: Fault, times: int, outcome: str, left: str
) -> None:
    """What LightlyOne then says of what it has decides."""
    dataset_id = new_key(stage, good=False)
    lightly_faults.on(PUT, fault, times=times, after=1)
    told = stage.failing(dataset_id, preflight=False, previous_conn_id="previous")
    assert f"- {dataset_id}: INPUT {outcome}: no permission to list on INPUT" in told
    assert "\n  Putting back failed: PUT /v1/datasets/{datasetId}/datasource: " in told
    assert f"\n  It is left with {left}" in told
    assert stage.verified(dataset_id) == (outcome == "rolled back")


def test_one_that_cannot_be_put_back_leaves_no_other(stage: Stage, lightly_faults: Faults) -> None:
    """The other purpose is put back all the same."""
    dataset_id = new_key(stage, good=False)
    lightly_faults.on(PUT, status(400), after=1, when=lambda request: not is_lightly(request))
    told = stage.failing(dataset_id, purpose=None, preflight=False, previous_conn_id="previous")
    assert "INPUT and LIGHTLY broken: " in told
    left = "those of connection 'cameras' (INPUT), those of connection 'previous', put back (LIGHTLY); LightlyOne cannot use"
    assert left in told
    assert stage.key_of(dataset_id, "LIGHTLY") == stage.first[0]


def test_no_verification(stage: Stage, lightly_faults: Faults) -> None:
    """Nothing is proven then; the next dataset there is spared, and a retry finds out."""
    ids = stage.datasets(2)
    stage.connect(stage.second_key())
    lightly_faults.on(VERIFY, status(503), times=TRIES)
    told = stage.failing(ids)
    assert f"- {ids[0]} (cameras-0): INPUT broken: GET /v1/datasets/{{datasetId}}/datasource/verify: 503: " in told
    assert "\n  It is left with those of connection 'cameras'\n" in told
    spared = "INPUT refused before: LightlyOne did not say whether it can use the credentials there for dataset"
    assert f"- {ids[1]} (cameras-1): {spared} {ids[0]}\n  What LightlyOne has still works" in told
    assert stage.rotate(ids)["counts"] == counts(rotated=2)


def test_no_verification_with_a_way_back(stage: Stage, lightly_faults: Faults) -> None:
    """What cannot be proven is put back."""
    dataset_id = new_key(stage)
    lightly_faults.on(VERIFY, status(503), times=TRIES)
    told = stage.failing(dataset_id, previous_conn_id="previous")
    assert "INPUT rolled back: GET /v1/datasets/{datasetId}/datasource/verify: 503: " in told
    assert stage.key_of(dataset_id) == stage.first[0]


def test_no_verification_at_all(stage: Stage, lightly_faults: Faults) -> None:
    """Put back, and still not proven."""
    dataset_id = new_key(stage)
    lightly_faults.on(VERIFY, status(503), times=2 * TRIES)
    told = stage.failing(dataset_id, previous_conn_id="previous")
    assert "INPUT broken: GET " in told
    left = "It is left with those of connection 'previous', put back; whether LightlyOne can use it is not known: GET "
    assert left in told
    assert stage.key_of(dataset_id) == stage.first[0]


def test_lightlyone_is_not_there(stage: Stage, lightly_faults: Faults) -> None:
    """Nothing can be asked, and nothing was sent."""
    dataset_id = new_key(stage)
    lightly_faults.on("*", status(503), times=None)
    told = stage.failing(dataset_id)
    assert f"- {dataset_id}: INPUT refused before: GET /v1/datasets/{{datasetId}}/datasource/all: 503: " in told
    assert told.endswith("\n  Whether what LightlyOne has still works is not known")


def test_airflow_keeps_nothing_while_the_previous_are_put_back(stage: Stage, variables: Variables) -> None:
    """Variables that cannot be read any more, once the new ones are set, do not leave LightlyOne with those."""
    dataset_id = new_key(stage, good=False)

    def gone(operation: str) -> None:
        if operation == PUT:
            variables.send = unanswered  # type: ignore[method-assign, assignment]

    def unanswered(_asked: Any) -> Any:
        raise ConnectionError("Airflow's API server is gone")

    stage.gate.answers = gone
    assert "INPUT rolled back" in stage.failing(dataset_id, preflight=False, previous_conn_id="previous")
    assert stage.verified(dataset_id)


def test_a_storage_that_breaks_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even that stops the other datasets. Played: no server of the tests breaks off in the midst of a listing."""
    ids = stage.datasets(2)

    def breaks_off(*_: Any) -> None:
        raise StorageError("cannot list s3://cameras/input/: the storage failed to answer")

    monkeypatch.setattr(proof, "check_datasource", breaks_off)
    told = stage.failing(ids)
    assert told.count("INPUT refused before: cannot list s3://cameras/input/: the storage failed to answer") == 2


def test_previous_credentials_that_cannot_be_given(stage: Stage) -> None:
    """Found before anything is sent; no way back is no reason to say less of what LightlyOne has."""
    dataset_id = new_key(stage)
    stage.connect(stage.first, "PREVIOUS", aws_session_token="short-lived")
    told = stage.failing(dataset_id, previous_conn_id="previous")
    assert (
        "INPUT refused before: connection 'previous': temporary credentials (aws_session_token) cannot be given" in told
    )
    assert told.endswith("What LightlyOne has still works")
    assert PUT not in stage.gate.operations


def test_where_lightlyone_cannot_be_asked_the_rest_is_not_waited_for(stage: Stage) -> None:
    """After three datasets in a row; hundreds would take hours, and each is named."""
    ids = stage.datasets(5)
    stage.gate.answers = lambda operation: Response(503, b"busy") if operation == ALL else None
    told = stage.failing(ids)
    assert stage.gate.operations == [ALL] * TRIES * 3
    assert f"- {ids[2]}: INPUT refused before: {ALL}: 503" in told
    assert f"- {ids[4]}: INPUT refused before: it was not looked at, as those before it could not be\n" in told
    stage.gate.answers = lambda operation: None
    assert stage.rotate(ids)["counts"] == counts(rotated=5)
