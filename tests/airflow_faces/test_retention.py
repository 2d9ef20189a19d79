"""LightlyRetentionCheckOperator, and what the schedule operator says of a bucket's rules, on a real S3 server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import GcsConfig
from lightly_airflow.contract.operations import datasources, schedules
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError, LightlyRetentionTooShort
from lightly_airflow.operators import LightlyRetentionCheckOperator, LightlyScheduleRunOperator
from lightly_airflow.testing import LightlyEmulator
from tests.s3_server import S3Server

EXPIRATION = {"datasource": {"input_expiration": {"min_days_to_expiration": 1, "handling_strategy": "SKIP"}}}
SELECTION = {"n_samples": 5, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}


@pytest.fixture
def cameras(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A bucket with a connection that may do everything."""
    s3.put("cameras", "input/a.jpg", b"1")
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", connection("key", "secret"))
    return s3


def connection(login: str, password: str) -> str:
    extra = {"region_name": "eu-central-1"}
    return json.dumps({"conn_type": "aws", "login": login, "password": password, "extra": extra})


def put_rules(s3: S3Server, *rules: dict[str, Any]) -> None:
    told: Any = {"Rules": [{"Status": "Enabled", **rule} for rule in rules]}
    s3.client.put_bucket_lifecycle_configuration(Bucket="cameras", LifecycleConfiguration=told)


def days(number: int, prefix: str = "", name: str = "clean up") -> dict[str, Any]:
    return {"ID": name, "Filter": {"Prefix": prefix}, "Expiration": {"Days": number}}


def check(purpose: str, path: str = "", **arguments: Any) -> Any:
    told = {"resource_path": path or f"s3://cameras/{purpose.lower()}/", "datasource_conn_id": "cameras", **arguments}
    return LightlyRetentionCheckOperator(task_id="retention", purpose=purpose, **told).execute({})


def test_thirty_days_are_enough_for_input(cameras: S3Server) -> None:
    """Rules beside the directory do not count, nor do those that only move objects to a cheaper class."""
    moves = {"ID": "m", "Filter": {"Prefix": ""}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
    put_rules(cameras, days(30), days(1, "elsewhere/", "other"), moves)
    assert check("INPUT") == {"resource_path": "s3://cameras/input/", "known": True, "short": []}


def test_too_short_for_input(cameras: S3Server) -> None:
    """The error names the rule, its days and its prefix, and Airflow does not retry it."""
    put_rules(cameras, days(29, "input/raw/"))
    with pytest.raises(LightlyRetentionTooShort) as caught:
        check("INPUT")
    assert isinstance(caught.value, AirflowFailException)
    assert str(caught.value) == (
        "INPUT s3://cameras/input/ should keep objects for 30 days, and its bucket does not:\n"
        "- rule 'clean up' removes objects 29 days after creation, prefix input/raw/"
    )


@pytest.mark.parametrize("purpose", ["LIGHTLY", "INPUT_OUTPUT"])
def test_lightly_keeps_everything(cameras: S3Server, purpose: str) -> None:
    """Any rule that removes results falls short, however late."""
    put_rules(cameras, days(3650))
    with pytest.raises(LightlyRetentionTooShort, match="should keep everything, and its bucket does not:"):
        check(purpose)


def test_a_warning_is_enough_if_the_author_says_so(cameras: S3Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The task succeeds, the log warns, and the result has the rules."""
    put_rules(cameras, days(7))
    assert check("INPUT", on_short="warn")["short"] == [
        {"rule": "clean up", "says": "7 days after creation", "days": 7.0}
    ]
    assert "should keep objects for 30 days" in capsys.readouterr().out


def test_another_number_of_days(cameras: S3Server) -> None:
    """An author may need less, or more."""
    put_rules(cameras, days(7))
    assert check("INPUT", min_days=7)["short"] == []
    with pytest.raises(LightlyRetentionTooShort, match="should keep objects for 8 days"):
        check("INPUT", min_days="8")


def test_a_date_falls_short(cameras: S3Server) -> None:
    """After its date, such a rule removes whatever is written."""
    rule = {"ID": "until", "Filter": {"Prefix": ""}, "Expiration": {"Date": "2026-01-01T00:00:00Z"}}
    put_rules(cameras, rule)
    with pytest.raises(LightlyRetentionTooShort, match="rule 'until' removes objects on 2026-01-01"):
        check("INPUT")


def test_rules_that_may_not_be_read(cameras: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error by default; else the result says that nothing is known."""
    monkeypatch.setenv("AIRFLOW_CONN_READER", connection(*cameras.add_user("reader", ("s3:ListBucket", "*"))))
    with cameras.enforced():
        with pytest.raises(LightlyPermissionError, match="needs s3:GetLifecycleConfiguration"):
            check("INPUT", datasource_conn_id="reader")
        assert check("INPUT", datasource_conn_id="reader", on_unknown="assume_permanent") == {
            "resource_path": "s3://cameras/input/",
            "known": False,
            "short": [],
        }


def test_local_disks_keep_everything() -> None:
    """Nothing has to be mounted for that to be known."""
    assert check("LIGHTLY", "results/", datasource_conn_id=None)["short"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"purpose": "OUTPUT"}, "purpose: 'OUTPUT' is not one of INPUT, LIGHTLY, INPUT_OUTPUT"),
        ({"purpose": "INPUT", "on_short": "skip"}, "on_short: 'skip' is not one of fail, warn"),
        ({"purpose": "INPUT", "min_days": "long"}, "min_days: 'long' is not a number of days, 0 or more"),
    ],
)
def test_literals_are_checked_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    """Whole messages, before anything runs."""
    with pytest.raises(LightlyConfigError) as caught:
        check(**arguments)
    assert str(caught.value) == message


