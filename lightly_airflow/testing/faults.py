"""The kinds of faults: what may happen to a request between a client and LightlyOne."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from lightly_airflow.contract.wire import Response
from lightly_airflow.testing.exchange import Exchange, encode

_HTML = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body>We will be back soon.</body></html>\n"


@dataclass(frozen=True)
class Fault:
    """One kind of fault; make your own from a name and a function.

    :param name: what messages and records call it.
    :param act: takes the place of ``exchange.answer(exchange.pass_on())``.
    """

    name: str
    act: Callable[[Exchange], None] = field(repr=False)

    def __str__(self) -> str:
        return self.name


def response_lost() -> Fault:
    """The request takes effect; the connection ends without an answer."""

    def act(exchange: Exchange) -> None:
        exchange.pass_on()

    return Fault("response lost", act)


def request_lost() -> Fault:
    """The connection ends before the request is passed on: no effect, no answer."""
    return Fault("request lost", lambda _: None)


def status(number: int, *, retry_after: float | None = None, json_body: bool = True, passed_on: bool = False) -> Fault:
    """An answer with a status of its own.

    :param number: the HTTP status, such as 503, 408 or 429.
    :param retry_after: seconds in a Retry-After header (default: no such header).
    :param json_body: an error in LightlyOne's form (default); ``False``: an empty body, as gateways send.
    :param passed_on: whether the request takes effect before (default ``False``).
    """
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    told = {"code": "", "error": f"a fault of the test: {number}", "requestId": "0" * 24}
    if not json_body:
        return _instead(f"status {number} without a body", Response(number, b"", headers), passed_on)
    headers["content-type"] = "application/json"
    return _instead(f"status {number}", Response(number, json.dumps(told).encode(), headers), passed_on)


def html(*, passed_on: bool = False) -> Fault:
    """A page of HTML with status 200, as gateways and captive portals send.

    :param passed_on: whether the request takes effect before (default ``False``).
    """
    return _instead("an HTML page", Response(200, _HTML, {"content-type": "text/html; charset=utf-8"}), passed_on)


def reset() -> Fault:
    """The request takes effect; a TCP reset (RST) in the middle of the answer's body."""

    def act(exchange: Exchange) -> None:
        whole = exchange.pass_on()
        exchange.reset()
        exchange.write(encode(_half(whole), len(whole.body) or 1))

    return Fault("reset within the body", act)


def truncated(*, length_fits: bool = True) -> Fault:
    """The request takes effect; the answer is half of its JSON.

    :param length_fits: Content-Length is that of the half, so that only the JSON shows it (default); ``False``: it is
        that of the whole, and the connection ends too early.
    """

    def act(exchange: Exchange) -> None:
        whole = exchange.pass_on()
        exchange.write(encode(_half(whole), None if length_fits else len(whole.body) or 1))

    return Fault(f"truncated, {'fitting' if length_fits else 'wrong'} length", act)


def slow(seconds_per_byte: float = 0.001) -> Fault:
    """The whole answer, byte by byte.

    :param seconds_per_byte: the wait after each byte (default a millisecond).
    """

    def act(exchange: Exchange) -> None:
        for byte in encode(exchange.pass_on()):
            exchange.write(bytes([byte]))
            exchange.wait(seconds_per_byte)

    return Fault(f"slow, {seconds_per_byte:g} s a byte", act)


def latency(seconds: float) -> Fault:
    """The request is passed on late; a client that has given up by then is not waited for.

    :param seconds: the wait before it is passed on.
    """

    def act(exchange: Exchange) -> None:
        exchange.wait(seconds)
        exchange.answer(exchange.pass_on())

    return Fault(f"late by {seconds:g} s", act)


def every_kind() -> tuple[Fault, ...]:
    """One of each kind, with waits of some hundredths of a second."""
    statuses = [status(500), status(502, json_body=False), status(503), status(504, passed_on=True), status(408)]
    limited = [status(429, retry_after=0), status(429, json_body=False)]
    pages = [html(), html(passed_on=True)]
    cut = [reset(), truncated(), truncated(length_fits=False)]
    return response_lost(), request_lost(), *statuses, *limited, *pages, *cut, slow(0.00005), latency(0.05)


def _instead(name: str, response: Response, passed_on: bool) -> Fault:
    def act(exchange: Exchange) -> None:
        if passed_on:
            exchange.pass_on()
        exchange.answer(response)

    return Fault(f"{name} after the effect" if passed_on else name, act)


def _half(whole: Response) -> Response:
    return Response(whole.status, whole.body[: len(whole.body) // 2], whole.headers)
