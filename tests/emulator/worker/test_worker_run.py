"""Whole runs: the real worker on the emulator's API and a real bucket."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from lightly_airflow.contract.errors import LightlyServerError
from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.operations import datasets, datasources, runs, samples, schedules, tags, workers
from lightly_airflow.contract.states import RUN_STATES
from lightly_airflow.emulator.worker.heartbeat import Heartbeat
from lightly_airflow.emulator.worker.loop import Worker

pytestmark = pytest.mark.usefixtures("engine_in_process")
SECONDS = 1_700_000_000


def tag_of(site: Any, run: Run) -> Tag:
    tag: Tag = site.desk.api(runs.run_tags(run.id))[0]
    return tag


def names_in(site: Any, tag: Tag) -> set[str]:
    """The file names behind a tag's bits."""
    mask = int(tag.bit_mask_data, 16)
    names = site.desk.api(samples.mappings(site.dataset_id, "fileName", 100, 0))
    return {name for i, name in enumerate(names) if mask >> i & 1}


def test_a_run_curates(site: Any) -> None:
    """Images are selected; samples, tag, thumbnails, report and artifacts are all there."""
    site.put_images("abcdef")
    site.put("input/cam/broken.jpg", b"no image")
    site.put("input/notes.txt", b"text")
    run = site.run()
    assert (run.state, run.message) == ("COMPLETED", "selected 3 of 6 images (1 corrupt, 1 of another type skipped)")
    tag = tag_of(site, run)
    selected = names_in(site, tag)
    assert (tag.name, tag.size, len(selected), site.sample_count()) == (f"selected-{run.id}", 3, 3, 3)
    thumbnails = {f"lightly/.lightly/thumbnails/{name.removesuffix('.png')}_thumb.png" for name in selected}
    report = f"lightly/.lightly/runs/{run.id}/report.pdf"
    assert {key for key in site.stored() if key.startswith("lightly/")} == {*thumbnails, report}
    assert Image.open(io.BytesIO(site.bucket.Object(thumbnails.pop()).get()["Body"].read())).size == (96, 64)


def test_a_run_leaves_its_artifacts(site: Any) -> None:
    """Every artifact can be read back, and says what happened."""
    site.put_images("abcd")
    site.put("input/cam/broken.jpg", b"no image")
    run = site.run(n_samples=2)
    assert {artifact.type for artifact in run.artifacts or []} == {
        "REPORT_PDF", "REPORT_V2_JSON", "CORRUPTNESS_CHECK_INFORMATION", "SEQUENCE_INFORMATION", "MEMLOG", "LOG",
    }  # fmt: skip
    corrupt = site.artifact_json(run, "corruptness_check_information.json")
    assert corrupt == {"corrupt_samples": {"cam/broken.jpg": "the file is no image of a known format"}}
    sizes = site.artifact_json(run, "report_v2.json")["generalInformation"]["datasetInformation"]["datasetSizes"]
    assert sizes == {
        "nInput": 5, "nCorrupt": 1, "nDuplicate": 0, "nRemoved": 3, "nSelected": 2, "nPreselectedDatapool": 0,
        "nSelectedWithDatapool": 2,
    }  # fmt: skip
    assert set(site.artifact_json(run, "sequence_information.json")[0]["filenames"]) == names_in(
        site, tag_of(site, run)
    )
    assert b"selected 2 of 4 images (1 corrupt skipped)" in site.artifact(run, "log.txt")
    pages = PdfReader(io.BytesIO(site.artifact(run, "report.pdf"))).pages
    text = "".join(page.extract_text() for page in pages)
    assert all(words in text for words in ("city-cameras", "DIVERSITY", "cam/broken.jpg", "emulator"))
    assert sum(len(page.images) for page in pages) == 2


def test_states_come_in_order(site: Any) -> None:
    """A run's log walks the states of the contract's table, in its order."""
    site.put_images("ab")
    run = site.run()
    order = list(RUN_STATES)
    seen = [line.split()[1] for line in site.artifact(run, "memlog.txt").decode().splitlines()]
    assert seen == sorted(seen, key=lambda state: order.index(state))
    assert {"LOADING_DATASET", "EMBEDDING", "SAMPLING", "UPLOADING_DATASET"} <= set(seen)
    assert site.desk.api(schedules.scheduled_runs(site.dataset_id, ["DONE"]))[0].id == run.scheduled_id


