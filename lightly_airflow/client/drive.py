"""The two drivers: the only loops over a conversation, and the only sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from lightly_airflow.client.policy import Decide, decide
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.wire import Call, Conversation, Pause, Request, Response

T = TypeVar("T")
Send = Callable[[Request], Response]
AsyncSend = Callable[[Request], Awaitable[Response]]


def drive(
    talk: Conversation[T], send: Send, *, decide: Decide = decide, sleep: Callable[[float], None] = time.sleep
) -> T:
    """Runs a conversation to its end and returns its result.

    :param talk: the conversation, or a single call.
    :param send: makes one request.
    :param decide: the retry policy.
    :param sleep: waits so many seconds.
    :raises LightlyError: whatever the conversation does not handle; each error is first raised inside it.
    """
    flow = iter(talk)
    try:
        step = next(flow)
        while True:
            try:
                value = _sleep(step, sleep) if isinstance(step, Pause) else _ask(step, send, decide, sleep)
            except LightlyError as error:
                step = flow.throw(error)
            else:
                step = flow.send(value)
    except StopIteration as stop:
        return cast("T", stop.value)


def _sleep(pause: Pause, sleep: Callable[[float], None]) -> Any:
    sleep(pause.seconds)


def _ask(call: Call[Any], send: Send, decide: Decide, sleep: Callable[[float], None]) -> Any:
    attempt = 0
    while True:
        try:
            return call.parse(send(call.request))
        except LightlyError as error:
            seconds = decide(error, call.request, attempt)
            if seconds is None:
                raise
        sleep(seconds)
        attempt += 1


async def adrive(
    talk: Conversation[T],
    send: AsyncSend,
    *,
    decide: Decide = decide,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """:func:`drive`, for a coroutine."""
    flow = iter(talk)
    try:
        step = next(flow)
        while True:
            try:
                value = (
                    await _asleep(step, sleep) if isinstance(step, Pause) else await _aask(step, send, decide, sleep)
                )
            except LightlyError as error:
                step = flow.throw(error)
            else:
                step = flow.send(value)
    except StopIteration as stop:
        return cast("T", stop.value)


async def _asleep(pause: Pause, sleep: Callable[[float], Awaitable[None]]) -> Any:
    await sleep(pause.seconds)


async def _aask(call: Call[Any], send: AsyncSend, decide: Decide, sleep: Callable[[float], Awaitable[None]]) -> Any:
    attempt = 0
    while True:
        try:
            return call.parse(await send(call.request))
        except LightlyError as error:
            seconds = decide(error, call.request, attempt)
            if seconds is None:
                raise
        await sleep(seconds)
        attempt += 1
