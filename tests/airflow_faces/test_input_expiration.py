"""LightlyInputExpirationSensor on a real S3 server: three strategies, three modes, and what may be in the way."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.worker_config import WorkerConfig
from lightly_airflow.exceptions import LightlyInputError, LightlyInputsExpire, LightlyPermissionError
from lightly_airflow.sensors import LightlyInputExpirationSensor
from lightly_airflow.sensors.expiration import days_for
from tests.s3_server import S3Server

MODES = ["poke", "reschedule", "deferrable"]
DAY = 86_400.0
NAMES = ["a.jpg", "b.jpg", "raw/c.JPG", "raw/d.png"]


@pytest.fixture
def cameras(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Four inputs, one other file, one thumbnail; rules come from the test. Written in the middle of a day."""
    for name in [*NAMES, "notes.txt", ".lightly/thumbnails/a.jpg"]:
        s3.put("cameras", f"input/{name}", b"1")
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", connection("key", "secret"))
    return s3


def connection(login: str, password: str) -> str:
    return json.dumps(
        {"conn_type": "aws", "login": login, "password": password, "extra": {"region_name": "eu-central-1"}}
    )


def expire(s3: S3Server, days: int, prefix: str = "") -> None:
    """The bucket's only rule."""
    rule = {"ID": "clean up", "Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}}
    told: Any = {"Rules": [rule]}
    s3.client.put_bucket_lifecycle_configuration(Bucket="cameras", LifecycleConfiguration=told)


def midnight(days: float) -> float:
    """Midnight UTC so many days after today's."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=days)).timestamp()


def sensor(mode: str = "poke", now: float | None = None, **arguments: Any) -> LightlyInputExpirationSensor:
    told = {
        "resource_path": "s3://cameras/input/",
        "datasource_conn_id": "cameras",
        "min_days_to_expiration": 2,
        "relevant_filenames_file": ".lightly/lasting.txt",
        **arguments,
    }
    one = LightlyInputExpirationSensor(
        task_id="expiration",
        mode="reschedule" if mode == "reschedule" else "poke",
        deferrable=mode == "deferrable",
        **told,
    )
    if now is not None:
        one.clock = lambda: now
    return one


def answer(one: LightlyInputExpirationSensor) -> Any:
    """What one look of the task comes to, in any mode."""
    if one.mode == "reschedule":  # the scheduler's part, which reads Airflow's database: one look a process
        return one.poke({}).xcom_value
    return one.execute({})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strategy", ["ABORT", "SKIP", "WAIT"])
def test_all_last(cameras: S3Server, mode: str, strategy: str) -> None:
    """Every strategy succeeds, and the worker is told what its bucket's rules demand."""
    expire(cameras, days=5)
    result = answer(sensor(mode, handling_strategy=strategy))
    until = datetime.fromisoformat(result.pop("required_until")).timestamp()
    assert until == pytest.approx(time.time() + 2 * DAY, abs=60)
    assert result == {
        "resource_path": "s3://cameras/input/",
        "inputs": 4,
        "permanent": 0,
        "expiring": 0,
        "earliest_expiry": datetime.fromtimestamp(midnight(6), UTC).isoformat(),
        "rules": {},
        "sample": [],
        "input_expiration": {
            "min_days_to_expiration": 2,
            "handling_strategy": "SKIP" if strategy == "SKIP" else "ABORT",
        },
        "relevant_filenames_file": None,
    }


@pytest.mark.parametrize("mode", MODES)
def test_abort(cameras: S3Server, mode: str) -> None:
    """The task fails, is not retried, and says how many, when, why and what to do."""
    expire(cameras, days=1, prefix="input/raw/")
    first = f"{datetime.fromtimestamp(midnight(2), UTC):%Y-%m-%d %H:%M} UTC"
    with pytest.raises(LightlyInputsExpire) as caught:
        answer(sensor(mode))
    assert isinstance(caught.value, AirflowFailException)
    told = str(caught.value)
    assert "INPUT s3://cameras/input/: 2 of 4 inputs expire before " in told
    assert f"the first at {first}, by the rules 'clean up' (2); such as raw/c.JPG, raw/d.png" in told
    assert told.endswith("Let the rules keep objects longer, or set handling_strategy to SKIP or WAIT")


@pytest.mark.parametrize("mode", MODES)
def test_skip_on_s3(cameras: S3Server, mode: str) -> None:
    """LightlyOne's worker skips; the block that makes it do so fits the worker config as it is."""
    expire(cameras, days=1, prefix="input/raw/")
    result = answer(sensor(mode, handling_strategy="SKIP"))
    assert (result["inputs"], result["expiring"], result["rules"]) == (4, 2, {"clean up": 2})
    assert result["relevant_filenames_file"] is None
    config = WorkerConfig.model_validate({"datasource": {"input_expiration": result["input_expiration"]}})
    assert config.datasource is not None
    assert config.datasource.input_expiration is not None
    assert config.datasource.input_expiration.handling_strategy == "SKIP"


@pytest.fixture
def railway(cameras: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The same bucket as OBS, on which LightlyOne's worker cannot skip."""
    extra = {"endpoint_url": cameras.url}
    told = json.dumps({"conn_type": "aws", "login": "key", "password": "secret", "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_RAILWAY", told)
    return cameras


def on_obs(mode: str = "poke", **arguments: Any) -> LightlyInputExpirationSensor:
    return sensor(
        mode,
        resource_path="obs://cameras/input/",
        datasource_conn_id="railway",
        handling_strategy="SKIP",
        **arguments,
    )


LIGHTLY = {"lightly_resource_path": "obs://cameras/lightly/", "lightly_datasource_conn_id": "railway"}


@pytest.mark.parametrize("mode", MODES)
def test_skip_elsewhere(railway: S3Server, mode: str) -> None:
    """The names of the inputs that last are written into the LIGHTLY directory, and the file's name is handed on."""
    railway.put("cameras", "input/sta*r.jpg", b"1")
    expire(railway, days=1, prefix="input/raw/")
    result = answer(on_obs(mode, **LIGHTLY))
    assert (result["expiring"], result["input_expiration"]) == (2, None)
    assert result["relevant_filenames_file"] == ".lightly/lasting.txt"
    written = railway.client.get_object(Bucket="cameras", Key="lightly/.lightly/lasting.txt")["Body"].read()
    assert written == b"a.jpg\nb.jpg\n"  # a name with an asterisk would stand for others


def test_skip_elsewhere_writes_nothing_where_all_last(railway: S3Server) -> None:
    """Without expiring inputs the worker may look at all of them."""
    expire(railway, days=9)
    assert answer(on_obs(**LIGHTLY))["relevant_filenames_file"] is None
    assert railway.keys("cameras", "lightly/") == []


def test_skip_elsewhere_needs_the_lightly_directory() -> None:
    """A literal path that is not S3's is told when the DAG is parsed."""
    with pytest.raises(LightlyConfigError, match="handling_strategy SKIP needs lightly_resource_path"):
        on_obs()


@pytest.mark.parametrize("path", ["lasting.txt", ".lightly/", ".lightly/../a.txt", "/.lightly/a.txt"])
def test_the_relevant_filenames_file_lies_under_lightly(railway: S3Server, path: str) -> None:
    """LightlyOne takes no other place."""
    with pytest.raises(LightlyInputError, match="is not inside .lightly/"):
        answer(on_obs(relevant_filenames_file=path, **LIGHTLY))


def test_skip_leaves_something(cameras: S3Server) -> None:
    """Where every input expires too soon, skipping them is an error."""
    expire(cameras, days=1)
    with pytest.raises(LightlyInputsExpire, match=r"4 of 4 inputs .*, so that nothing would be left\. .* to WAIT$"):
        answer(sensor(handling_strategy="SKIP"))


def test_wait_deferred(cameras: S3Server) -> None:
    """The task waits in the triggerer for the moment at which rules have done their work, looks once more, and ends."""
    expire(cameras, days=1, prefix="input/raw/")
    one = sensor("deferrable", handling_strategy="WAIT")
    with pytest.raises(TaskDeferred) as caught:
        one.execute({})
    assert caught.value.trigger.moment.timestamp() == midnight(2)
    cameras.client.delete_object(Bucket="cameras", Key="input/raw/c.JPG")
    cameras.client.delete_object(Bucket="cameras", Key="input/raw/d.png")
    later = sensor("deferrable", midnight(2) + 1, handling_strategy="WAIT")
    result = later.execute_complete({}, None, **(caught.value.kwargs or {}))
    assert (result["inputs"], result["expiring"]) == (2, 0)


def test_the_trigger_fires(cameras: S3Server) -> None:
    """The event of Airflow's own trigger is one that the task takes."""
    expire(cameras, days=1)
    one = sensor("deferrable", handling_strategy="WAIT", poke_interval=0.5, now=midnight(2) + 1)
    with pytest.raises(TaskDeferred) as caught:
        one.execute({})
    event = asyncio.run(anext(aiter(_past(caught.value.trigger).run())))
    with pytest.raises(TaskDeferred):
        one.execute_complete({}, event.payload)


def _past(trigger: Any) -> Any:
    _, kwargs = trigger.serialize()
    return type(trigger)(**{**kwargs, "moment": datetime.now(UTC) + timedelta(seconds=0.1)})


def test_wait_ends_with_the_timeout(cameras: S3Server) -> None:
    """However often the task defers, its timeout counts from the first look."""
    expire(cameras, days=1)
    one = sensor("deferrable", handling_strategy="WAIT", timeout=600, now=midnight(1.5))
    with pytest.raises(TaskDeferred) as caught:
        one.execute({})
    assert caught.value.trigger.moment.timestamp() == midnight(1.5) + 600
    late = sensor("deferrable", handling_strategy="WAIT", timeout=600, now=midnight(1.5) + 600)
    with pytest.raises(AirflowSensorTimeout, match="inputs still expire too soon after 600"):
        late.execute_complete({}, None, **(caught.value.kwargs or {}))


def test_wait_in_poke_mode_sleeps_until_it_can_change(cameras: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's loop sleeps that long in one go, and the bucket is not listed in between."""
    expire(cameras, days=1)
    slept: list[float] = []
    one = sensor(handling_strategy="WAIT", timeout=30 * DAY)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        one.clock = lambda: midnight(2) + 1
        for name in NAMES[:3]:
            cameras.client.delete_object(Bucket="cameras", Key=f"input/{name}")
        cameras.put("cameras", "input/raw/d.png", b"newer")
        expire(cameras, days=9)

    monkeypatch.setattr("airflow.sdk.bases.sensor.time.sleep", sleep)
    assert one.execute({})["inputs"] == 1
    assert slept == [pytest.approx(midnight(2) - time.time(), abs=60)]


def test_wait_in_reschedule_mode_comes_back_when_it_can_change(cameras: S3Server) -> None:
    """The task gives its slot back until that moment."""
    expire(cameras, days=1)

    class TaskInstance:
        def get_first_reschedule_date(self, context: Any) -> None:
            return None

    one = sensor("reschedule", handling_strategy="WAIT", timeout=30 * DAY)
    with pytest.raises(AirflowRescheduleException) as caught:
        one.execute({"ti": TaskInstance()})
    assert caught.value.reschedule_date.timestamp() == pytest.approx(midnight(2), abs=60)


@pytest.mark.parametrize("strategy", ["ABORT", "SKIP"])
def test_an_empty_bucket(cameras: S3Server, strategy: str) -> None:
    """A run would have nothing to work on, and the message counts what else is there."""
    with pytest.raises(LightlyInputError, match=r"s3://cameras/input/ holds no inputs .*\(files of other types: 5\)"):
        answer(sensor(handling_strategy=strategy, dataset_type="Videos"))


def test_an_empty_bucket_is_waited_for(cameras: S3Server) -> None:
    """When data comes cannot be told, so it is looked for again after the poke interval."""
    one = sensor("deferrable", handling_strategy="WAIT", resource_path="s3://cameras/other/", now=midnight(0))
    with pytest.raises(TaskDeferred) as caught:
        one.execute({})
    assert caught.value.trigger.moment.timestamp() == midnight(0) + 1800


def test_a_bucket_without_rules(cameras: S3Server) -> None:
    """Everything stays, and the worker need not be told anything."""
    result = answer(sensor(handling_strategy="SKIP"))
    assert (result["permanent"], result["earliest_expiry"], result["input_expiration"]) == (4, None, None)


@pytest.fixture
def reader(cameras: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A connection that may list and read, as LightlyOne needs, but may not read rules; and one that may read rules alone."""
    for name, actions in {"READER": ["ListBucket", "GetObject"], "RULES": ["GetLifecycleConfiguration"]}.items():
        key = cameras.add_user(name.lower(), *((f"s3:{action}", "*") for action in actions))
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", connection(*key))
    expire(cameras, days=1)
    return cameras


def test_rules_that_may_not_be_read(reader: S3Server) -> None:
    """The error names the permission and the ways out."""
    with reader.enforced(), pytest.raises(LightlyPermissionError) as caught:
        answer(sensor(datasource_conn_id="reader"))
    assert str(caught.value) == (
        "INPUT s3://cameras/input/: the lifecycle rules of the bucket 'cameras' may not be read (AccessDenied): that needs"
        " s3:GetLifecycleConfiguration on arn:aws:s3:::cameras. Grant it, name a connection that has it in rules_conn_id,"
        " or take all objects to last: on_unknown='assume_permanent'"
    )


def test_rules_that_may_not_be_read_are_assumed_away(reader: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    """A warning says so, and the worker is told what to do if there are rules after all."""
    with reader.enforced():
        result = answer(sensor(datasource_conn_id="reader", on_unknown="assume_permanent"))
    assert (result["inputs"], result["permanent"]) == (4, 4)
    assert result["input_expiration"] == {"min_days_to_expiration": 2, "handling_strategy": "ABORT"}
    assert "all objects are taken to last, as on_unknown says" in caplog.text


def test_rules_read_by_another_connection(reader: S3Server) -> None:
    """LightlyOne's own credentials need not be able to."""
    with reader.enforced(), pytest.raises(LightlyInputsExpire, match="4 of 4 inputs expire"):
        answer(sensor(datasource_conn_id="reader", rules_conn_id="rules"))


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
def test_soft_fail(cameras: S3Server, mode: str) -> None:
    """Inputs that expire skip the task, in every mode."""
    expire(cameras, days=1)
    with pytest.raises(AirflowSkipException):
        answer(sensor(mode, soft_fail=True))


def test_local_disks_expire_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no rules on a disk, so nothing has to be skipped."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.jpg").write_bytes(b"1")
    monkeypatch.setenv("LIGHTLY_INPUT_MOUNT", str(tmp_path))
    result = answer(sensor(resource_path="raw/", datasource_conn_id=None, handling_strategy="SKIP"))
    assert (result["inputs"], result["permanent"], result["input_expiration"]) == (1, 1, None)


@pytest.mark.parametrize(
    ("duration", "days"),
    [(timedelta(hours=3), 1), (timedelta(hours=23.9), 1), (timedelta(days=1), 2), (timedelta(days=2.5), 4), (60, 1)],
)
def test_days_follow_from_the_run(cameras: S3Server, duration: timedelta | float, days: float) -> None:
    """A run of hours needs one day, one of n days n + 1."""
    expire(cameras, days=9)
    result = answer(sensor(min_days_to_expiration=None, expected_run_duration=duration))
    assert result["input_expiration"]["min_days_to_expiration"] == days
    assert days_for(3600.0) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_days_to_expiration": None}, "give either min_days_to_expiration or expected_run_duration"),
        ({"expected_run_duration": 3}, "give either min_days_to_expiration or expected_run_duration"),
        ({"min_days_to_expiration": -1}, "min_days_to_expiration: -1 is not a number of days, 0 or more"),
        ({"min_days_to_expiration": "soon"}, "min_days_to_expiration: 'soon' is not a number of days, 0 or more"),
        ({"handling_strategy": "IGNORE"}, "handling_strategy: 'IGNORE' is not one of ABORT, SKIP, WAIT"),
        ({"on_unknown": "pass"}, "on_unknown: 'pass' is not one of fail, assume_permanent"),
        ({"dataset_type": "Crops"}, "dataset_type: 'Crops' is not one of Images, Videos"),
    ],
)
def test_literals_are_checked_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    """Whole messages, before anything runs."""
    with pytest.raises(LightlyConfigError) as caught:
        sensor(**arguments)
    assert str(caught.value) == message


def test_secrets_stay_in_the_connection(reader: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the result nor any log line has the key."""
    caplog.set_level("DEBUG")
    with reader.enforced(), pytest.raises(LightlyPermissionError) as caught:
        answer(sensor(datasource_conn_id="reader"))
    secret = json.loads(os.environ["AIRFLOW_CONN_READER"])["password"]
    assert secret not in caplog.text
    assert secret not in str(caught.value)
