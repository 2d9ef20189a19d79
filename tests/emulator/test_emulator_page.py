"""The page: renders every state, escapes, shows no credentials, and is there for this machine alone."""

from __future__ import annotations

import re
from typing import Any

import requests
from starlette.testclient import TestClient

from lightly_airflow.contract.models.runs import LogCreateEntry, RunCreateRequest
from lightly_airflow.contract.models.samples import SampleCreateRequest
from lightly_airflow.contract.operations import runs, samples, schedules, tags, workers
from lightly_airflow.emulator import page
from lightly_airflow.emulator.serve import application, serve

from .conftest import SECRET, TOKEN, Desk

EVIL = "<script>alert(1)</script>"


def begin(desk: Desk, dataset_id: str) -> tuple[str, str]:
    """A scheduled run and its run."""
    scheduled_id = desk.scheduled(dataset_id)
    worker_id = desk.api(workers.register_worker("night-worker", [])).id
    desk.api(schedules.update_scheduled_run(dataset_id, worker_id, scheduled_id, "LOCKED"))
    request = RunCreateRequest(docker_version="2.11.3", dataset_id=dataset_id, scheduled_id=scheduled_id)
    return scheduled_id, desk.api(runs.create_run(request)).id


def select(desk: Desk, dataset_id: str, run_id: str, bucket: Any) -> None:
    """One image with a thumbnail, selected by the run."""
    thumb = ".lightly/thumbnails/a_thumb.jpg"
    bucket.put_object(Key=f"lightly/{thumb}", Body=b"thumb")
    desk.api(samples.create_sample(dataset_id, SampleCreateRequest(file_name="a.jpg", thumb_name=thumb)))
    desk.api(tags.create_initial_tag(dataset_id, run_id))


def test_an_empty_emulator_has_a_page(desk: Desk) -> None:
    """It says that there is nothing yet."""
    html = page.render(desk.emulator)
    assert "There are no datasets yet" in html
    assert "No worker has registered" in html


def test_the_overview_shows_datasets_runs_and_what_was_selected(desk: Desk, bucket: Any) -> None:
    """Paths, states and messages are there, images as URLs that work, credentials nowhere."""
    dataset_id = desk.dataset()
    scheduled_id, run_id = begin(desk, dataset_id)
    select(desk, dataset_id, run_id, bucket)
    desk.clock.seconds += 65
    desk.api(runs.update_run(run_id, "COMPLETED", f"selected 1 of 2 images {EVIL}"))
    desk.scheduled(dataset_id, "HIGH", ("gpu",))
    with serve(desk.emulator.world, [TOKEN]) as server:
        html = requests.get(server.url, timeout=10).text
        source = re.findall(r'<img src="([^"]+)"', html)[0].replace("&amp;", "&")
        # The server has its own clock's time; the URL was made by the same one.
        assert requests.get(server.url + source, timeout=10).content == b"thumb"
    for shown in (
        "city-cameras",
        "s3://emulator-cameras/input/",
        "COMPLETED",
        "1 min 5 s",
        "priority HIGH, gpu",
        scheduled_id,
    ):
        assert shown in html
    assert EVIL not in html
    assert "&lt;script&gt;" in html
    assert SECRET not in html


def test_a_saved_copy_stands_alone(desk: Desk, bucket: Any) -> None:
    """Images are inside, and nothing in it points anywhere."""
    dataset_id = desk.dataset()
    _, run_id = begin(desk, dataset_id)
    select(desk, dataset_id, run_id, bucket)
    desk.api(samples.create_sample(dataset_id, SampleCreateRequest(file_name="gone.jpg")))
    desk.api(tags.upsize_tags(dataset_id, "more"))
    desk.api(runs.update_run(run_id, "COMPLETED"))
    html = page.render(desk.emulator, embed=True)
    assert 'src="data:image/jpeg;base64,dGh1bWI="' in html
    assert not re.search(r'(href|src)="(?!data:)', html)
    assert "http-equiv" not in html


def test_a_waiting_run_says_what_it_waits_for(desk: Desk) -> None:
    """For a worker, and which; for another run of the dataset; and it looks again by itself."""
    dataset_id = desk.dataset()
    waiting = desk.scheduled(dataset_id, runs_on=("gpu",))
    worker_id = desk.api(workers.register_worker("gpu-worker", ["gpu"])).id
    assert "waits for a worker with the labels gpu. Online now: none." in page.render_run(desk.emulator, waiting)
    desk.api(workers.update_worker(worker_id, "BUSY"))
    html = page.render_run(desk.emulator, waiting)
    assert "Online now: gpu-worker." in html
    assert '<meta http-equiv="refresh"' in html
    begin(desk, dataset_id)
    assert "waits for another run of the same dataset" in page.render_run(desk.emulator, waiting)


