"""Everything that can go wrong with LightlyOne, in one tree, and the one function that turns a response into an error.

::

    LightlyError
    ├── LightlyConfigError         the author's values cannot be right; nothing was sent
    ├── LightlySettingsUnread      where address and token are kept does not give them; nothing was sent
    ├── LightlyConnectionError     no answer: name not found, TLS, refused, timeout; .kind says which
    ├── LightlyAnswerError         an answer that cannot be read
    └── LightlyApiError            the API said no; .status, .code, .reason
        ├── LightlyUnauthorized    401, or 403 whose code speaks of the token
        ├── LightlyForbidden       402 and 403
        ├── LightlyNotFound        404
        ├── LightlyConflict        409
        ├── LightlyRateLimited     429; .retry_after in seconds, if the API said it
        └── LightlyServerError     5xx and 408

All of them pickle (Airflow hands exceptions between processes) and none ever holds a URL, because the token is in it.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from lightly_airflow.contract.wire import Response

TOKEN_CODES = frozenset({"UNAUTHORIZED", "JWT_INVALID", "JWT_MALFORMED"})


class LightlyError(Exception):
    """Base of all errors of this package that concern LightlyOne."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own __reduce__ calls the class with .args, which are the message alone.
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[LightlyError], args: tuple[Any, ...], state: dict[str, Any]) -> LightlyError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class LightlyConfigError(LightlyError, ValueError):
    """A value that cannot be right: a name, a path, a config key. Raised before anything is sent."""


class LightlySettingsUnread(LightlyError):
    """Address and token are not to be had at the moment.

    :param connection: the name under which they are kept.
    :param kind: what stood in the way, in one word.
    """

    def __init__(self, connection: str, kind: str) -> None:
        super().__init__(f"connection {connection!r} cannot be read ({kind}); is it there?")
        self.connection, self.kind = connection, kind


class LightlyConnectionError(LightlyError):
    """No answer came, so whether the request took effect is unknown.

    :param operation: the endpoint's method and path template.
    :param kind: ``dns`` | ``tls`` | ``proxy`` | ``timeout`` | ``refused`` | ``reset``.
    :param host: scheme, name and port of the server.
    """

    HINTS: ClassVar[dict[str, str]] = {
        "dns": "the host name was not found; check the connection's host",
        "tls": "the TLS certificate could not be verified; set the connection's ca_bundle or verify",
        "proxy": "the proxy did not answer; check the connection's proxy",
        "timeout": "no answer in time; check the host, or raise the connection's timeout",
        "refused": "nothing accepts connections there; check the connection's host and port",
        "reset": "the connection was lost before the answer was complete",
    }

    def __init__(self, operation: str, kind: str, host: str) -> None:
        super().__init__(f"{operation}: cannot reach LightlyOne at {host}: {self.HINTS[kind]}")
        self.operation, self.kind, self.host = operation, kind, host


class LightlyAnswerError(LightlyError):
    """An answer that is not what the contract says: not JSON, or members missing.

    :param operation: the endpoint's method and path template.
    :param status: the answer's HTTP status.
    :param where: what is wrong, by member.
    """

    def __init__(self, operation: str, status: int, where: str) -> None:
        super().__init__(f"{operation}: LightlyOne's answer ({status}) cannot be read: {where}")
        self.operation, self.status = operation, status


class LightlyApiError(LightlyError):
    """LightlyOne refused a request.

    :param operation: the endpoint's method and path template.
    :param status: HTTP status.
    :param code: LightlyOne's error code, such as ``DATASET_UNKNOWN``; empty if the answer had none.
    :param reason: LightlyOne's own words.
    :param request_id: LightlyOne's id of the request, for its support.
    :param retry_after: seconds to wait, where the answer's Retry-After header says so.
    """

    HINT = ""  # what to do about it, where that is always the same

    def __init__(
        self,
        operation: str,
        status: int,
        code: str = "",
        reason: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        told = " ".join(part for part in (str(status), code) if part)
        trace = f" (request {request_id})" if request_id else ""
        super().__init__(f"{operation}: {told}: {reason or 'no reason given'}{self.HINT}{trace}")
        self.operation, self.status, self.code, self.reason = operation, status, code, reason
        self.request_id, self.retry_after = request_id, retry_after


class LightlyUnauthorized(LightlyApiError):
    """The API token was not accepted."""

    HINT = "; put a valid API token into the lightly connection's password field"


class LightlyForbidden(LightlyApiError):
    """The token is known but may not do this, or the account's plan does not cover it."""


class LightlyNotFound(LightlyApiError):
    """No such dataset, run, tag or config."""


class LightlyConflict(LightlyApiError):
    """The request contradicts what is there, such as a dataset name that is taken."""


class LightlyRateLimited(LightlyApiError):
    """Too many requests."""


class LightlyServerError(LightlyApiError):
    """LightlyOne failed to answer; the request may or may not have taken effect."""


_BY_STATUS: dict[int, type[LightlyApiError]] = {
    401: LightlyUnauthorized,
    402: LightlyForbidden,
    403: LightlyForbidden,
    404: LightlyNotFound,
    408: LightlyServerError,
    409: LightlyConflict,
    429: LightlyRateLimited,
}


def error_from(response: Response, operation: str) -> LightlyApiError:
    """The error that a response other than 2xx stands for; bodies that are no JSON are named by their status alone."""
    told = _told(response.body)
    code = str(told.get("code") or "")
    kind = _BY_STATUS.get(response.status, LightlyServerError if response.status >= 500 else LightlyApiError)
    if response.status == 403 and code in TOKEN_CODES:
        kind = LightlyUnauthorized
    request_id = told.get("requestId")
    return kind(
        operation,
        response.status,
        code,
        str(told.get("error") or ""),
        str(request_id) if request_id else None,
        _seconds(response.headers.get("retry-after")),
    )


def _told(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, is ignored because reading it needs a clock."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
