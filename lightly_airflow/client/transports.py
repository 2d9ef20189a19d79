"""Requests out, responses in: ``requests`` for workers, ``httpx`` for the triggerer. Both libraries come with Airflow.

The token travels in the URL, so no exception of either library leaves this module: they carry the URL. Ours are raised
after the ``except`` block has ended, so that they do not carry the library's as their context either.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from lightly_airflow.client.settings import ApiSettings, headers, is_absolute
from lightly_airflow.contract.errors import LightlyConfigError, LightlyConnectionError
from lightly_airflow.contract.hiding import HideSecrets
from lightly_airflow.contract.wire import Request, Response

if TYPE_CHECKING:
    from typing import Self


class RequestsTransport:
    """Synchronous. Use as a context manager, or :meth:`close` it."""

    def __init__(self, settings: ApiSettings) -> None:
        import requests

        HideSecrets.install()
        self._settings = settings
        self._session = requests.Session()
        # Without these two, a ~/.netrc entry for the host, or for a redirect's, would add an Authorization header.
        self._session.auth = lambda request: request
        self._session.rebuild_auth = lambda *_: None  # type: ignore[method-assign]
        self._proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None

    def send(self, request: Request) -> Response:
        """One request, one response; raises :class:`LightlyConnectionError` where none came."""
        import requests

        try:
            answer = self._session.request(
                request.method,
                self._settings.url(request),
                data=request.body,
                headers=headers(request),
                timeout=self._settings.timeout,
                # Here and not on the session, where REQUESTS_CA_BUNDLE and the proxy variables would win.
                verify=self._settings.trust,
                proxies=self._proxies,
                allow_redirects=is_absolute(request),
            )
            return self._settings.response(answer.status_code, answer.content, answer.headers)
        except requests.RequestException as error:
            kind = kind_of(error)
        raise LightlyConnectionError(request.operation, kind, self._settings.host_of(request))

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


class HttpxTransport:
    """Asynchronous. Use as an async context manager. Making one loads CA certificates: do it off the event loop."""

    def __init__(self, settings: ApiSettings) -> None:
        import httpx

        HideSecrets.install()
        self._settings = settings
        verify, client = _context(settings.trust), None
        with suppress(ValueError, httpx.InvalidURL):  # their words hold the proxy's password
            client = httpx.AsyncClient(verify=verify, proxy=settings.proxy, timeout=settings.timeout)
        if client is None:
            raise LightlyConfigError("the lightly connection's proxy is not an address such as http://host:3128")
        self._client = client

    async def send(self, request: Request) -> Response:
        """One request, one response; raises :class:`LightlyConnectionError` where none came."""
        import httpx

        try:
            answer = await self._client.request(
                request.method,
                self._settings.url(request),
                content=request.body,
                headers=headers(request),
                follow_redirects=is_absolute(request),
            )
            return self._settings.response(answer.status_code, answer.content, answer.headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = kind_of(error)
        if self._settings.proxy and kind in ("dns", "refused"):
            kind = "proxy"  # nothing else is connected to, though httpx does not say so
        raise LightlyConnectionError(request.operation, kind, self._settings.host_of(request))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._client.aclose()


def _context(trust: bool | str) -> bool | ssl.SSLContext:
    if isinstance(trust, bool):
        return trust
    try:
        return ssl.create_default_context(cafile=trust)
    except OSError as error:
        told = error.strerror or type(error).__name__
    raise LightlyConfigError(
        f"the CA bundle {trust} cannot be read ({told}); correct the lightly connection's ca_bundle"
    )


# A TLS connection that is lost, not one that cannot be trusted.
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def kind_of(error: BaseException) -> str:
    """Which kind of :class:`LightlyConnectionError` a library's exception is, from its own causes."""
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if "ProxyError" in names:
        return "proxy"
    if any(isinstance(cause, socket.gaierror) for cause in causes) or "NameResolutionError" in names:
        return "dns"
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT_OFF) for cause in causes):
        return "tls"
    if any(isinstance(cause, TimeoutError) for cause in causes) or any(name.endswith("Timeout") for name in names):
        return "timeout"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes) or "NewConnectionError" in names:
        return "refused"
    return "reset"


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        nested = [*error.args, getattr(error, "reason", None), *getattr(error, "exceptions", ())]
        for inner in nested:
            if isinstance(inner, BaseException):
                found.extend(one for one in _causes(inner) if one not in found)
        error = error.__cause__ or error.__context__
    return found
