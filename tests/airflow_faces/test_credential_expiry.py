"""LightlyCredentialExpirySensor on Azure's tokens: when it fires in each mode, when it skips, and what it tells."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import AccessPolicy, BlobServiceClient, ContainerSasPermissions, generate_container_sas

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.exceptions import LightlyInputError
from lightly_airflow.hooks.datasource import HOOKS
from lightly_airflow.hooks.validity import ASKERS
from tests.airflow_faces.expiry_stage import DAY, HOUR, MODES, execute, later, sensor
from tests.azurite_server import ACCOUNT, Azurite


def connect(monkeypatch: pytest.MonkeyPatch, server: Azurite, **extra: Any) -> None:
    """The connection ``cameras``; without a token, it has the account key."""
    told = {"conn_type": "wasb", "login": ACCOUNT, "host": server.url, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(told if extra else {**told, "password": server.key}))


@pytest.fixture
def cameras(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Azurite:
    """A token that is valid for twenty days."""
    azurite.put("cameras", "input/a.jpg", b"1")
    connect(monkeypatch, azurite, sas_token=azurite.sas("rl", hours=20 * 24))
    return azurite


@pytest.mark.parametrize("mode", MODES)
def test_it_fires(cameras: Azurite, mode: str) -> None:
    """Fourteen days before the token's own expiry, with the whole result."""
    result = execute(sensor(mode, later(7)))
    expires = datetime.fromisoformat(result["expires_at"])
    assert expires.utcoffset() == timedelta(0)
    assert expires.timestamp() == pytest.approx(later(20), abs=60)
    assert result == {
        "conn_id": "cameras",
        "kind": "Azure SAS token",
        "expires_at": result["expires_at"],
        "days_left": pytest.approx(13, abs=0.01),
        "how": "the token says so itself (se)",
    }


@pytest.mark.parametrize("mode", MODES)
def test_it_fires_for_what_has_run_out(cameras: Azurite, mode: str, capfd: pytest.CaptureFixture[str]) -> None:
    """However long ago."""
    assert execute(sensor(mode, later(30)))["days_left"] == pytest.approx(-10, abs=0.01)
    assert ", 10.0 days ago: the token says so itself (se)" in capfd.readouterr().out


