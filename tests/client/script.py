"""A scripted LightlyOne: answers in the order in which they were written, and keeps a trace."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lightly_airflow.client.drive import adrive, drive
from lightly_airflow.contract.errors import LightlyConnectionError, LightlyError
from lightly_airflow.contract.wire import Conversation, Request, Response

T = TypeVar("T")


def ok(body: Any = None, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(body).encode())


def no(status: int, code: str = "", reason: str = "no") -> Response:
    """LightlyOne's refusal."""
    return Response(status, json.dumps({"code": code, "error": reason}).encode())


def lost(kind: str = "reset") -> LightlyError:
    """No answer: the request may have arrived, or not."""
    return LightlyConnectionError("POST /v1", kind, "http://host")


@dataclass
class Script:
    """Answers to give and faults to raise, one a request; ``trace`` holds operations and waits as they came.

    :param steps: every one must be used: a fault that never fired proves nothing.
    """

    steps: list[Response | LightlyError]
    trace: list[str | float] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.trace.append(request.operation)
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, LightlyError):
            raise step
        return step

    def sleep(self, seconds: float) -> None:
        self.trace.append(seconds)

    async def asend(self, request: Request) -> Response:
        return self.send(request)

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)

    def play(self, talk: Conversation[T]) -> T:
        """The conversation's result, once every step was used."""
        result = drive(talk, self.send, sleep=self.sleep)
        assert self.steps == []
        return result

    async def aplay(self, talk: Conversation[T]) -> T:
        """:meth:`play`, through the other driver."""
        result = await adrive(talk, self.asend, sleep=self.asleep)
        assert self.steps == []
        return result
