"""Both transports behind one face, in an environment that decides nothing."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.client.transports import HttpxTransport, RequestsTransport
from lightly_airflow.contract.wire import Request, Response
from tests.client.asking import Ask, answer
from tests.client.servers import HttpServer, http_server, own_authority

_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy, no CA bundle and no .netrc but those that a test sets."""
    for name in (*_VARIABLES, *map(str.lower, _VARIABLES), *_BUNDLES, "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def every_log(caplog: pytest.LogCaptureFixture) -> None:
    """Everything that any library logs."""
    caplog.set_level(logging.DEBUG)


def through_requests(settings: ApiSettings, request: Request) -> Response:
    with RequestsTransport(settings) as transport:
        return transport.send(request)


def through_httpx(settings: ApiSettings, request: Request) -> Response:
    async def talk() -> Response:
        async with HttpxTransport(settings) as transport:
            return await transport.send(request)

    return asyncio.run(talk())


@pytest.fixture(params=[through_requests, through_httpx], ids=["requests", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Sends one request through either transport."""
    chosen: Ask = request.param
    return chosen


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's TLS context, and the bundle that trusts it."""
    return own_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def running() -> Iterator[HttpServer]:
    with http_server(answer) as server:
        yield server


@pytest.fixture
def server(running: HttpServer) -> HttpServer:
    """A server that answers, and what it was asked in this test."""
    running.seen.clear()
    return running
