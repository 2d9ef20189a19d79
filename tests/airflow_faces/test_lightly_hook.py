"""The ``lightly`` connection: every field, and what Test Connection says."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from airflow.sdk import Connection

from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.operations import datasets
from lightly_airflow.hooks.lightly import LightlyHook, settings_from
from lightly_airflow.testing import LightlyEmulator


def settings(**fields: Any) -> ApiSettings:
    connection = Connection(conn_id="c", conn_type="lightly", **{"password": "token", **fields})
    return settings_from(connection, connection.extra_dejson)


def test_defaults_are_the_public_service() -> None:
    """A token alone is enough."""
    assert settings() == ApiSettings("token", "https://api.lightly.ai", "https://app.lightly.ai", True, None, 60.0)


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "https://api.example.com/"}, "https://api.example.com"),
        ({"host": "api.example.com"}, "https://api.example.com"),
        ({"host": "127.0.0.1", "port": 8000, "schema": "http"}, "http://127.0.0.1:8000"),
        ({"host": "http://127.0.0.1:8000"}, "http://127.0.0.1:8000"),
    ],
)
def test_host_may_be_whole_or_in_parts(fields: dict[str, Any], url: str) -> None:
    """The form's host field and a connection URI's parts mean the same; links lead to the same place by default."""
    assert (settings(**fields).api_url, settings(**fields).app_url) == (url, url)


@pytest.mark.parametrize(
    ("extra", "field", "value"),
    [
        ({"app_url": "https://app.example.com/"}, "app_url", "https://app.example.com"),
        ({"verify": False}, "verify", False),
        ({"verify": "false"}, "verify", False),
        ({"verify": None}, "verify", True),
        ({"ca_bundle": "/etc/ca.pem", "verify": False}, "verify", "/etc/ca.pem"),
        ({"proxy": "http://proxy:3128"}, "proxy", "http://proxy:3128"),
        ({"timeout": "5"}, "timeout", 5.0),
    ],
)
def test_extras(extra: dict[str, Any], field: str, value: Any) -> None:
    """Each extra arrives where it belongs, also as the strings that a connection URI makes of it."""
    assert getattr(settings(extra=json.dumps(extra)), field) == value


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": None}, "the lightly connection has no API token; put it into the password field"),
        ({"host": "ftp://x"}, "the lightly connection's api_url must look like https://api.lightly.ai"),
        ({"extra": '{"timeout": "soon"}'}, "the lightly connection's timeout must be a number of seconds above 0"),
    ],
)
def test_what_cannot_be_right_is_said(fields: dict[str, Any], message: str) -> None:
    """A field that cannot be right gets one sentence."""
    with pytest.raises(LightlyConfigError, match=f"^{message}$"):
        settings(**fields)


def said(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> tuple[bool, str]:
    connection = {"conn_type": "lightly", "password": "testing-token", **fields}
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTLY_DEFAULT", json.dumps(connection))
    return LightlyHook().test_connection()


def test_connection_names_who_answered(lightly_api: LightlyEmulator) -> None:
    """A good connection names the address and, once something tells it, the user."""
    answered = LightlyHook().test_connection()
    assert answered == (
        True,
        f"LightlyOne at {lightly_api.url} accepted the token; the account has no datasets and no workers yet",
    )
    lightly_api.call(datasets.create_dataset("abc", "Images"))
    user = lightly_api.call(datasets.list_datasets())[0].user_id
    assert LightlyHook().test_connection() == (
        True,
        f"LightlyOne at {lightly_api.url} accepted the token of user {user}",
    )


def test_rejected_token(lightly_api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong token is told apart from everything else."""
    assert said(monkeypatch, host=lightly_api.url, password="wrong-token") == (
        False,
        f"LightlyOne at {lightly_api.url} rejected the API token; put a valid one into the connection's password field",
    )


def test_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not exist: the message says where to look, without the token."""
    assert said(monkeypatch, host="http://lightly.invalid") == (
        False,
        "GET /v1/datasets: cannot reach LightlyOne at http://lightly.invalid: the host name was not found; check the"
        " connection's host",
    )


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert said(monkeypatch, host=f"http://127.0.0.1:{port}") == (
        False,
        f"GET /v1/datasets: cannot reach LightlyOne at http://127.0.0.1:{port}: nothing accepts connections there;"
        " check the connection's host and port",
    )


def test_another_server(lightly_api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not LightlyOne's API is called just that."""
    ok, message = said(monkeypatch, host=f"{lightly_api.url}/somewhere")
    assert (ok, message) == (
        False,
        f"{lightly_api.url}/somewhere does not answer as LightlyOne's API does; check the connection's host",
    )


def test_no_token_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test Connection never raises."""
    assert said(monkeypatch, password="") == (
        False,
        "the lightly connection has no API token; put it into the password field",
    )