def test_the_datapool_grows(site: Any) -> None:
    """The second night looks at new images alone, and its tag holds what it added."""
    site.put_images("abc", SECONDS)
    first = site.run(n_samples=2, use_datapool=True)
    site.desk.clock.seconds += 200
    site.put_images("xyz", site.desk.clock.seconds - 100)
    second = site.run(n_samples=2, use_datapool=True)
    assert second.message == "selected 2 of 3 images"
    assert names_in(site, tag_of(site, second)) < {"cam/x.png", "cam/y.png", "cam/z.png"}
    assert [tag_of(site, run).size for run in (first, second)] == [2, 2]
    assert site.desk.api(datasources.get_processed_until(site.dataset_id)).processed_until_timestamp == int(
        site.desk.clock.seconds
    )


def test_nothing_new_is_said(site: Any) -> None:
    """A night without new images fails, and the message knows the way out."""
    site.put_images("abc", SECONDS)
    site.run(n_samples=2, use_datapool=True)
    run = site.run(n_samples=2, use_datapool=True)
    assert run.state == "FAILED"
    assert "newer than those already processed; set datasource.process_all" in str(run.message)


def test_process_all_looks_again(site: Any) -> None:
    """All images are looked at once more, but those in the datapool are not selected twice."""
    site.put_images("abcd", SECONDS)
    site.run(n_samples=2, use_datapool=True)
    run = site.run(n_samples=5, use_datapool=True, datasource={"process_all": True})
    assert run.message == "selected 2 of 2 images"
    assert site.sample_count() == 4


def test_a_datapool_that_is_not_updated(site: Any) -> None:
    """Without ``enable_datapool_update`` the same images are new again."""
    site.put_images("ab", SECONDS)
    site.run(n_samples=1, use_datapool=True, datasource={"enable_datapool_update": False})
    assert site.desk.api(datasources.get_processed_until(site.dataset_id)).processed_until_timestamp == 0


def test_nothing_passes_on_a_later_night(site: Any) -> None:
    """A run may select nothing; its tag is then empty."""
    site.put_images("ab", SECONDS)
    site.run(n_samples=1, use_datapool=True)
    threshold = {"type": "THRESHOLD", "threshold": 101, "operation": "BIGGER"}
    dark = {"input": {"type": "METADATA", "key": "lightly.luminance"}, "strategy": threshold}
    run = site.run(strategies=[dark], use_datapool=True, datasource={"process_all": True})
    assert (run.state, run.message) == ("COMPLETED", "selected 0 of 1 images")
    assert tag_of(site, run).size == 0


def test_similarity_asks_another_tag(site: Any) -> None:
    """The embeddings of an earlier run's tag find their likes."""
    site.put_images("abc", SECONDS)
    site.run(n_samples=1, use_datapool=True)
    asked = {"type": "EMBEDDINGS", "dataset_id": site.dataset_id, "tag_name": "initial-tag"}
    similar = {"input": asked, "strategy": {"type": "SIMILARITY"}}
    run = site.run(n_samples=1, strategies=[similar], use_datapool=True, datasource={"process_all": True})
    assert run.state == "COMPLETED"
    asked["tag_name"] = "no-such-tag"
    run = site.run(n_samples=1, strategies=[similar], use_datapool=True, datasource={"process_all": True})
    assert run.message == f"SIMILARITY: dataset {site.dataset_id} has no tag 'no-such-tag'"


def test_a_dataset_that_is_not_empty_needs_the_datapool(site: Any) -> None:
    """Without the datapool, a second run is refused with the fix in its message."""
    site.put_images("ab")
    site.run(n_samples=1)
    run = site.run(n_samples=1)
    assert run.state == "FAILED"
    assert "the dataset is not empty (1 samples); set worker_config.use_datapool" in str(run.message)


