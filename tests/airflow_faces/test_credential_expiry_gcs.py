"""LightlyCredentialExpirySensor on Google: the end and the age of a service account's key, as IAM tells them."""

from __future__ import annotations

import json
import socket
import sys
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException, AirflowSkipException, TaskDeferred
from airflow.sdk.log import redact  # type: ignore[attr-defined]  # imported there, not exported

from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.hooks import gcs_validity
from lightly_airflow.storage.directory import StorageError
from tests.airflow_faces.expiry_stage import MODES, execute, later, sensor
from tests.gcs_server import GcsServer

EMAIL = "expiring@project-of-tests.iam.gserviceaccount.com"
MAY_ASK = "serviceAccountKeys.get"


def connect(monkeypatch: pytest.MonkeyPatch, key: dict[str, str]) -> None:
    """The connection ``cameras``."""
    told = {"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": key}}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(told))


@pytest.fixture
def google(gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> GcsServer:
    """Google's clients have no variable that says where IAM is."""
    monkeypatch.setattr(gcs_validity, "IAM", gcs.url)
    return gcs


@pytest.fixture(scope="module")
def file(running_gcs: GcsServer) -> dict[str, str]:
    """One key file for all tests: what Airflow masks, it masks for good, and the more the slower."""
    return running_gcs.service_account("expiring", MAY_ASK)


@pytest.fixture
def key(google: GcsServer, file: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of a service account that may ask, made a moment ago and without an end, in the connection."""
    google.iam.add(EMAIL, file["private_key_id"])
    monkeypatch.setitem(google.grants, EMAIL, {MAY_ASK})
    connect(monkeypatch, file)
    return file


def named(key: dict[str, str]) -> str:
    return f"the key ...{key['private_key_id'][-4:]} of {EMAIL}"


def iso(days: float) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("mode", MODES)
def test_it_fires_by_the_keys_age(google: GcsServer, key: dict[str, str], mode: str) -> None:
    """The whole result; of the key's id, the last four letters."""
    google.iam.key(key)["validAfterTime"] = made = iso(-80)
    result = execute(sensor(mode))
    assert datetime.fromisoformat(result["expires_at"]).timestamp() == pytest.approx(later(10), abs=60)
    assert result == {
        "conn_id": "cameras",
        "kind": "Google service account key",
        "expires_at": result["expires_at"],
        "days_left": pytest.approx(10, abs=0.01),
        "how": f"{named(key)} is from {made[:10]} {made[11:16]} UTC, and max_key_age_days is 90",
    }
    assert result["expires_at"].endswith("+00:00")


@pytest.mark.parametrize("mode", MODES)
def test_it_fires_by_the_keys_end(google: GcsServer, key: dict[str, str], mode: str) -> None:
    """Which an organization's policy sets, whatever the age."""
    google.iam.key(key)["validBeforeTime"] = iso(5)
    for max_age in (90, None):
        result = execute(sensor(mode, max_key_age_days=max_age))
        assert result["days_left"] == pytest.approx(5, abs=0.01)
        assert result["how"] == f"{named(key)} ends then"


def test_a_young_key_is_waited_for(key: dict[str, str]) -> None:
    """Until it is old."""
    now = later(76) - 600
    with pytest.raises(TaskDeferred) as caught:
        execute(sensor("deferrable", now))
    assert caught.value.trigger.moment.timestamp() == pytest.approx(now + 600, abs=60)


@pytest.mark.parametrize("mode", MODES)
def test_keys_may_get_old(key: dict[str, str], mode: str) -> None:
    """Without an end and a greatest age, the task is skipped."""
    told = f"never runs out: {named(key)} has no end and may get as old as it likes"
    with pytest.raises(AirflowSkipException, match=told):
        execute(sensor(mode, later(1000), max_key_age_days=None))


@pytest.mark.parametrize("mode", MODES)
def test_a_disabled_key_fires_at_once(google: GcsServer, key: dict[str, str], mode: str) -> None:
    """As long as it still gets a token."""
    google.iam.key(key)["disabled"] = True
    result = execute(sensor(mode))
    assert (result["expires_at"], result["days_left"]) == (None, 0)
    assert result["how"] == f"IAM has disabled {named(key)}"


@pytest.mark.parametrize("mode", MODES)
def test_a_deleted_key_fires_at_once(
    google: GcsServer, key: dict[str, str], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IAM forgets it first, the token service a little later."""
    del google.iam.keys[EMAIL][key["private_key_id"]]
    assert execute(sensor(mode))["how"] == f"IAM does not know {named(key)} (any more)"
    monkeypatch.delitem(google.keys[EMAIL], key["private_key_id"])
    result = execute(sensor(mode))
    assert (result["expires_at"], result["days_left"]) == (None, 0)
    assert result["how"] == f"Google does not take {named(key)} (any more): it was deleted or disabled, or has ended"


def test_a_deleted_service_account_fires_at_once(
    google: GcsServer, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all its keys."""
    monkeypatch.delitem(google.keys, EMAIL)
    told = f"Google does not take {named(key)}: the service account does not exist (any more)"
    assert execute(sensor())["how"] == told


def test_a_clock_that_is_wrong(google: GcsServer, key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """That says nothing of the key. The token service's words are Google's; this machine's clock stays as it is."""
    said = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
    refused = (400, {"error": "invalid_grant", "error_description": said})
    monkeypatch.setattr(google, "token", lambda assertion: refused)
    with pytest.raises(StorageError, match="this machine's clock is wrong, so that Google refuses the key$"):
        execute(sensor())


@pytest.mark.parametrize("mode", MODES)
def test_a_key_that_may_not_ask(google: GcsServer, key: dict[str, str], mode: str) -> None:
    """The error names the grant and the other way."""
    google.grants[EMAIL] = {"list", "get"}
    with pytest.raises(LightlyPermissionError) as caught:
        execute(sensor(mode))
    assert str(caught.value) == (
        "connection 'cameras': IAM does not tell until when the key is valid (403): that needs iam.serviceAccountKeys.get on"
        " the service account itself, which the role View Service Accounts (roles/iam.serviceAccountViewer) has. Grant it,"
        " or take the credentials to last: on_unknown='assume_permanent'"
    )
    with pytest.raises(AirflowSkipException, match="and on_unknown is assume_permanent"):
        execute(sensor(mode, on_unknown="assume_permanent"))


def test_a_project_without_the_api(google: GcsServer, key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Google answers 403 as well, and no role would help."""
    monkeypatch.setattr(google.iam, "enabled", False)
    with pytest.raises(LightlyPermissionError, match="the project project-of-tests: gcloud services enable iam.google"):
        execute(sensor())


@pytest.mark.parametrize("status", [500, 429])
def test_iam_that_fails(google: GcsServer, key: dict[str, str], status: int) -> None:
    """Asked again at once three times, and then by Airflow's retries."""
    google.faults += [status] * 2
    with pytest.raises(TaskDeferred):
        execute(sensor("deferrable"))
    google.faults += [status] * 4
    with pytest.raises(StorageError) as caught:
        execute(sensor())
    assert str(caught.value) == (
        f"connection 'cameras': IAM cannot be asked until when the key is valid: IAM answered {status}"
    )
    assert google.faults == []


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("IAM", "IAM cannot be reached; check the network (ConnectionError)"),
        ("token", "Google's token service cannot be reached; check the network (TransportError)"),
    ],
    ids=["iam", "token"],
)
def test_google_that_cannot_be_reached(
    key: dict[str, str], part: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry may find it; the URL stays out of the message."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{bound.getsockname()[1]}"
        if part == "IAM":
            monkeypatch.setattr(gcs_validity, "IAM", closed)
        else:
            connect(monkeypatch, {**key, "token_uri": closed})
        with pytest.raises(StorageError) as caught:
            execute(sensor())
    assert str(caught.value).endswith(f": {told}")
    assert caught.value.__context__ is None


def test_a_key_file_without_the_keys_id(key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Which LightlyOne can use, and IAM cannot be asked about."""
    connect(monkeypatch, {**key, "private_key_id": ""})
    with pytest.raises(LightlyInputError, match="the key file lacks private_key_id; take the file as Google made it"):
        execute(sensor())


def test_a_missing_package_is_one_line(key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that installs it."""
    monkeypatch.setitem(sys.modules, "google.auth.crypt", None)
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"pip install 'lightly-airflow\[google\]'$"):
        execute(sensor())


def test_secrets_stay_in_the_connection(
    google: GcsServer,
    key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Neither result, log nor error has the key; its id stands in a URL that urllib3 tells, and is masked there."""
    caplog.set_level("DEBUG")
    told = [json.dumps(execute(sensor(now=later(80))))]
    google.grants[EMAIL].discard(MAY_ASK)
    with pytest.raises(LightlyPermissionError) as caught:
        execute(sensor("deferrable"))
    told.append(repr(caught.value))
    shown = capfd.readouterr()
    assert "max_key_age_days is 90" in shown.out
    assert key["private_key_id"] in caplog.text
    told += [str(redact(caplog.text)), shown.out, shown.err]
    secrets = [key["private_key_id"], *key["private_key"].splitlines()[1:-1], *google.tokens]
    for text in told:
        for secret in secrets:
            assert secret not in text
