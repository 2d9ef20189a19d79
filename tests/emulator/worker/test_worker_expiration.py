"""Inputs that the bucket's lifecycle rules remove: the real worker, and real rules of a bucket."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import LocalConfig
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.operations import datasources, runs, samples
from lightly_airflow.storage.survey.inputs import RulesUnknown
from tests.emulator.conftest import BUCKET, s3_config
from tests.s3_server import S3Server

pytestmark = pytest.mark.usefixtures("engine_in_process")
DAY = 86_400
START = 1_800_000_000.0  # 2027-01-15 08:00 UTC, when the clock of the tests stands still
WEEK = {"ID": "week", "Status": "Enabled", "Filter": {"Prefix": "input/"}, "Expiration": {"Days": 7}}
READ_ONLY = [("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"), ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*")]


def expiration(days: float, strategy: str) -> dict[str, Any]:
    return {"input_expiration": {"min_days_to_expiration": days, "handling_strategy": strategy}}


def selected(site: Any) -> set[str]:
    return {name[4:-4] for name in site.desk.api(samples.mappings(site.dataset_id, "fileName", 100, 0))}


def picture(site: Any, run: Run) -> list[str]:
    """The words of the run's picture; none if there is no picture."""
    key = f"lightly/.lightly/runs/{run.id}/input_expiration.svg"
    if key not in site.stored():
        return []
    root = ET.fromstring(site.bucket.Object(key).get()["Body"].read())
    return [str(found.text) for found in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def aged(site: Any, s3: S3Server) -> Any:
    """Rules of a week, and images: a and b expire tomorrow at midnight, c in five days, d to f in eight."""
    s3.set_rules(BUCKET, WEEK)
    site.put_images("ab", START - 7 * DAY)
    site.put_images("c", START - 3 * DAY)
    site.put_images("def", START)
    return site


@pytest.fixture
def without_rules_right(aged: Any, s3: S3Server) -> Any:
    """The INPUT datasource's key may list and read, as LightlyOne wants it, and no more."""
    key, secret = s3.add_user("reader", *READ_ONLY)
    writer = s3.add_user("writer", ("s3:*", "*"))
    for purpose, (key_id, secret_key) in {"INPUT": (key, secret), "LIGHTLY": writer}.items():
        config = s3_config(purpose).model_copy(  # type: ignore[arg-type] # the keys are purposes
            update={"s3_access_key_id": SecretStr(key_id), "s3_secret_access_key": SecretStr(secret_key)}
        )
        aged.desk.api(datasources.put_datasource(aged.dataset_id, config))
    return aged


def test_skip_leaves_out_what_expires_too_soon(aged: Any) -> None:
    """Such inputs are counted, named, and not selected; the others are."""
    run = aged.run(n_samples=6, datasource=expiration(3, "SKIP"))
    assert (run.state, run.message) == ("COMPLETED", "selected 4 of 4 images (2 expiring too soon skipped)")
    assert selected(aged) == set("cdef")
    assert (
        "left out what expires too soon: 2 of 6 images expire before 2027-01-18 08:00 UTC, 3 days after the run's start;"
        " the first on 2027-01-16 00:00 UTC; by lifecycle rule week (2); such as cam/a.png, cam/b.png"
    ) in aged.log(run)


def test_skip_has_nothing_to_leave_out(aged: Any) -> None:
    """The log says that all last, and the picture is drawn all the same."""
    run = aged.run(datasource=expiration(0.5, "SKIP"))
    assert run.message == "selected 3 of 6 images"
    assert "all 6 images last until 2027-01-15 20:00 UTC" in aged.log(run)
    assert "Inputs: 6. Expiring before 2027-01-15 20:00 UTC: 0; later: 6; never: 0." in picture(aged, run)


def test_abort_stops_the_run(aged: Any) -> None:
    """One input that expires too soon is enough, and the message knows the ways out."""
    run = aged.run(datasource=expiration(1, "ABORT"))
    assert run.state == "ABORTED"
    assert run.message == (
        "2 of 6 images expire before 2027-01-16 08:00 UTC, 1 day after the run's start; the first on"
        " 2027-01-16 00:00 UTC; by lifecycle rule week (2); such as cam/a.png, cam/b.png. Keep inputs longer in the bucket,"
        " lower min_days_to_expiration, or leave such inputs out with handling_strategy SKIP"
    )
    assert aged.sample_count() == 0
    assert "Inputs: 6. Expiring before 2027-01-16 08:00 UTC: 2; later: 4; never: 0." in picture(aged, run)


def test_abort_lets_lasting_inputs_pass(aged: Any) -> None:
    """Without such inputs the run goes its way."""
    assert aged.run(datasource=expiration(0.5, "ABORT")).state == "COMPLETED"


@pytest.mark.parametrize(("hours", "expiring"), [(15.9, 0), (16, 0), (16.1, 2)])
def test_the_boundary(aged: Any, hours: float, expiring: int) -> None:
    """An input that expires at the very moment up to which it has to last, lasts."""
    run = aged.run(n_samples=6, datasource=expiration(hours / 24, "SKIP"))
    assert len(selected(aged)) == 6 - expiring
    assert run.state == "COMPLETED"


def test_days_count_from_the_runs_start(aged: Any) -> None:
    """A run that waited two days in the queue finds other inputs expiring."""
    aged.worker.now = lambda: START + 2 * DAY
    run = aged.run(n_samples=6, datasource=expiration(3, "SKIP"))
    assert "3 of 6 images expire before 2027-01-20 08:00 UTC" in " ".join(aged.log(run))


def test_all_expire(aged: Any) -> None:
    """Skipping everything leaves nothing to do, and the run says so."""
    run = aged.run(datasource=expiration(30, "SKIP"))
    assert run.state == "FAILED"
    assert str(run.message).startswith(
        "nothing is left to select from: 6 of 6 images expire before 2027-02-14 08:00 UTC"
    )


def test_only_the_runs_own_inputs_count(aged: Any) -> None:
    """What relevant filenames leave out may expire."""
    aged.put("lightly/.lightly/relevant.txt", b"cam/d.png\ncam/e.png\n")
    run = aged.run(relevant_filenames_file=".lightly/relevant.txt", datasource=expiration(3, "ABORT"))
    assert (run.state, selected(aged)) == ("COMPLETED", {"d", "e"})


def test_rules_differ(site: Any, s3: S3Server) -> None:
    """Each is named with what it removes; tags are asked for, and a bucket's date holds for all."""
    tagged = {
        "ID": "night", "Status": "Enabled", "Filter": {"Tag": {"Key": "shift", "Value": "night"}},
        "Expiration": {"Days": 1},
    }  # fmt: skip
    old = {
        "ID": "old", "Status": "Enabled", "Filter": {"Prefix": "input/cam/a"},
        "Expiration": {"Date": datetime(2027, 1, 16, tzinfo=UTC)},
    }  # fmt: skip
    s3.set_rules(BUCKET, tagged, old)
    site.put_images("abcd", START)
    for letter in "bc":
        tags = {"TagSet": [{"Key": "shift", "Value": "night"}]}
        s3.client.put_object_tagging(Bucket=BUCKET, Key=f"input/cam/{letter}.png", Tagging=tags)  # type: ignore[arg-type]
    run = site.run(datasource=expiration(3, "SKIP"))
    assert "by lifecycle rule night (2), old (1)" in " ".join(site.log(run))
    assert selected(site) == {"d"}


def test_rules_without_a_setting_fail_the_run(aged: Any) -> None:
    """As with LightlyOne's worker since 2.11; the message has the rules and what to set."""
    run = aged.run()
    assert run.state == "FAILED"
    assert run.message == (
        "the bucket's lifecycle rules remove inputs under s3://emulator-cameras/input/ (week: 7 days after creation, prefix"
        " input/); set worker_config.datasource.input_expiration: min_days_to_expiration, the days that the run may take, and"
        " handling_strategy, SKIP to leave out the inputs that expire sooner or ABORT to stop over them"
    )
    assert "Inputs: 6. Expiring at any moment: 0; later: 6; never: 0." in picture(aged, run)


def test_rules_elsewhere_need_no_setting(site: Any, s3: S3Server) -> None:
    """Rules for another directory, and a bucket without rules, change nothing."""
    site.put_images("abc", START)
    s3.set_rules(BUCKET, {**WEEK, "Filter": {"Prefix": "archive/"}})
    run = site.run(n_samples=2, use_datapool=True)
    assert (run.state, picture(site, run)) == ("COMPLETED", [])
    run = site.run(use_datapool=True, datasource={"process_all": True, **expiration(3, "ABORT")})
    assert (run.state, picture(site, run)) == ("COMPLETED", [])


def test_rules_that_may_not_be_read(without_rules_right: Any, s3: S3Server) -> None:
    """Each input is asked for by itself, which needs no right but to read it."""
    with s3.enforced():
        run = without_rules_right.run(n_samples=6, datasource=expiration(3, "SKIP"))
    assert (run.state, selected(without_rules_right)) == ("COMPLETED", set("cdef"))
    told = " ".join(without_rules_right.log(run))
    assert f"may not be read (AccessDenied): that needs s3:GetLifecycleConfiguration on arn:aws:s3:::{BUCKET}" in told
    assert "the first on 2027-01-16 00:00 UTC; by lifecycle rule of unknown name (2)" in told


def test_rules_that_may_not_be_read_and_no_setting(without_rules_right: Any, s3: S3Server) -> None:
    """The run goes on, and its log says that it could not be checked."""
    with s3.enforced():
        run = without_rules_right.run()
    assert run.state == "COMPLETED"
    told = [line for line in without_rules_right.log(run) if "could not be checked" in line]
    assert len(told) == 1
    assert "s3:GetLifecycleConfiguration" in told[0]


def test_rules_that_cannot_be_read_for_want_of_boto3(aged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the amazon extra a run that sets nothing goes on, and one that wants to know fails and says what to install."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    run = aged.run(use_datapool=True, n_samples=1)
    assert run.state == "COMPLETED"
    assert "reading lifecycle rules needs boto3" in " ".join(aged.log(run))
    run = aged.run(use_datapool=True, datasource={"process_all": True, **expiration(1, "SKIP")})
    assert (run.state, run.message) == (
        "FAILED",
        "reading lifecycle rules needs boto3: pip install 'lightly-airflow[amazon]'",
    )


@pytest.mark.parametrize(
    ("gone", "state", "says"),
    [
        ("ad", "COMPLETED", "selected 3 of 3 images (1 expiring too soon skipped)"),
        ("abcdef", "FAILED", f"all 6 images vanished from s3://{BUCKET}/input/ while they were asked for"),
    ],
)
def test_inputs_that_vanish(aged: Any, monkeypatch: pytest.MonkeyPatch, gone: str, state: str, says: str) -> None:
    """What is gone when it is asked for is left out, and told."""

    def delete(config: object) -> None:
        for letter in gone:
            aged.bucket.Object(f"input/cam/{letter}.png").delete()
        raise RulesUnknown("the rules may not be read")

    monkeypatch.setattr("lightly_airflow.emulator.worker.expiration.read_rules", delete)
    run = aged.run(datasource=expiration(3, "SKIP"))
    assert (run.state, run.message) == (state, says)
    if state == "COMPLETED":
        assert "2 images vanished while they were asked for" in aged.log(run)


def test_a_datasource_that_changed(aged: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that was set after the run was scheduled, and is not on S3, fails the run."""
    (tmp_path / "a.png").write_bytes(aged.bucket.Object("input/cam/a.png").get()["Body"].read())
    monkeypatch.setenv("LIGHTLY_INPUT_MOUNT", str(tmp_path))
    aged.worker.now = time.time  # the file is as old as it is
    scheduled = aged.schedule(datasource=expiration(1, "SKIP"))
    aged.desk.api(datasources.put_datasource(aged.dataset_id, LocalConfig(purpose="INPUT", full_path="")))
    aged.worker.step()
    run = aged.desk.api(runs.run_of_schedule(scheduled))
    assert run.state == "FAILED"
    assert "input_expiration is for S3 alone and the INPUT datasource is LOCAL" in run.message
    assert aged.run().state == "COMPLETED"


def test_no_report_no_picture(aged: Any) -> None:
    """Whoever wants no report in the bucket gets no picture either."""
    run = aged.run(upload_report=False, datasource=expiration(3, "SKIP"))
    assert (run.state, picture(aged, run)) == ("COMPLETED", [])
