"""Whether to repeat a request that failed, and after how long. A pure function: the driver does the waiting."""

from __future__ import annotations

from collections.abc import Callable

from lightly_airflow.contract.errors import (
    LightlyAnswerError,
    LightlyConnectionError,
    LightlyError,
    LightlyRateLimited,
    LightlyServerError,
    LightlySettingsUnread,
)
from lightly_airflow.contract.wire import Request

# 1 + 2 + 4 + 8 seconds: longer than a deployment's blip, short enough to tell a person at the keyboard what is wrong.
MAX_RETRIES = 4
# LightlyOne's own client waits at least this long after a 429 that gives no time itself.
RATE_LIMIT_SECONDS = 10.0
MAX_WAIT_SECONDS = 120.0

Decide = Callable[[LightlyError, Request, int], float | None]


def decide(error: LightlyError, request: Request, attempt: int) -> float | None:
    """Seconds to wait before the next attempt, or ``None`` to give up.

    A POST whose answer was lost may have taken effect, so it is never repeated blindly: the flow that made it looks
    whether it did. It is repeated only where it certainly had no effect: the connection was never made, or 429.

    :param error: what went wrong.
    :param request: what was asked.
    :param attempt: how many retries came before, from 0.
    """
    if attempt >= MAX_RETRIES:
        return None
    if isinstance(error, LightlyRateLimited):
        wait = RATE_LIMIT_SECONDS if error.retry_after is None else error.retry_after
        return min(wait, MAX_WAIT_SECONDS)
    if not passes(error) or (request.method == "POST" and may_have_happened(error)):
        return None
    told = getattr(error, "retry_after", None)
    return min(float(2**attempt) if told is None else told, MAX_WAIT_SECONDS)


def give_up(_error: LightlyError, _request: Request, _attempt: int) -> float | None:
    """Never repeats anything: for a person who presses a button and waits for the answer."""
    return None


def passes(error: LightlyError) -> bool:
    """Whether the fault may be gone by itself in a moment."""
    if isinstance(error, LightlyConnectionError):
        return error.kind != "tls"
    return isinstance(error, (LightlyServerError, LightlyAnswerError, LightlyRateLimited, LightlySettingsUnread))


def may_have_happened(error: LightlyError) -> bool:
    """Whether a request that failed so may nevertheless have taken effect."""
    return passes(error) and not _without_effect(error)


def may_be_under_way(error: LightlyError) -> bool:
    """Whether LightlyOne may still be at work on a request that failed so: the wait for it was given up, not the work."""
    timed_out = isinstance(error, LightlyConnectionError) and error.kind == "timeout"
    return timed_out or getattr(error, "status", None) == 504


def _without_effect(error: LightlyError) -> bool:
    never_sent = isinstance(error, LightlyConnectionError) and error.kind in ("dns", "refused", "proxy")
    return never_sent or isinstance(error, LightlyRateLimited)
