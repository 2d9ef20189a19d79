"""The emulator behind HTTP: uvicorn and Starlette around :meth:`Emulator.send`, in a thread of its own."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from lightly_airflow.contract.wire import Request
from lightly_airflow.emulator import page
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.world import World

log = logging.getLogger(__name__)
_BACKLOG = 128
_STOP_SECONDS = 2


class Server:
    """A running emulator; also a context manager.

    :param world: the state.
    :param tokens: the API tokens that are accepted.
    :param host: the address to listen on.
    :param port: the port; 0 takes a free one.
    :raises OSError: the port is taken.
    """

    def __init__(self, world: World, tokens: Iterable[str], host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = socket.create_server((host, port), backlog=_BACKLOG)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self.emulator = Emulator(world, tokens, self.url)
        # The API's URLs carry the token. uvicorn's own switch only takes the handlers away, and whoever configures
        # logging later gives the logger new ones; a filter stays.
        logging.getLogger("uvicorn.access").addFilter(_nothing)
        config = uvicorn.Config(
            application(self.emulator, host),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="emulator")

    def start(self) -> Self:
        """Answer requests from now on. The port accepts connections already, so nobody has to wait."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Finish what is under way, for two seconds at most, and close the port."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(world: World, tokens: Iterable[str], host: str = "127.0.0.1", port: int = 0) -> Server:
    """An emulator to use in a ``with`` statement: ``with serve(World(), ["token"]) as server: server.url``."""
    return Server(world, tokens, host, port)


def _nothing(record: logging.LogRecord) -> bool:
    return False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def application(emulator: Emulator, host: str) -> Starlette:
    """The pages, which need no token and so are there on a loopback address alone, and the API.

    :param host: the address that is listened on. On a loopback address other Host headers are refused, so that no web
        site can reach the emulator under a name of its own (DNS rebinding).
    """

    async def api(request: HttpRequest) -> HttpResponse:
        return await _answer(emulator, request)

    async def overview(request: HttpRequest) -> HttpResponse:
        # ?embed=true: a copy to save, with the thumbnails inside.
        embed = request.query_params.get("embed") == "true"
        return HTMLResponse(await run_in_threadpool(page.render, emulator, embed=embed), headers=page.HEADERS)

    async def run(request: HttpRequest) -> HttpResponse:
        scheduled_id = request.query_params.get("scheduledRunId", "")
        return HTMLResponse(await run_in_threadpool(page.render_run, emulator, scheduled_id), headers=page.HEADERS)

    everything = Route("/{path:path}", api, methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    if not is_loopback(host):
        return Starlette(routes=[everything])
    names = Middleware(TrustedHostMiddleware, allowed_hosts=[host, "localhost", "127.0.0.1"])
    pages = [Route("/", overview), Route("/compute/runs", run)]
    return Starlette(routes=[*pages, everything], middleware=[names])


async def _answer(emulator: Emulator, http: HttpRequest) -> HttpResponse:
    started = time.monotonic()
    request, token = _request(http, await http.body())
    response = await run_in_threadpool(emulator.send, request, token)
    if log.isEnabledFor(logging.DEBUG):
        # The template, never the URL: that has the token in it.
        spent = (time.monotonic() - started) * 1000
        log.debug("%s %d %.0f ms", emulator.operation(request.method, request.path), response.status, spent)
    return HttpResponse(response.body, response.status, dict(response.headers))


def _request(http: HttpRequest, body: bytes) -> tuple[Request, str | None]:
    # The path as it was sent: Starlette's own is decoded, and then a / within a name is one between names.
    path = http.scope["raw_path"].decode("ascii")
    query = http.query_params.multi_items()
    others = tuple((name, value) for name, value in query if name != "token")
    return Request(http.method, path, f"{http.method} {path}", others, body or None), http.query_params.get("token")
