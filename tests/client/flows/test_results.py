"""What came of a run: its tag, and what its report counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lightly_airflow.client.flows.results import RunResult, read_file, run_result
from lightly_airflow.contract.errors import LightlyApiError, LightlyConnectionError, LightlyError
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.operations import runs
from lightly_airflow.contract.wire import Request, Response
from tests.client.flows.conftest import Lightly
from tests.client.script import Script, lost, no, ok

ID, OTHER = "0123456789abcdef01234567", "f" * 24
URL = "https://bucket.example/report?sig=s3cr3t"
SIZES = {"nInput": 10, "nCorrupt": 1, "nDuplicate": 2, "nSelected": 5, "nRemoved": 3}
COUNTS = {"input": 10, "corrupt": 1, "duplicates": 2, "selected": 5}


def run(*kinds: str) -> Run:
    artifacts = [{"id": ID, "type": kind, "fileName": "f"} for kind in kinds]
    told = {"id": ID, "userId": "u", "dockerVersion": "2", "state": "COMPLETED", "createdAt": 1, "lastModifiedAt": 1}
    return Run.model_validate(told | {"datasetId": ID, "artifacts": artifacts})


def tags(*dataset_ids: str) -> Response:
    found = [
        {"id": ID, "datasetId": one, "name": f"tag of {one[0]}", "bitMaskData": "0x7", "totSize": 9, "createdAt": 1}
        for one in dataset_ids
    ]
    return ok(found)


def report(sizes: Any) -> Response:
    return ok({"generalInformation": {"datasetInformation": {"datasetSizes": sizes}}})


def test_a_run_has_a_tag_and_counts() -> None:
    """The report is read from its signed URL, which is asked for as it stands."""
    script = Script([tags(ID), ok(URL), report(SIZES)])
    assert script.play(run_result(run("REPORT_PDF", "REPORT_V2_JSON"))) == RunResult("tag of 0", COUNTS)
    assert script.requests[-1] == Request("GET", URL, "GET (signed file)")


def test_the_tag_of_another_dataset_is_not_the_runs() -> None:
    """A run may tag crops in a dataset of their own; the newest tag of its own dataset is the result."""
    assert Script([tags(OTHER, ID)]).play(run_result(run())).tag_name == "tag of 0"
    assert Script([tags(OTHER)]).play(run_result(run())) == RunResult(None, {})


@pytest.mark.parametrize(
    "answers",
    [
        [no(404, "DOCKER_RUN_ARTIFACT_UNAVAILABLE")],
        [ok(URL), no(403)],
        [ok(URL), Response(403, b"<Error>expired</Error>")],
        [ok(URL), *[lost()] * 5],
        [ok(URL), *[Response(200, b"<html>")] * 5],
        [ok(URL), *[Response(200, b"\xff")] * 5],
        [*[Response(200, b"<html>")] * 5],
        [ok(URL), ok([])],
        [ok(URL), ok({"generalInformation": None})],
        [ok(URL), report(None)],
        [ok(URL), report([1])],
        [ok(URL), report({"nInput": "many"})],
        [ok(URL), Response(200, json.dumps({"generalInformation": {}}).encode())],
        [ok(URL), Response(200, report({"nInput": 1}).body.replace(b": 1}", b": 1e999}"))],
    ],
)
def test_a_report_that_cannot_be_read_spoils_nothing(answers: list[Response | LightlyError]) -> None:
    """The run has succeeded; what was selected is told even then."""
    script = Script([tags(ID), *answers])
    assert script.play(run_result(run("REPORT_V2_JSON"))) == RunResult("tag of 0", {"selected": 3})


@pytest.mark.parametrize("spoilt", [[Response(200, b"<html>"), ok(URL)], [ok(URL), Response(200, b'{"general')]])
def test_one_spoilt_answer_costs_no_counts(spoilt: list[Response | LightlyError]) -> None:
    """A page in place of the signed URL, half of a report: asked for again."""
    script = Script([tags(ID), *spoilt, report(SIZES)])
    assert script.play(run_result(run("REPORT_V2_JSON"))).counts == COUNTS


def test_counts_that_are_missing_are_left_out() -> None:
    """A report of another version may count less."""
    script = Script([tags(ID), ok(URL), report({"nInput": 10, "nCorrupt": None})])
    assert script.play(run_result(run("REPORT_V2_JSON"))).counts == {"input": 10, "selected": 3}


def test_a_refused_file_is_an_error_without_its_url() -> None:
    """A signed URL is a secret: the error names none."""
    with pytest.raises(LightlyApiError) as refused:
        Script([no(403)]).play(read_file(URL))
    assert str(refused.value) == "GET (signed file): 403: no"
    with pytest.raises(LightlyConnectionError):
        Script([lost()] * 5).play(read_file(URL))


def test_the_report_of_the_emulator_is_read(lightly: Lightly) -> None:
    """From a real artifact, through its signed URL."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    lightly.lock(dataset_id, scheduled_id)
    run_id = lightly.start(dataset_id, scheduled_id)
    created = lightly.call(runs.create_artifact(run_id, "report_v2.json", "REPORT_V2_JSON", "LIGHTLY"))
    body = report(SIZES).body
    lightly.send(Request("PUT", created.signed_write_url, "PUT", body=body))
    lightly.call(runs.confirm_artifact(run_id, created.artifact_id))
    assert lightly.play(run_result(lightly.call(runs.get_run(run_id)))) == RunResult(None, COUNTS)
