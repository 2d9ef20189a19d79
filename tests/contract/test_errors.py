"""The error tree: what a response becomes, and how errors travel."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from lightly_airflow.contract.errors import (
    LightlyAnswerError,
    LightlyApiError,
    LightlyConfigError,
    LightlyConflict,
    LightlyConnectionError,
    LightlyError,
    LightlyForbidden,
    LightlyNotFound,
    LightlyRateLimited,
    LightlyServerError,
    LightlySettingsUnread,
    LightlyUnauthorized,
    error_from,
)
from lightly_airflow.contract.wire import Response

OPERATION = "GET /v1/datasets/{datasetId}"
API_ERRORS = (
    LightlyApiError,
    LightlyUnauthorized,
    LightlyForbidden,
    LightlyNotFound,
    LightlyConflict,
    LightlyRateLimited,
    LightlyServerError,
)
EVERY_ERROR: list[LightlyError] = [
    LightlyError("plain"),
    LightlyConfigError("bad name"),
    LightlySettingsUnread("lightly_default", "OperationalError"),
    LightlyConnectionError(OPERATION, "dns", "https://api.lightly.ai"),
    LightlyAnswerError(OPERATION, 200, "id: Field required"),
    *(kind(OPERATION, 418, "TEAPOT", "short and stout", "r1", 3.5) for kind in API_ERRORS),
]


def told(**members: Any) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_errors_cross_processes(error: LightlyError) -> None:
    """Pickling and copying keep class, message and attributes."""
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))


def test_every_error_is_tried() -> None:
    """A class that is added to the tree must pickle too."""
    known, todo = set[type](), [LightlyError]
    while todo:
        known.add(kind := todo.pop())
        todo += kind.__subclasses__()
    assert {kind for kind in known if kind.__module__ == LightlyError.__module__} == {type(one) for one in EVERY_ERROR}


@pytest.mark.parametrize("kind", LightlyConnectionError.HINTS)
def test_a_lost_connection_says_what_to_check(kind: str) -> None:
    """The message names operation, host and the fix, and no address with a query."""
    error = LightlyConnectionError(OPERATION, kind, "https://api.lightly.ai")
    hint = LightlyConnectionError.HINTS[kind]
    assert str(error) == f"{OPERATION}: cannot reach LightlyOne at https://api.lightly.ai: {hint}"
    assert "?" not in str(error)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "MALFORMED_REQUEST", LightlyApiError),
        (400, "DATASET_NAME_EXISTS", LightlyApiError),
        (302, "", LightlyApiError),
        (401, "UNAUTHORIZED", LightlyUnauthorized),
        (401, "", LightlyUnauthorized),
        (402, "ACCOUNT_SUBSCRIPTION_INSUFFICIENT", LightlyForbidden),
        (403, "FORBIDDEN", LightlyForbidden),
        (403, "", LightlyForbidden),
        (403, "UNAUTHORIZED", LightlyUnauthorized),
        (403, "JWT_INVALID", LightlyUnauthorized),
        (403, "JWT_MALFORMED", LightlyUnauthorized),
        (404, "DATASET_UNKNOWN", LightlyNotFound),
        (408, "", LightlyServerError),
        (409, "CONFLICT", LightlyConflict),
        (413, "PAYLOAD_TOO_LARGE", LightlyApiError),
        (422, "DATASET_DATASOURCE_RELEVANT_FILENAMES_INVALID", LightlyApiError),
        (429, "", LightlyRateLimited),
        (500, "", LightlyServerError),
        (502, "", LightlyServerError),
        (503, "", LightlyServerError),
        (504, "", LightlyServerError),
        (599, "", LightlyServerError),
    ],
)
def test_statuses_and_codes_choose_the_error(status: int, code: str, kind: type[LightlyApiError]) -> None:
    """Each status has its class; a 403 about the token is a rejected token."""
    error = error_from(Response(status, told(code=code, error="why")), OPERATION)
    assert type(error) is kind
    assert (error.operation, error.status, error.code, error.reason) == (OPERATION, status, code, "why")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (told(code="NOT_FOUND", error="gone", requestId="r1"), "404 NOT_FOUND: gone (request r1)"),
        (told(error="gone"), "404: gone"),
        (told(code="NOT_FOUND"), "404 NOT_FOUND: no reason given"),
        (told(code=None, error=None, requestId=None), "404: no reason given"),
        (told(code=7, error={"a": 1}), "404 7: {'a': 1}"),
        (b"<html><body>nginx at https://proxy?token=t</body></html>", "404: no reason given"),
        (b"", "404: no reason given"),
        (b"[1]", "404: no reason given"),
        (b"12", "404: no reason given"),
        (b"\xff\xfe", "404: no reason given"),
    ],
)
def test_any_body_makes_a_message(body: bytes, message: str) -> None:
    """JSON is quoted; whatever else a server or proxy says is left out."""
    assert str(error_from(Response(404, body), OPERATION)) == f"{OPERATION}: {message}"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("-3", 0.0),
        ("", None),
        ("soon", None),
        ("nan", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_seconds(header: str | None, seconds: float | None) -> None:
    """Seconds are taken, a date is not, and nothing makes a wait negative."""
    headers = {} if header is None else {"retry-after": header}
    assert error_from(Response(429, b"", headers), OPERATION).retry_after == seconds
