"""Runs, their logs and their files."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from lightly_airflow.contract.errors import LightlyApiError, LightlyConflict, LightlyNotFound
from lightly_airflow.contract.models.runs import LogCreateEntry, RunCreateRequest
from lightly_airflow.contract.operations import runs, schedules, workers
from lightly_airflow.contract.wire import Call, Request, Response
from lightly_airflow.emulator.serve import serve
from lightly_airflow.emulator.signed_urls import LIFETIME_SECONDS

from .conftest import TOKEN, Desk


@pytest.fixture
def started(desk: Desk) -> tuple[str, str, str]:
    """A dataset, its scheduled run and the run that a worker began."""
    return start(desk, desk.dataset())


def start(desk: Desk, dataset_id: str) -> tuple[str, str, str]:
    scheduled_id = desk.scheduled(dataset_id)
    worker_id = desk.api(workers.register_worker("worker", [])).id
    desk.api(schedules.update_scheduled_run(dataset_id, worker_id, scheduled_id, "LOCKED"))
    request = RunCreateRequest(docker_version="2.11.3", dataset_id=dataset_id, scheduled_id=scheduled_id)
    return dataset_id, scheduled_id, desk.api(runs.create_run(request)).id


def test_a_run_is_unknown_until_a_worker_starts_it(desk: Desk) -> None:
    """The scheduled run's id finds it only then."""
    dataset_id = desk.dataset()
    scheduled_id = desk.scheduled(dataset_id)
    with pytest.raises(LightlyNotFound, match="DOCKER_RUN_UNKNOWN"):
        desk.api(runs.run_of_schedule(scheduled_id))
    request = RunCreateRequest(docker_version="2.11.3", dataset_id=dataset_id, scheduled_id=scheduled_id)
    with pytest.raises(LightlyConflict, match="lock it"):
        desk.api(runs.create_run(request))


def test_a_scheduled_run_is_run_once(desk: Desk, started: tuple[str, str, str]) -> None:
    """Its run is found by it, by itself and in the dataset; a second one is refused."""
    dataset_id, scheduled_id, run_id = started
    found = [desk.api(runs.run_of_schedule(scheduled_id)), desk.api(runs.get_run(run_id))]
    found += desk.api(runs.runs_of_dataset(dataset_id))
    assert [(one.id, one.state) for one in found] == [(run_id, "STARTED")] * 3
    with pytest.raises(LightlyConflict, match="has a run already"):
        desk.api(runs.create_run(RunCreateRequest(docker_version="2.11.3", scheduled_id=scheduled_id)))
    assert desk.send("GET", "/v1/docker/runs/count") == (200, 1)
    assert [one["id"] for one in desk.send("GET", "/v1/docker/runs?pageSize=1")[1]] == [run_id]


@pytest.mark.parametrize("final", ["COMPLETED", "FAILED", "CRASHED", "ABORTED"])
def test_a_terminal_state_is_final(desk: Desk, started: tuple[str, str, str], final: Any) -> None:
    """After it neither state nor message changes."""
    run_id = started[2]
    desk.api(runs.update_run(run_id, "SAMPLING", "selecting"))
    desk.api(runs.update_run(run_id, final, "over"))
    with pytest.raises(LightlyConflict):
        desk.api(runs.update_run(run_id, "SAMPLING", "again"))
    run = desk.api(runs.get_run(run_id))
    assert (run.state, run.message) == (final, "over")


def test_a_log_is_read_from_a_cursor_on(desk: Desk, started: tuple[str, str, str]) -> None:
    """Each line comes once; one without a state has the run's."""
    run_id = started[2]
    lines = [LogCreateEntry(ts=i, level="INFO", group="step", msg=f"line {i}") for i in range(3)]
    desk.api(runs.add_logs(run_id, lines[:2]))
    first = desk.api(runs.get_logs(run_id))
    desk.api(runs.add_logs(run_id, lines[2:]))
    second = desk.api(runs.get_logs(run_id, first.cursor))
    assert [one.msg for one in (*first.logs, *second.logs)] == ["line 0", "line 1", "line 2"]
    assert (second.cursor, second.logs[0].state) == (3, "STARTED")
    assert set(desk.send("GET", f"/v1/docker/runs/{run_id}/logs")[1]["logs"][0]) == {
        "ts",
        "level",
        "group",
        "msg",
        "state",
    }