def test_relevant_filenames_restrict(site: Any) -> None:
    """Only named files and prefixes are looked at."""
    site.put_images("abc")
    site.put("input/night/n.png", site.bucket.Object("input/cam/a.png").get()["Body"].read())
    site.put("lightly/.lightly/relevant.txt", b"cam/b.png\n\nnight/*\n")
    run = site.run(relevant_filenames_file=".lightly/relevant.txt")
    assert names_in(site, tag_of(site, run)) == {"cam/b.png", "night/n.png"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"../a.png", "is not relative"),
        (b"cam/*.png", "is a pattern"),
        (b"other.png", "none of the relevant filenames"),
    ],
)
def test_relevant_filenames_that_cannot_be(site: Any, content: bytes, words: str) -> None:
    """A line that cannot be followed fails the run in words."""
    site.put_images("a")
    site.put("lightly/.lightly/relevant.txt", content)
    run = site.run(relevant_filenames_file=".lightly/relevant.txt")
    assert run.state == "FAILED"
    assert words in str(run.message)


@pytest.mark.parametrize(
    ("docker", "words"),
    [
        ({"pretagging": True}, "worker_config.pretagging is not emulated"),
        ({"corruptness_check": {"corruption_threshold": 0.2}}, "1 of 3 images are corrupt, more than"),
    ],
)
def test_failures_say_why(site: Any, docker: dict[str, Any], words: str) -> None:
    """What the author can mend becomes the run's message."""
    site.put_images("ab")
    site.put("input/c.png", b"broken")
    run = site.run(**docker)
    assert run.state == "FAILED"
    assert words in str(run.message)
    assert words.encode() in site.artifact(run, "log.txt")


def test_a_bucket_without_images(site: Any) -> None:
    """An empty input names the place and the types."""
    site.put("input/notes.txt", b"text")
    run = site.run()
    assert run.state == "FAILED"
    assert run.message == (
        "no images found under s3://emulator-cameras/input/; supported types are bmp, gif, jpeg, jpg, png, tiff"
    )


def test_credentials_that_do_not_suffice(site: Any) -> None:
    """A missing bucket is found by verification; the message has neither key nor URL."""
    config = site.desk.emulator.world.datasource_config(site.dataset_id, "INPUT")
    assert isinstance(config, S3Config)
    moved = config.model_copy(update={"full_path": "s3://nowhere/input/"})
    site.desk.api(datasources.put_datasource(site.dataset_id, moved))
    run = site.run()
    assert run.state == "FAILED"
    assert "the INPUT datasource lacks permissions: cannot list s3://nowhere/input/: the bucket 'nowhere'" in str(
        run.message
    )
    assert "http" not in str(run.message)
    assert config.s3_secret_access_key.get_secret_value() not in "".join([*site.log(run), str(run)])


def test_other_dataset_types_are_refused(site: Any) -> None:
    """Video datasets end in a clear message."""
    site.dataset_id = site.desk.api(datasets.create_dataset("videos", "Videos")).id
    for purpose in ("INPUT", "LIGHTLY"):
        config = site.desk.emulator.world.datasource_config(site.desk.dataset("other-" + purpose), purpose)
        site.desk.api(datasources.put_datasource(site.dataset_id, config))
    run = site.run()
    assert run.message == "the emulator works on image datasets, and this one's type is Videos"


def test_thumbnails_and_report_can_be_left_out(site: Any) -> None:
    """No suffix, no thumbnails; ``upload_report`` false, no report."""
    config = site.desk.emulator.world.datasource_config(site.dataset_id, "LIGHTLY")
    site.desk.api(datasources.put_datasource(site.dataset_id, config.model_copy(update={"thumb_suffix": None})))
    site.put_images("ab")
    run = site.run(upload_report=False, enable_training=True)
    assert run.state == "COMPLETED"
    assert not [key for key in site.stored() if key.startswith("lightly/")]
    assert "worker_config.enable_training is not emulated and was passed over" in site.log(run)


def test_long_loading_says_how_far_it_is(site: Any) -> None:
    """Every few seconds there is a line with the count."""
    site.put_images("abcd")
    site.worker.now = itertools.count(site.desk.clock.seconds, 3).__next__
    assert "read 2 of 4 images" in site.log(site.run())


