"""The token goes to LightlyOne and nowhere else: not into logs, errors, other hosts or anybody's repr."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.client.transports import HttpxTransport, RequestsTransport
from lightly_airflow.contract.errors import error_from
from lightly_airflow.contract.wire import Request
from tests.client import servers
from tests.client.asking import GET, SECRET, Ask, everything_about, fault, settings
from tests.client.servers import HttpServer, raw_server

SIGNED = "X-Amz-Signature=abc123"


def test_redirects_of_api_calls_are_not_followed(ask: Ask, server: HttpServer) -> None:
    """The token must not travel to where an answer points."""
    assert ask(settings(server.url), Request("GET", "/redirect", "GET /redirect")).status == 302
    assert len(server.seen) == 1


@pytest.mark.parametrize("scheme", ["http", "HTTP", "Http"])
def test_signed_files_are_asked_for_without_the_token(ask: Ask, server: HttpServer, scheme: str) -> None:
    """An absolute URL is asked for as it stands, however its scheme is spelled."""
    url = f"{scheme}{server.url.removeprefix('http')}/file?{SIGNED}"
    assert ask(settings("http://name.invalid"), Request("GET", url, "GET (signed file)")).status == 200
    assert [seen.target for seen in server.seen] == [f"/file?{SIGNED}"]


@pytest.mark.parametrize("start", ["<html>", "@", "file:///", ""])
def test_what_is_no_address_never_gets_the_token(ask: Ask, server: HttpServer, start: str) -> None:
    """An answer that should have been a signed URL and is not must not lead the token astray."""
    path = start + server.url.removeprefix("http://")
    error = fault(ask, settings("http://name.invalid"), Request("GET", path, "GET (signed file)"))
    assert SECRET not in everything_about(error)
    assert server.seen == []


@pytest.mark.parametrize("path", ["/v1/things", "/redirect"])
def test_netrc_is_never_sent(ask: Ask, server: HttpServer, tmp_path: Path, path: str) -> None:
    """A ~/.netrc entry for the host is meant for other programs; beside a signature it would even spoil a request."""
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    (tmp_path / ".netrc").chmod(0o600)
    ask(settings(server.url), Request("GET", path, "GET"))
    ask(settings(server.url), Request("GET", server.url + path, "GET"))
    assert all("authorization" not in seen.headers for seen in server.seen)


def test_a_token_that_is_echoed_is_scrubbed(ask: Ask, server: HttpServer) -> None:
    """A server or proxy may quote the request in its error; the token must not reach a message."""
    response = ask(settings(server.url), Request("GET", "/echo", "GET /echo"))
    error = error_from(response, "GET /echo")
    assert (error.status, SECRET in error.reason) == (400, False)
    assert "token=***" in str(error)
    assert SECRET not in everything_about(error)


@pytest.mark.parametrize("path", ["/v1/things", "/echo", "/redirect"])
def test_logs_never_hold_the_token(ask: Ask, server: HttpServer, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 and httpx log whole URLs; what arrives in a log has no token and no signature."""
    for name in ("httpx", "urllib3"):  # Airflow, where it is loaded, makes httpx quieter
        caplog.set_level(logging.DEBUG, logger=name)
    ask(settings(server.url), Request("GET", path, "GET"))
    ask(settings(server.url), Request("GET", f"{server.url}{path}?{SIGNED}", "GET"))
    assert "token=***" in caplog.text
    assert "Signature=***" in caplog.text
    assert SECRET not in caplog.text
    assert "abc123" not in caplog.text


def test_a_warning_about_headers_does_not_hold_the_token(caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 warns of broken headers with the URL, even at the default level."""
    with raw_server(servers.answer_with_a_broken_header) as url, RequestsTransport(settings(url)) as transport:
        assert transport.send(GET).body == b"ok"
    assert "Failed to parse headers" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("make", [RequestsTransport, HttpxTransport])
def test_transports_do_not_show_the_token(make: Callable[[ApiSettings], object]) -> None:
    """Neither by repr, nor by the repr of what they are made from."""
    chosen = settings("http://127.0.0.1:1", proxy=f"http://user:{SECRET}@127.0.0.1:1")
    assert SECRET not in f"{make(chosen)!r} {chosen!r} {chosen}"