def test_an_artifact_is_read_once_its_upload_is_confirmed(desk: Desk, started: tuple[str, str, str]) -> None:
    """Announce, upload, confirm, read: over HTTP, without the token, and the worker's way in process."""
    run_id = started[2]
    with serve(desk.emulator.world, [TOKEN]) as server:
        api = server.emulator.api(TOKEN)
        log, memory = (api(runs.create_artifact(run_id, name, "LOG", "LIGHTLY")) for name in ("log.txt", "memlog.txt"))
        with pytest.raises(LightlyNotFound, match="DOCKER_RUN_ARTIFACT_UNAVAILABLE"):
            api(runs.confirm_artifact(run_id, log.artifact_id))
        assert requests.put(log.signed_write_url, data=b"lines", timeout=10).status_code == 200
        with pytest.raises(LightlyNotFound, match="DOCKER_RUN_ARTIFACT_UNAVAILABLE"):
            api(runs.artifact_read_url(run_id, log.artifact_id))
        api(runs.confirm_artifact(run_id, log.artifact_id))
        answer = requests.get(api(runs.artifact_read_url(run_id, log.artifact_id)), timeout=10)
        assert (answer.content, answer.headers["content-type"]) == (b"lines", "text/plain")
        assert upload(server.emulator.api(TOKEN), memory.signed_write_url, b"memory").status == 200
    with pytest.raises(LightlyConflict, match="DOCKER_RUN_ARTIFACT_EXISTS"):
        desk.api(runs.create_artifact(run_id, "log.txt", "LOG", "LIGHTLY"))
    artifacts = desk.api(runs.get_run(run_id)).artifacts
    assert [one.file_name for one in artifacts] == ["log.txt", "memlog.txt"]


def upload(api: Any, url: str, content: bytes) -> Response:
    call: Call[Response] = Call(Request("PUT", url, "PUT artifact", (), content), lambda response: response)
    answer: Response = api(call)
    return answer


def test_a_datasource_artifact_lies_in_the_lightly_bucket(
    desk: Desk, bucket: Any, started: tuple[str, str, str]
) -> None:
    """It is read where the worker put it, with the dataset's own credentials, and an upload goes there as well."""
    run_id = started[2]
    bucket.put_object(Key=f"lightly/.lightly/runs/{run_id}/report.pdf", Body=b"%PDF")
    report = desk.api(runs.create_artifact(run_id, "report.pdf", "REPORT_PDF", "DATASOURCE"))
    desk.api(runs.confirm_artifact(run_id, report.artifact_id))
    url = desk.api(runs.artifact_read_url(run_id, report.artifact_id))
    assert desk.send("GET", url, token=None) == (200, "%PDF")
    assert upload(desk.api, report.signed_write_url, b"new").status == 200
    assert desk.send("GET", url, token=None) == (200, "new")


def test_a_signed_url_is_good_for_one_thing_and_seven_days(desk: Desk, started: tuple[str, str, str]) -> None:
    """Another method, another file, another expiry or an old URL are refused."""
    run_id = started[2]
    made = [desk.api(runs.create_artifact(run_id, name, "LOG", "LIGHTLY")) for name in ("a.txt", "b.txt")]
    url, other = (one.signed_write_url for one in made)
    path, _, query = url.partition("?")
    for altered in (f"{other.partition('?')[0]}?{query}", f"{path}?{query.replace('expires=', 'expires=9')}", path):
        assert desk.send("PUT", altered, b"x", token=None)[0] == 403
    assert desk.send("GET", url, token=None)[0] == 403
    assert desk.send("PUT", url, b"x", token=None)[0] == 200
    desk.clock.seconds += LIFETIME_SECONDS + 1
    status, body = desk.send("PUT", url, b"x", token=None)
    assert (status, "expired" in body["error"]) == (403, True)


@pytest.mark.parametrize("name", ["../report.pdf", "a/b", "..", ""])
def test_an_artifact_has_a_plain_name(desk: Desk, started: tuple[str, str, str], name: str) -> None:
    """A name cannot lead out of the run's directory."""
    with pytest.raises(LightlyApiError, match=r"body\.fileName"):
        desk.api(runs.create_artifact(started[2], name, "LOG", "DATASOURCE"))


def test_a_thousand_runs_are_polled_quickly(desk: Desk) -> None:
    """Finding one of a thousand runs by its scheduled run needs no search through all."""
    plan = desk.emulator.world._rows(
        "EXPLAIN QUERY PLAN SELECT body FROM run WHERE json_extract(body, '$.scheduledId') IN (?) ORDER BY seq", ["x"]
    )
    assert "run_scheduled_id" in str(plan)
