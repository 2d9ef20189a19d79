"""A proxy between any HTTP client and a running emulator, for faults that need real sockets."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lightly_airflow.contract.wire import Request, Response
from lightly_airflow.testing.exchange import Exchange
from lightly_airflow.testing.plan import Asked, Faults
from lightly_airflow.testing.running import LightlyEmulator

_HOST = "127.0.0.1"
_PASS_ON_SECONDS = 30
# Host goes on as it came: signatures of S3 hold for it as well.
_OWN = frozenset({"connection", "content-length"})


@dataclass(frozen=True)
class Behind:
    """The server to which requests are passed on.

    :param url: its address.
    :param token: LightlyOne's API token.
    :param operation: what records call a request, by its method and path.
    """

    url: str
    token: str
    operation: Callable[[str, str], str]


@contextmanager
def faulty(lightly: LightlyEmulator) -> Iterator[Faults]:
    """A proxy on a free port while the block lasts: ``with faulty(lightly_api) as faults: faults.url``.

    :param lightly: the emulator to which requests are passed on.
    :raises AssertionError: at the end of the block, if a fault has not fired as often as it was to.
    """
    with before(Behind(lightly.url, lightly.token, lightly.server.emulator.operation)) as faults:
        yield faults


@contextmanager
def before(behind: Behind) -> Iterator[Faults]:
    """:func:`faulty`, before any HTTP server whose requests say how long they are.

    :param behind: that server.
    """
    server = _Server(behind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="faults")
    thread.start()
    try:
        yield server.faults
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
    server.faults.check()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # the end of the block waits for what is under way
    request_queue_size = 128

    def __init__(self, behind: Behind) -> None:
        super().__init__((_HOST, 0), _Handler)
        self.behind = behind
        self.faults = Faults(f"http://{_HOST}:{self.server_port}", behind.token)
        self.stopping = threading.Event()

    def shutdown_request(self, request: Any) -> None:
        # The library would end each connection in good order, and then a reset is none any more.
        self.close_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the bytes of a slow answer would travel together
    timeout = 5
    server: _Server

    def _exchange(self) -> None:
        self.close_connection = True
        if "Transfer-Encoding" in self.headers:
            self.send_error(411, "the proxy of lightly_airflow.testing takes bodies with a Content-Length")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = _request(self.server.behind, self.command, self.path, body)
        asked, fault = self.server.faults.take(request)
        exchange = Exchange(request, lambda: self._pass_on(asked, body), self.connection, self.server.stopping)
        with suppress(OSError):  # the client is gone, or was killed
            if fault is None:
                exchange.answer(exchange.pass_on())
            else:
                fault.act(exchange)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _exchange  # noqa: N815 - the library's names

    def _pass_on(self, asked: Asked, body: bytes) -> Response:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        response = _ask(self.server.behind.url, self.command, self.path, body, headers)
        asked.status = response.status
        return self._through_here(response)

    def _through_here(self, response: Response) -> Response:
        """Signed URLs lead to the emulator itself; they shall lead here, so that files meet faults as well."""
        if not response.headers.get("content-type", "").startswith("application/json"):
            return response
        body = response.body.replace(self.server.behind.url.encode(), self.server.faults.url.encode())
        return Response(response.status, body, response.headers)

    def log_message(self, *_: Any) -> None:
        """Quiet: the library would log whole URLs, with the token."""


def _request(behind: Behind, method: str, target: str, body: bytes) -> Request:
    parts = urlsplit(target)
    query = tuple((name, value) for name, value in parse_qsl(parts.query, True) if name != "token")
    return Request(method, parts.path, behind.operation(method, parts.path), query, body or None)


def _ask(url: str, method: str, target: str, body: bytes, headers: dict[str, str]) -> Response:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_PASS_ON_SECONDS)
    try:
        connection.request(method, target, body or None, headers)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, answer.read(), told)
    finally:
        connection.close()