def test_poke_sleeps_until_it_is_time(cameras: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour at a time, since the connection may be changed; the last time no longer than needed."""
    slept: list[float] = []
    one = sensor(now=later(6) - 1.5 * HOUR)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now = one.clock() + seconds
        one.clock = lambda: now

    monkeypatch.setattr("airflow.sdk.bases.sensor.time.sleep", sleep)
    assert execute(one)["days_left"] == pytest.approx(14, abs=0.01)
    assert slept == [HOUR, pytest.approx(HOUR / 2, abs=60)]


def test_poke_that_wakes_too_soon(cameras: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks differ a little; the rest is slept as well, and no second hour."""
    slept: list[float] = []
    one = sensor(now=later(1))

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now = one.clock() + seconds - (0.5 if len(slept) == 1 else 0)
        one.clock = lambda: now
        if len(slept) == 3:
            raise Woken

    monkeypatch.setattr("airflow.sdk.bases.sensor.time.sleep", sleep)
    with pytest.raises(Woken):
        execute(one)
    assert slept == pytest.approx([HOUR, 0.5, HOUR], abs=0.01)


@pytest.mark.parametrize(("before", "pause"), [(5 * HOUR, HOUR), (HOUR / 2, HOUR / 2)])
def test_reschedule_comes_back_when_it_is_time(cameras: Azurite, before: float, pause: float) -> None:
    """The task gives its slot back meanwhile."""
    with pytest.raises(AirflowRescheduleException) as caught:
        execute(sensor("reschedule", later(6) - before))
    assert caught.value.reschedule_date.timestamp() == pytest.approx(time.time() + pause, abs=60)


@pytest.mark.parametrize(("before", "pause"), [(5 * HOUR, HOUR), (HOUR / 2, HOUR / 2)])
def test_deferred_comes_back_when_it_is_time(cameras: Azurite, before: float, pause: float) -> None:
    """The trigger's arguments are a time alone, and the task looks once more."""
    now = later(6) - before
    with pytest.raises(TaskDeferred) as caught:
        execute(sensor("deferrable", now))
    moment = caught.value.trigger.moment.timestamp()
    assert moment == pytest.approx(now + pause, abs=60)
    assert set(caught.value.kwargs or {}) == {"deadline"}
    if pause < HOUR:
        result = sensor("deferrable", moment).execute_complete({}, None, **(caught.value.kwargs or {}))
        assert result["days_left"] == 14


def test_the_trigger_fires(cameras: Azurite) -> None:
    """The event of Airflow's own trigger is one that the task takes."""
    with pytest.raises(TaskDeferred) as caught:
        execute(sensor("deferrable"))
    path, kwargs = caught.value.trigger.serialize()
    assert path.endswith("DateTimeTrigger")
    soon = type(caught.value.trigger)(**{**kwargs, "moment": datetime.now(UTC) + timedelta(seconds=0.1)})
    event = asyncio.run(anext(aiter(soon.run())))
    with pytest.raises(TaskDeferred):
        sensor("deferrable").execute_complete({}, event.payload, **(caught.value.kwargs or {}))


@pytest.mark.parametrize("mode", MODES)
def test_a_connection_that_is_changed_is_seen(cameras: Azurite, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look reads it anew, sooner or later than the first one thought."""
    one = sensor(mode, now := time.time())
    monkeypatch.setattr("airflow.sdk.bases.sensor.time.sleep", _wake)
    with pytest.raises((AirflowRescheduleException, TaskDeferred, Woken)):
        execute(one)
    connect(monkeypatch, cameras, sas_token=cameras.sas("rl", hours=24))
    one.clock = lambda: now + HOUR
    looked: Any = one.poke({}).xcom_value
    assert looked["days_left"] == pytest.approx(1, abs=0.05)


class Woken(Exception):
    pass


def _wake(seconds: float) -> None:
    raise Woken


def test_a_token_that_really_runs_out(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """With real time: the sensor fires while the token still gets in, and soon after that it does not any more."""
    azurite.put("cameras", "input/a.jpg", b"1")
    token = azurite.sas("rl", hours=5 / HOUR)
    connect(monkeypatch, azurite, sas_token=token)
    result = execute(sensor(min_days_left=2 / DAY))
    container = BlobServiceClient(azurite.url, credential=token).get_container_client("cameras")
    with container:
        assert list(container.list_blob_names()) == ["input/a.jpg"]
        time.sleep(max(0.0, datetime.fromisoformat(result["expires_at"]).timestamp() - time.time()) + 1)
        with pytest.raises(HttpResponseError, match="AuthenticationFailed|AuthorizationFailure"):
            list(container.list_blob_names())
    assert execute(sensor(min_days_left=0))["days_left"] <= 0


def test_a_token_of_a_stored_access_policy(cameras: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets in, and does not say for how long."""
    rights = ContainerSasPermissions(read=True, list=True)
    policy = AccessPolicy(rights, expiry=datetime.now(UTC) + timedelta(days=3))
    owner = cameras.client.get_container_client("cameras")
    owner.set_container_access_policy({"nightly": policy})
    token = generate_container_sas(ACCOUNT, "cameras", cameras.key, policy_id="nightly")
    with BlobServiceClient(cameras.url, credential=token).get_container_client("cameras") as container:
        assert list(container.list_blob_names()) == ["input/a.jpg"]
    connect(monkeypatch, cameras, sas_token=token)
    told = (
        "connection 'cameras': its expiry stands in the stored access policy 'nightly' of its container, which an account"
        " key alone can read"
    )
    with pytest.raises(LightlyInputError) as caught:
        execute(sensor())
    assert str(caught.value) == f"{told}. Take the credentials to last: on_unknown='assume_permanent'"
    with pytest.raises(AirflowSkipException, match="and on_unknown is assume_permanent. There is nothing to wait for$"):
        execute(sensor(on_unknown="assume_permanent"))


@pytest.mark.parametrize("mode", MODES)
def test_an_account_key_never_runs_out(cameras: Azurite, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task is skipped in every mode, and says what does run out."""
    connect(monkeypatch, cameras)
    with pytest.raises(AirflowSkipException) as caught:
        execute(sensor(mode))
    assert str(caught.value) == (
        "connection 'cameras': the Azure account key never runs out: each task that sets a datasource makes a new SAS token"
        " of it for LightlyOne, which lives for that task's sas_lifetime, so set the datasource more often than that. There"
        " is nothing to wait for"
    )


@pytest.mark.parametrize("mode", MODES)
def test_the_timeout_and_soft_fail(cameras: Azurite, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout of 0 looks once; with ``soft_fail``, what stands behind is skipped."""
    monkeypatch.setattr("airflow.sdk.bases.sensor.time.sleep", _wake)
    with pytest.raises(AirflowSensorTimeout):
        execute(sensor(mode, timeout=0))
    with pytest.raises(AirflowSkipException):
        execute(sensor(mode, timeout=0, soft_fail=True))


def test_the_timeout_counts_from_the_first_look(cameras: Azurite) -> None:
    """However often the task defers."""
    now = time.time()
    with pytest.raises(TaskDeferred) as caught:
        execute(sensor("deferrable", now, timeout=600))
    assert caught.value.trigger.moment.timestamp() == pytest.approx(now + 600)
    with pytest.raises(AirflowSensorTimeout) as ended:
        sensor("deferrable", now + 600, timeout=600).execute_complete({}, None, **(caught.value.kwargs or {}))
    assert str(ended.value).startswith("connection 'cameras': the credentials last longer than 14 days still after 600")


def test_a_look_that_fails_is_not_repeated_at_once(cameras: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under ``silent_fail`` the poke interval holds, also when the moment to fire has come."""
    slept: list[float] = []
    one = sensor(now=later(6) - HOUR / 2, silent_fail=True)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now = one.clock() + seconds
        one.clock = lambda: now
        if len(slept) == 1:
            monkeypatch.setattr("lightly_airflow.sensors.credentials.known_validity", _broken)
        else:
            raise Woken

    monkeypatch.setattr("airflow.sdk.bases.sensor.time.sleep", sleep)
    with pytest.raises(Woken):
        execute(one)
    assert slept == [pytest.approx(HOUR / 2, abs=60), HOUR]


def _broken(*_: Any) -> Any:  # what makes the database or the network fail cannot be had here
    raise ConnectionError


def test_a_look_that_fails_while_deferred(cameras: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under ``silent_fail`` the task defers again for the poke interval; what can only fail again fails it."""
    now = later(6) - HOUR / 2
    with monkeypatch.context() as patch:
        patch.setattr("lightly_airflow.sensors.credentials.known_validity", _broken)
        with pytest.raises(ConnectionError):
            execute(sensor("deferrable", now))
        with pytest.raises(TaskDeferred) as caught:
            execute(sensor("deferrable", now, silent_fail=True))
    assert caught.value.trigger.moment.timestamp() == pytest.approx(now + HOUR, abs=1)
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps({"conn_type": "http"}))
    with pytest.raises(LightlyInputError):
        execute(sensor("deferrable", now, silent_fail=True))


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
@pytest.mark.parametrize(
    ("connection", "told"),
    [
        (
            {"conn_type": "http"},
            "connection 'cameras' has type 'http'; credentials of these types can be asked after: ",
        ),
        ({"conn_type": "wasb", "login": "a"}, "connection 'cameras': neither a SAS token nor an account key is set;"),
        (
            {"conn_type": "wasb", "login": "a", "extra": {"sas_token": "sp=rl&sig=x"}},
            "connection 'cameras': the SAS token does not do: its expiry (se) is missing or cannot be read. Make a new one",
        ),
    ],
)
def test_connections_that_cannot_be_right(
    mode: str, connection: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not retried; ``soft_fail`` skips."""
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))
    with pytest.raises(LightlyInputError) as caught:
        execute(sensor(mode))
    assert str(caught.value).startswith(told)
    with pytest.raises(AirflowSkipException):
        execute(sensor(mode, soft_fail=True))


def test_a_disk_has_no_credentials() -> None:
    """A template may render to nothing."""
    with pytest.raises(LightlyInputError, match="^datasource_conn_id is missing: a disk has no credentials"):
        execute(sensor(datasource_conn_id=""))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_days_left": -1}, "min_days_left: -1 is not a number of days, 0 or more"),
        ({"min_days_left": "soon"}, "min_days_left: 'soon' is not a number of days, 0 or more"),
        ({"max_key_age_days": "old"}, "max_key_age_days: 'old' is not a number of days, 0 or more"),
        ({"on_unknown": "pass"}, "on_unknown: 'pass' is not one of fail, assume_permanent"),
    ],
)
def test_literals_are_checked_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    """Whole messages, before anything runs."""
    with pytest.raises(LightlyConfigError) as caught:
        sensor(**arguments)
    assert str(caught.value) == message


def test_every_kind_of_connection_can_be_asked_after() -> None:
    """All those of which datasources are made."""
    assert ASKERS.keys() == HOOKS.keys()


def test_no_sdk_is_loaded_for_a_token(cameras: Azurite) -> None:
    """Neither when the DAG file is parsed nor when the token is read."""
    code = (
        "import sys; from lightly_airflow.sensors import LightlyCredentialExpirySensor as Sensor\n"
        "print(Sensor(task_id='t', datasource_conn_id='cameras', min_days_left=30).execute({}))\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, result, modules = done.stdout.splitlines()
    assert "Azure SAS token" in result
    unwanted = {"azure.core", "azure.storage", "boto3", "botocore", "google.auth", "numpy", "obstore", "requests"}
    assert unwanted & set(modules.split()) == set()


def test_days_are_rendered(cameras: Azurite) -> None:
    """Templates render to text, fractions among it."""
    assert execute(sensor(now=later(7.6), min_days_left="12.5", max_key_age_days="30"))["kind"] == "Azure SAS token"


def test_secrets_stay_in_the_connection(
    cameras: Azurite, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither result, log nor trigger has the token's signature."""
    caplog.set_level("DEBUG")
    extra = json.loads(os.environ["AIRFLOW_CONN_CAMERAS"])["extra"]
    signature = extra["sas_token"].partition("sig=")[2].partition("&")[0]
    assert signature
    result = execute(sensor(now=later(7)))
    with pytest.raises(TaskDeferred) as caught:
        execute(sensor("deferrable"))
    shown = capfd.readouterr()
    assert "the token says so itself" in shown.out
    for told in (
        json.dumps(result),
        caplog.text,
        shown.out,
        shown.err,
        repr(caught.value.trigger.serialize()),
        repr(caught.value.kwargs),
    ):
        assert signature not in told