def schedule(dataset_id: str, context: dict[str, Any], **arguments: Any) -> Any:
    return LightlyScheduleRunOperator(
        task_id="curate", dataset_id=dataset_id, selection_config=SELECTION, wait_for_completion=False, **arguments
    ).execute(context)


def test_input_expiration_on_another_storage(
    lightly_api: LightlyEmulator, dataset_id: str, context: dict[str, Any]
) -> None:
    """The error names the sensor, and nothing is scheduled."""
    google = GcsConfig.model_validate(
        {"purpose": "INPUT", "full_path": "gs://drones/input/", "gcs_project_id": "p", "gcs_credentials": "{}"}
    )
    lightly_api.call(datasources.put_datasource(dataset_id, google))
    with pytest.raises(LightlyInputError) as caught:
        schedule(dataset_id, context, worker_config=EXPIRATION)
    assert str(caught.value) == (
        "worker_config.datasource.input_expiration is for S3 alone and the INPUT datasource is GCS; leave it out and let"
        " LightlyInputExpirationSensor find and skip what expires in gs://drones/input/"
    )
    assert lightly_api.call(schedules.scheduled_runs(dataset_id, ["OPEN"])) == []


def test_input_expiration_on_s3(dataset_id: str, context: dict[str, Any]) -> None:
    """Nothing stands in the way."""
    assert schedule(dataset_id, context, worker_config=EXPIRATION)["state"] == "OPEN"


def test_rules_without_input_expiration(
    cameras: S3Server, dataset_id: str, context: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A warning that names the rule, where a connection is given to look it up; the run is scheduled all the same."""
    put_rules(cameras, days(40))
    assert schedule(dataset_id, context, datasource_conn_id="cameras")["state"] == "OPEN"
    assert (
        "The inputs in s3://cameras/input/ expire (rule 'clean up' removes objects 40 days after creation), and"
        " worker_config.datasource.input_expiration is not set: LightlyOne's worker refuses such a run from version 2.11 on."
        " Set it, or let LightlyInputExpirationSensor hand it on"
    ) in caplog.text


def test_rules_that_may_not_be_looked_up_do_not_stop_a_run(
    cameras: S3Server,
    dataset_id: str,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says that they could not be looked up."""
    caplog.set_level("INFO")
    monkeypatch.setenv("AIRFLOW_CONN_READER", connection(*cameras.add_user("reader", ("s3:ListBucket", "*"))))
    with cameras.enforced():
        assert schedule(dataset_id, context, datasource_conn_id="reader")["state"] == "OPEN"
    assert "lifecycle rules could not be looked up" in caplog.text