def test_a_runs_page_shows_log_files_and_images(desk: Desk, bucket: Any) -> None:
    """While it runs the page refreshes itself; once it is over it stays."""
    dataset_id = desk.dataset()
    scheduled_id, run_id = begin(desk, dataset_id)
    select(desk, dataset_id, run_id, bucket)
    desk.api(runs.add_logs(run_id, [LogCreateEntry(ts=1, level="INFO", group="load", msg=f"found {EVIL}")]))
    artifact = desk.api(runs.create_artifact(run_id, "report.pdf", "REPORT_PDF", "DATASOURCE"))
    desk.api(runs.confirm_artifact(run_id, artifact.artifact_id))
    running = page.render_run(desk.emulator, scheduled_id)
    desk.api(runs.update_run(run_id, "FAILED", "no images found"))
    failed = page.render_run(desk.emulator, scheduled_id)
    assert ("http-equiv" in running, "http-equiv" in failed) == (True, False)
    for shown in ("FAILED", "no images found", "load: found &lt;script&gt;", "report.pdf", "Selected: 1"):
        assert shown in failed


def draw(desk: Desk, run_id: str, bucket: Any) -> None:
    """The picture of when the run's inputs expire, as a worker leaves it."""
    bucket.put_object(Key=f"lightly/.lightly/runs/{run_id}/input_expiration.svg", Body=b"<svg/>")
    told = f"wrote .lightly/runs/{run_id}/input_expiration.svg in the Lightly datasource"
    desk.api(runs.add_logs(run_id, [LogCreateEntry(ts=1, level="INFO", group="loading_dataset", msg=told)]))


def test_the_pages_show_when_inputs_expire(desk: Desk, bucket: Any) -> None:
    """The overview shows the newest run's picture, the run's page its own and the file, and it is an image for browsers."""
    dataset_id = desk.dataset()
    scheduled_id, run_id = begin(desk, dataset_id)
    assert "expiration" not in body(page.render(desk.emulator)) + body(page.render_run(desk.emulator, scheduled_id))
    draw(desk, run_id, bucket)
    with serve(desk.emulator.world, [TOKEN]) as server:
        for path in ("/", f"/compute/runs?scheduledRunId={scheduled_id}"):
            html = requests.get(server.url + path, timeout=10).text
            source = re.findall(r'<img class="expiration" src="([^"]+)"', html)[0].replace("&amp;", "&")
            answer = requests.get(server.url + source, timeout=10)
            assert (answer.content, answer.headers["content-type"]) == (b"<svg/>", "image/svg+xml")
            assert "sandbox" in answer.headers["content-security-policy"]
    assert ">input_expiration.svg</a>" in html


def test_a_saved_copy_has_the_picture_inside(desk: Desk, bucket: Any) -> None:
    """One that cannot be read any more is left out."""
    _, run_id = begin(desk, desk.dataset())
    draw(desk, run_id, bucket)
    html = page.render(desk.emulator, embed=True)
    assert '<img class="expiration" src="data:image/svg+xml;base64,PHN2Zy8+"' in html
    assert not re.search(r'(href|src)="(?!data:)', html)
    bucket.Object(f"lightly/.lightly/runs/{run_id}/input_expiration.svg").delete()
    assert "expiration" not in body(page.render(desk.emulator, embed=True))


def body(html: str) -> str:
    return html.partition("<body>")[2]


def test_an_unknown_run_says_so(desk: Desk) -> None:
    """Also without any id."""
    for scheduled_id in ("", "0" * 24, EVIL):
        html = page.render_run(desk.emulator, scheduled_id)
        assert "No such run" in html
        assert EVIL not in html


def test_a_cancelled_run_has_a_page(desk: Desk) -> None:
    """It says that it is cancelled and does not wait."""
    dataset_id = desk.dataset()
    scheduled_id = desk.scheduled(dataset_id)
    desk.api(schedules.cancel_scheduled_run(dataset_id, scheduled_id))
    html = page.render_run(desk.emulator, scheduled_id)
    assert "CANCELED" in html
    assert "http-equiv" not in html


def test_the_page_is_for_this_machine_alone(desk: Desk) -> None:
    """Under another Host header, as after DNS rebinding, nothing answers; listening to a network there is no page."""
    local = TestClient(application(desk.emulator, "127.0.0.1"), base_url="http://127.0.0.1")
    assert local.get("/").status_code == 200
    assert "default-src 'none'" in local.get("/compute/runs").headers["content-security-policy"]
    assert local.get("/", headers={"host": "evil.example.com"}).status_code == 400
    public = TestClient(application(desk.emulator, "0.0.0.0"), base_url="http://emulator.example.com")
    assert public.get("/").status_code == 404
    assert public.get("/v1/versions/pip/latest").status_code == 200