def test_a_crash_ends_one_run_alone(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected fault makes the run CRASHED without a traceback in it, and the worker goes on."""
    site.put_images("ab")
    with monkeypatch.context() as broken:
        broken.setattr("lightly_airflow.emulator.worker.process.render_report", lambda summary: 1 / 0)
        run = site.run(use_datapool=True)
    assert (run.state, run.message) == ("CRASHED", "the worker crashed; the reason is in its own log")
    site.put_images("xy")
    assert site.run(use_datapool=True, datasource={"process_all": True}).state == "COMPLETED"


def test_samples_of_a_run_that_died_are_not_the_next_runs(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run left without a tag goes into the initial tag, and the next run's tag holds its own samples."""
    site.put_images("ab")
    with monkeypatch.context() as broken:
        broken.setattr("lightly_airflow.emulator.worker.process.save_tag", lambda *given: 1 / 0)
        site.run(n_samples=1)
    run = site.run(n_samples=1, use_datapool=True)
    assert (tag_of(site, run).size, site.sample_count()) == (1, 2)
    names = {tag.name: tag.size for tag in site.desk.api(tags.list_tags(site.dataset_id))}
    assert names["initial-tag"] == 2


def test_a_restarted_worker_closes_what_it_left(site: Any, make_worker: Callable[[str], Worker]) -> None:
    """A run that was locked when its worker died ends as CRASHED and no longer blocks its dataset; others' runs stay."""
    scheduled = site.worker._take() if site.schedule() else None
    run_id = site.worker._begin(scheduled)
    make_worker("another")
    assert site.desk.api(runs.get_run(run_id)).state == "STARTED"
    make_worker("night-shift")
    run = site.desk.api(runs.get_run(run_id))
    assert (run.state, run.message) == ("CRASHED", "the worker was restarted while it was at this run")
    site.put_images("ab")
    assert site.run().state == "COMPLETED"


def test_a_worker_lives_and_ends(site: Any) -> None:
    """In its thread a worker does what is queued, says that it is there, and says goodbye."""
    site.put_images("ab")
    scheduled, stop = site.schedule(), threading.Event()
    thread = threading.Thread(target=site.worker.run_forever, args=(stop,))
    thread.start()
    done = threading.Event()
    while not done.wait(0.02):
        if site.desk.api(schedules.scheduled_runs(site.dataset_id, ["DONE"])):
            done.set()
    assert site.desk.api(runs.run_of_schedule(scheduled)).state == "COMPLETED"
    assert site.desk.api(workers.list_workers())[0].state in ("IDLE", "BUSY")
    stop.set()
    thread.join()
    assert site.desk.api(workers.list_workers())[0].state == "OFFLINE"


def test_a_stopped_worker_aborts_its_run(site: Any) -> None:
    """A worker that is told to stop ends its run as ABORTED at the next state."""
    site.put_images("ab")
    site.worker._stop.set()
    run = site.run()
    assert (run.state, run.message) == ("ABORTED", "the worker was stopped while it was at this run")


def test_a_lost_race_is_no_error(site: Any, make_worker: Callable[[str], Worker]) -> None:
    """Of two workers that are offered the same run one does it, and the other has nothing to do."""
    site.schedule()
    offered = site.desk.api(schedules.runs_for_worker(site.worker._worker_id))[0]
    assert make_worker("another")._lock(offered)
    assert not site.worker._lock(offered)
    assert not site.worker.step()


@pytest.mark.parametrize("fault", [LightlyServerError("GET runs", 503), OSError("disk")])
def test_a_worker_outlives_a_fault(site: Any, fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the API fails a worker waits; afterwards it takes up its work."""
    site.put_images("ab")
    scheduled = site.schedule()
    told: list[str] = []

    def fail(call: object) -> object:
        raise fault

    with Heartbeat(told.append) as heartbeat:
        with monkeypatch.context() as down:
            down.setattr(site.worker, "api", fail)
            assert not site.worker._safe_step(heartbeat)
        assert site.worker._safe_step(heartbeat)
    assert site.desk.api(runs.run_of_schedule(scheduled)).state == "COMPLETED"
    assert told == ["IDLE", "BUSY", "IDLE", "OFFLINE"]
