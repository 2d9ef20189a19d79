"""Asking a server of this machine, and looking for the token in whatever comes of it."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.contract.errors import LightlyConnectionError
from lightly_airflow.contract.wire import Request, Response
from tests.client.servers import Answer, Seen

Ask = Callable[[ApiSettings, Request], Response]
SECRET = "s3cr3t"
TOKEN = f"{SECRET}/t+k n&=?ü"
QUOTED = f"{SECRET}%2Ft%2Bk%20n%26%3D%3F%C3%BC"
GET = Request("GET", "/v1/things/a%2Fb", "GET /v1/things/{name}", (("states", "A&B"), ("states", "C")))


def answer(seen: Seen) -> Answer:
    """What the server says: fine, but for three paths."""
    path = urlsplit(seen.target).path
    if path.startswith("/redirect"):
        return 302, b"", {"Location": "/elsewhere"}
    if path.startswith("/echo"):
        return 400, f'{{"error": "no: {seen.target} {TOKEN}"}}'.encode(), {}
    if path.startswith("/busy"):
        return 429, b"", {"Retry-After": "7"}
    return 200, b"fine", {"X-Kind": "Good"}


def settings(url: str, **more: object) -> ApiSettings:
    """An account at the server of that address."""
    return ApiSettings(**{"token": TOKEN, "api_url": url, "timeout": 5.0, **more})  # type: ignore[arg-type]


def fault(ask: Ask, chosen: ApiSettings, request: Request = GET) -> LightlyConnectionError:
    """The error where no answer came."""
    with pytest.raises(LightlyConnectionError) as caught:
        ask(chosen, request)
    return caught.value


def everything_about(error: BaseException | None) -> str:
    """All that a log or another process may see of an exception and of what it drags along."""
    if error is None:
        return ""
    own = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    told = f"{error!s} {error!r} {error.args} {vars(error)} {own} {pickle.dumps(error)!r}"
    return told + everything_about(error.__cause__) + everything_about(error.__context__)
