"""When a request is repeated, and after how long."""

from __future__ import annotations

import pytest

from lightly_airflow.client.policy import MAX_RETRIES, decide, give_up, may_be_under_way, may_have_happened, passes
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
    LightlyUnauthorized,
)
from lightly_airflow.contract.wire import Request

REQUESTS = {method: Request(method, "/v1", f"{method} /v1") for method in ("GET", "PUT", "POST", "DELETE")}


def lost(kind: str) -> LightlyError:
    return LightlyConnectionError("GET /v1", kind, "http://host")


def busy(seconds: float | None) -> LightlyError:
    return LightlyRateLimited("GET /v1", 429, retry_after=seconds)


def down(seconds: float | None = None) -> LightlyError:
    return LightlyServerError("GET /v1", 503, retry_after=seconds)


# error, wait of the first retry of a repeatable request, the same for a POST, passes, may have happened
TABLE: list[tuple[LightlyError, float | None, float | None, bool, bool]] = [
    (lost("dns"), 1, 1, True, False),
    (lost("refused"), 1, 1, True, False),
    (lost("proxy"), 1, 1, True, False),
    (lost("timeout"), 1, None, True, True),
    (lost("reset"), 1, None, True, True),
    (lost("tls"), None, None, False, False),
    (LightlyAnswerError("GET /v1", 200, "body"), 1, None, True, True),
    (down(), 1, None, True, True),
    (down(7), 7, None, True, True),
    (down(9999), 120, None, True, True),
    (busy(None), 10, 10, True, False),
    (busy(3), 3, 3, True, False),
    (busy(9999), 120, 120, True, False),
    (LightlyUnauthorized("GET /v1", 401), None, None, False, False),
    (LightlyForbidden("GET /v1", 403), None, None, False, False),
    (LightlyNotFound("GET /v1", 404), None, None, False, False),
    (LightlyConflict("GET /v1", 409), None, None, False, False),
    (LightlyApiError("GET /v1", 400, retry_after=1), None, None, False, False),
    (LightlyConfigError("bad"), None, None, False, False),
]
EACH = pytest.mark.parametrize(
    ("error", "wait", "post_wait", "passing", "happened"), TABLE, ids=[f"{error!s:.60}" for error, *_ in TABLE]
)


@EACH
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_can_be_repeated_is_repeated(
    error: LightlyError, wait: float | None, post_wait: float | None, passing: bool, happened: bool, method: str
) -> None:
    """A fault that passes is waited for; a refusal is final."""
    assert decide(error, REQUESTS[method], 0) == wait


@EACH
def test_a_post_is_never_repeated_blindly(
    error: LightlyError, wait: float | None, post_wait: float | None, passing: bool, happened: bool
) -> None:
    """Only one that certainly had no effect is sent again."""
    assert decide(error, REQUESTS["POST"], 0) == post_wait
    assert not (happened and post_wait is not None)


@EACH
def test_faults_are_judged_for_flows(
    error: LightlyError, wait: float | None, post_wait: float | None, passing: bool, happened: bool
) -> None:
    """A watch waits out what passes; a creation looks again after what may have happened."""
    assert (passes(error), may_have_happened(error)) == (passing, happened)


@pytest.mark.parametrize(("attempt", "wait"), [(0, 1), (1, 2), (2, 4), (3, 8), (MAX_RETRIES, None), (99, None)])
def test_waits_double_and_end(attempt: int, wait: float | None) -> None:
    """Fifteen seconds in all, then the error is told."""
    assert decide(down(), REQUESTS["GET"], attempt) == wait
    assert decide(busy(1), REQUESTS["GET"], attempt) == (None if wait is None else 1)


@EACH
def test_a_waiting_person_is_answered_at_once(
    error: LightlyError, wait: float | None, post_wait: float | None, passing: bool, happened: bool
) -> None:
    """A connection test repeats nothing."""
    assert give_up(error, REQUESTS["GET"], 0) is None


@pytest.mark.parametrize(
    ("error", "under_way"),
    [
        (LightlyConnectionError("POST /", "timeout", "http://host"), True),
        (LightlyServerError("POST /", 504), True),
        (LightlyConnectionError("POST /", "reset", "http://host"), False),
        (LightlyServerError("POST /", 503), False),
    ],
)
def test_what_may_be_under_way_still(error: LightlyError, under_way: bool) -> None:
    """Whoever gave up waiting, the client or a gateway, has not stopped the work."""
    assert may_be_under_way(error) is under_way
