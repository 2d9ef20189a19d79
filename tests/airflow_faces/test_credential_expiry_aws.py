"""LightlyCredentialExpirySensor on AWS: how old a key is, by a real IAM that enforces its policies."""

from __future__ import annotations

import json
import socket
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException, AirflowSkipException, TaskDeferred
from moto.iam.models import iam_backends

from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.sensors import LightlyCredentialExpirySensor
from lightly_airflow.storage.directory import StorageError
from tests.airflow_faces.expiry_stage import DAY, MODES, execute, later, sensor
from tests.s3_server import S3Server

MAY_ASK = ("iam:ListAccessKeys", "*")  # this server knows neither users as resources nor policies' variables


def connect(monkeypatch: pytest.MonkeyPatch, key: tuple[str, str], **more: Any) -> None:
    """The connection ``cameras``."""
    told = {"conn_type": "aws", "login": key[0], "password": key[1], "extra": {"region_name": "eu-central-1"}, **more}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(told))


@pytest.fixture
def iam(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """AWS's own variable leads to the server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", s3.url)
    return s3


def ask(server: S3Server, one: LightlyCredentialExpirySensor) -> Any:
    """What the task comes to, where nobody may do what no policy allows."""
    with server.enforced():
        return execute(one)


@pytest.fixture
def key(iam: S3Server, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Of a user who may ask, made a moment ago, in the connection."""
    made = iam.add_user("lightly", MAY_ASK)
    connect(monkeypatch, made)
    return made


@pytest.mark.parametrize("mode", MODES)
def test_it_fires_by_the_keys_age(iam: S3Server, key: tuple[str, str], mode: str) -> None:
    """The whole result; of the key's id, the last four letters."""
    made = datetime.now(UTC) - timedelta(days=80)
    iam.age_key(key[0], made)
    result = ask(iam, sensor(mode))
    assert datetime.fromisoformat(result["expires_at"]).timestamp() == pytest.approx(later(10), abs=60)
    assert result == {
        "conn_id": "cameras",
        "kind": "AWS access key",
        "expires_at": result["expires_at"],
        "days_left": pytest.approx(10, abs=0.01),
        "how": f"the key ...{key[0][-4:]} is from {made:%Y-%m-%d %H:%M} UTC, and max_key_age_days is 90",
    }
    assert result["expires_at"].endswith("+00:00")


def test_a_young_key_is_waited_for(iam: S3Server, key: tuple[str, str]) -> None:
    """An hour at most, and no longer than until it is old."""
    for ahead, pause in ((1 * DAY, 3_600), (600, 600)):
        now = later(76) - ahead
        with pytest.raises(TaskDeferred) as caught:
            ask(iam, sensor("deferrable", now))
        assert caught.value.trigger.moment.timestamp() == pytest.approx(now + pause, abs=60)


def test_keys_of_different_age(iam: S3Server, key: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The one in the connection counts, not its user's others."""
    iam.age_key(key[0], datetime.now(UTC) - timedelta(days=85))
    younger = iam.add_key("lightly")
    assert ask(iam, sensor())["days_left"] == pytest.approx(5, abs=0.01)
    connect(monkeypatch, younger)
    with pytest.raises(TaskDeferred):
        ask(iam, sensor("deferrable"))


def test_keys_may_get_old(iam: S3Server, key: tuple[str, str]) -> None:
    """Without a greatest age, the task is skipped."""
    told = f"the AWS access key never runs out: the key ...{key[0][-4:]} has no end and may get as old as it likes"
    with pytest.raises(AirflowSkipException, match=told):
        ask(iam, sensor(now=later(1000), max_key_age_days=None))


@pytest.mark.parametrize("mode", MODES)
def test_a_deactivated_key_fires_at_once(iam: S3Server, key: tuple[str, str], mode: str) -> None:
    """This server lets it in still, and says so; AWS does not let it in, as if it were deleted."""
    iam.deactivate_key("lightly", key[0])
    result = ask(iam, sensor(mode))
    assert (result["expires_at"], result["days_left"]) == (None, 0)
    assert result["how"] == f"IAM has deactivated the key ...{key[0][-4:]}"


@pytest.mark.parametrize("mode", MODES)
def test_a_deleted_key_fires_at_once(iam: S3Server, key: tuple[str, str], mode: str) -> None:
    """Without a time, since nobody knows it any more."""
    iam.delete_key("lightly", key[0])
    result = ask(iam, sensor(mode))
    assert (result["expires_at"], result["days_left"]) == (None, 0)
    assert result["how"] == f"AWS does not know the key ...{key[0][-4:]} (any more), or somebody has deactivated it"


def test_a_key_that_iam_does_not_list_fires_at_once(
    iam: S3Server, key: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it was deleted a moment ago and is let in still."""
    # This server forgets what it deletes at once.
    server = iam_backends["123456789012"]["aws"]
    monkeypatch.setattr(server, "get_access_key_last_used", lambda key_id: {"user_name": "lightly"})
    monkeypatch.setattr(server, "list_access_keys", lambda user: [])
    assert ask(iam, sensor())["how"] == f"IAM does not list the key ...{key[0][-4:]}"


@pytest.mark.parametrize("mode", MODES)
def test_a_key_that_may_not_ask(iam: S3Server, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the grant and the other way; with it granted, a retry finds out."""
    made = iam.add_user("reader", ("s3:GetObject", "*"))
    connect(monkeypatch, made)
    with pytest.raises(LightlyPermissionError) as caught:
        ask(iam, sensor(mode))
    assert str(caught.value) == (
        "connection 'cameras': IAM does not tell how old the key is (AccessDenied): that needs iam:ListAccessKeys on"
        " arn:aws:iam::*:user/${aws:username}. Grant it, or take the credentials to last: on_unknown='assume_permanent'"
    )
    with pytest.raises(AirflowSkipException, match="the AWS access key never runs out: IAM does not tell how old"):
        ask(iam, sensor(mode, on_unknown="assume_permanent"))


def test_a_secret_that_is_another_keys(iam: S3Server, key: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no matter of time."""
    connect(monkeypatch, (key[0], "another"))
    with pytest.raises(LightlyInputError) as caught:
        ask(iam, sensor())
    assert str(caught.value) == (
        "connection 'cameras': AWS refuses the key's signature; check the secret (password), or this machine's clock"
    )


def test_iam_that_cannot_be_reached(key: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry may find it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", f"http://127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(StorageError) as caught:
            execute(sensor())
    assert str(caught.value) == (
        "connection 'cameras': IAM cannot be asked how old the key is (EndpointConnectionError; check the network)"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"host": "obs.eu-de.otc.t-systems.com"},
        {"extra": {"endpoint_url": "https://obs.eu-de.otc.t-systems.com"}},
    ],
)
def test_stores_that_are_not_aws(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """OBS and the like: nothing is sent to AWS, which would not know the key."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:1")
    connect(monkeypatch, ("key", "secret"), **more)
    with pytest.raises(LightlyInputError, match=r"obs.eu-de.otc.t-systems.com is not AWS, so that nobody can be asked"):
        execute(sensor())
    with pytest.raises(AirflowSkipException, match="on_unknown is assume_permanent"):
        execute(sensor(on_unknown="assume_permanent"))


def test_a_store_with_an_iam_of_its_own(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the connection names it."""
    extra = {"endpoint_url": s3.url, "service_config": {"iam": {"endpoint_url": s3.url}}}
    made = s3.add_user("lightly", MAY_ASK)
    connect(monkeypatch, made, extra=extra)
    assert ask(s3, sensor(now=later(80)))["days_left"] == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("mode", MODES)
def test_a_role_never_runs_out(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked; the keys beside it are Airflow's own."""
    role = {"role_arn": "arn:aws:iam::123456789012:role/lightly", "assume_role_kwargs": {"ExternalId": "external/id-1"}}
    connect(monkeypatch, ("key", "secret"), extra=role)
    with pytest.raises(AirflowSkipException, match="the AWS role never runs out: LightlyOne assumes arn:aws:iam::"):
        execute(sensor(mode))


def test_session_tokens_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by every other task."""
    connect(monkeypatch, ("key", "secret"), extra={"aws_session_token": "session"})
    with pytest.raises(LightlyInputError, match="temporary credentials"):
        execute(sensor())


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that installs it."""
    connect(monkeypatch, ("key", "secret"))
    monkeypatch.setitem(sys.modules, "airflow.providers.amazon.aws.utils.connection_wrapper", None)
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"pip install 'lightly-airflow\[amazon\]'$"):
        execute(sensor())


def test_secrets_stay_in_the_connection(
    iam: S3Server,
    key: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Neither result, log nor error has the secret or the whole id of the key."""
    caplog.set_level("DEBUG")
    told = [json.dumps(ask(iam, sensor(now=later(80))))]
    refused = iam.add_user("reader", ("s3:GetObject", "*"))
    for login in (refused, (key[0], refused[1])):
        connect(monkeypatch, login)
        with pytest.raises((LightlyPermissionError, LightlyInputError)) as caught:
            ask(iam, sensor("deferrable"))
        told.append(repr(caught.value))
        assert caught.value.__context__ is None or caught.value.__suppress_context__
    shown = capfd.readouterr()
    # The server, which is in this process, tells each request that it gets.
    told += [f"{one.name} {one.getMessage()}" for one in caplog.records if not one.name.startswith("moto")]
    told += [shown.out, shown.err]
    assert "max_key_age_days is 90" in shown.out
    for text in told:
        for secret in (*key, *refused):
            assert secret not in text
