"""The proxy of lightly_airflow.testing: what each fault does to a client and to the emulator, and how faults are counted."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from lightly_airflow.client.flows.results import read_file
from lightly_airflow.client.policy import may_have_happened
from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.contract.errors import (
    LightlyAnswerError,
    LightlyConnectionError,
    LightlyError,
    LightlyRateLimited,
    LightlyServerError,
)
from lightly_airflow.contract.models.runs import RunCreateRequest
from lightly_airflow.contract.operations import datasets, runs
from lightly_airflow.contract.wire import Call, Request, Response
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.testing import (
    TOKEN,
    Asked,
    Exchange,
    Fault,
    Faults,
    LightlyEmulator,
    every_kind,
    faulty,
    html,
    latency,
    request_lost,
    reset,
    response_lost,
    slow,
    status,
    truncated,
)
from tests.client.asking import Ask
from tests.client.conftest import through_httpx, through_requests

LIST = datasets.LIST.operation
CREATE = datasets.CREATE.operation


@pytest.fixture
def faults(lightly_api: LightlyEmulator) -> Iterator[Faults]:
    with faulty(lightly_api) as running:
        yield running


@pytest.fixture(params=[through_requests, through_httpx], ids=["requests", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Sends one request through either of the package's transports."""
    chosen: Ask = request.param
    return chosen


def made(ask: Ask, faults: Faults, call: Call[Any], timeout: float = 5.0) -> Any:
    """One call through the proxy, without retries."""
    return call.parse(ask(ApiSettings(token=TOKEN, api_url=faults.url, timeout=timeout), call.request))


def error_of(ask: Ask, faults: Faults, call: Call[Any], timeout: float = 5.0) -> LightlyError:
    with pytest.raises(LightlyError) as caught:
        made(ask, faults, call, timeout)
    return caught.value


def outcomes(faults: Faults, times: int) -> list[str | None]:
    """The faults that so many plain requests meet."""
    before = len(faults.requests)
    for _ in range(times):
        with suppress(LightlyError):
            made(through_requests, faults, datasets.list_datasets())
    return [one.fault for one in faults.requests[before:]]


# What happens, what the client calls it, whether the request takes effect.
LOSSES: list[tuple[Fault, type[LightlyError], str, bool]] = [
    (response_lost(), LightlyConnectionError, "reset", True),
    (request_lost(), LightlyConnectionError, "reset", False),
    (reset(), LightlyConnectionError, "reset", True),
    (truncated(length_fits=False), LightlyConnectionError, "reset", True),
    (truncated(), LightlyAnswerError, "", True),
    (html(), LightlyAnswerError, "", False),
    (html(passed_on=True), LightlyAnswerError, "", True),
    (status(500), LightlyServerError, "", False),
    (status(504, passed_on=True), LightlyServerError, "", True),
    (status(502, json_body=False), LightlyServerError, "", False),
    (status(408), LightlyServerError, "", False),
    (status(429, retry_after=7), LightlyRateLimited, "", False),
]


@pytest.mark.parametrize(("fault", "kind", "told", "effect"), LOSSES, ids=lambda value: str(value))
def test_what_a_fault_does(
    ask: Ask,
    faults: Faults,
    lightly_api: LightlyEmulator,
    fault: Fault,
    kind: type[LightlyError],
    told: str,
    effect: bool,
) -> None:
    """Both transports give it the same name, and the emulator has the effect or has it not."""
    faults.on(CREATE, fault)
    error = error_of(ask, faults, datasets.create_dataset("cameras", "Images"))
    assert (type(error), getattr(error, "kind", "")) == (kind, told)
    assert may_have_happened(error) or not effect
    assert len(lightly_api.call(datasets.list_datasets())) == int(effect)
    assert faults.requests == [Asked(CREATE, fault.name, 201 if effect else None)]
    assert made(ask, faults, datasets.list_datasets()) == lightly_api.call(datasets.list_datasets())


def test_a_refusal_is_told_in_lightlyones_form(ask: Ask, faults: Faults) -> None:
    """Reason and Retry-After arrive; an empty body has neither."""
    faults.on("*", status(429, retry_after=7))
    faults.on("*", status(429, json_body=False))
    first, second = (error_of(ask, faults, datasets.list_datasets()) for _ in range(2))
    assert isinstance(first, LightlyRateLimited)
    assert isinstance(second, LightlyRateLimited)
    assert (first.retry_after, first.reason) == (7, "a fault of the test: 429")
    assert (second.retry_after, second.reason) == (None, "")


@pytest.mark.parametrize("fault", [slow(0.0002), latency(0.1)], ids=str)
def test_slow_is_not_broken(ask: Ask, faults: Faults, fault: Fault) -> None:
    """An answer that takes its time is an answer."""
    faults.on("*", fault)
    started = time.monotonic()
    assert made(ask, faults, datasets.list_datasets()) == []
    assert time.monotonic() - started > 0.02


def test_too_late_is_a_timeout_and_takes_effect_nevertheless(ask: Ask, lightly_api: LightlyEmulator) -> None:
    """A client that has given up does not call the request back."""
    with faulty(lightly_api) as faults:
        faults.on(CREATE, latency(30))
        error = error_of(ask, faults, datasets.create_dataset("cameras", "Images"), timeout=0.2)
        assert getattr(error, "kind", "") == "timeout"
        assert lightly_api.call(datasets.list_datasets()) == []
    assert len(lightly_api.call(datasets.list_datasets())) == 1


@pytest.mark.parametrize(("fault", "end"), [(reset(), ConnectionResetError), (truncated(length_fits=False), None)])
def test_a_reset_is_one_on_the_wire(faults: Faults, fault: Fault, end: type[Exception] | None) -> None:
    """RST, where a cut answer ends in good order."""
    faults.on("*", fault)
    parts = urlsplit(faults.url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=5) as client:
        client.sendall(f"GET /v1/datasets?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        with pytest.raises(end) if end else nullcontext():
            while client.recv(65536):
                pass


def test_a_fault_of_ones_own(ask: Ask, faults: Faults) -> None:
    """A name and a function are enough."""

    def misspell(exchange: Exchange) -> None:
        answer = exchange.pass_on()
        exchange.answer(Response(answer.status, b"[{}]", answer.headers))

    faults.on("*", Fault("misspelt", misspell))
    assert isinstance(error_of(ask, faults, datasets.list_datasets()), LightlyAnswerError)
    assert faults.requests[0].fault == "misspelt"


def test_signed_files_come_through_the_proxy_too(ask: Ask, faults: Faults, lightly_api: LightlyEmulator) -> None:
    """A signed URL that the emulator gives leads to the proxy, and what is read there is the file."""
    run_id = lightly_api.call(runs.create_run(RunCreateRequest(docker_version="1"))).id
    artifact = lightly_api.call(runs.create_artifact(run_id, "report", "REPORT_V2_JSON", "LIGHTLY"))
    url = artifact.signed_write_url
    lightly_api.server.emulator.send(Request("PUT", url, "PUT (signed file)", body=b"bytes"), None)
    lightly_api.call(runs.confirm_artifact(run_id, artifact.artifact_id))
    signed = made(ask, faults, runs.artifact_read_url(run_id, artifact.artifact_id))
    assert made(ask, faults, read_file(signed)) == b"bytes"
    assert [one.operation for one in faults.requests][-1] == "GET /_emulator/files/..."


def test_times_after_and_order(faults: Faults) -> None:
    """The fault that was ordered first goes first; each counts every request that fits it."""
    once = faults.on("GET *", status(500), after=1)
    twice = faults.on("GET /v1/data*", status(503), times=2)
    assert outcomes(faults, 5) == ["status 503", "status 500", "status 503", None, None]
    assert (once.fired, twice.fired) == (1, 2)
    assert (faults.count(), faults.count("GET *"), faults.count("POST *")) == (5, 5, 0)


def test_always(faults: Faults) -> None:
    """Without a number of times, every request meets the fault."""
    assert faults.on("*", status(500), times=None).fired == 0
    assert outcomes(faults, 3) == ["status 500"] * 3


def test_a_function_chooses(faults: Faults) -> None:
    """It sees the request without the token, and may count."""
    chosen: list[Request] = []

    def second(request: Request) -> bool:
        chosen.append(request)
        return faults.count() == 1

    faults.on("*", status(500), when=second)
    assert outcomes(faults, 3) == [None, "status 500", None]
    assert (chosen[0].method, chosen[0].path, chosen[0].operation) == ("GET", "/v1/datasets", LIST)
    assert TOKEN not in repr(chosen)


def test_a_fault_that_never_fires_fails_the_test(lightly_api: LightlyEmulator) -> None:
    """Each is named, with what came instead."""

    def block() -> None:
        with faulty(lightly_api) as faults:
            faults.on(CREATE, response_lost())
            faults.on(LIST, status(503), times=3)
            faults.on(LIST, status(500))
            outcomes(faults, 2)

    with pytest.raises(AssertionError) as caught:
        block()
    assert str(caught.value) == (
        "faults that never fired prove nothing:\n"
        "<response lost at POST /v1/datasets: fired 0 of 1 times>; 0 such requests came\n"
        "<status 503 at GET /v1/datasets: fired 2 of 3 times>; 2 such requests came\n"
        "<status 500 at GET /v1/datasets: fired 0 of 1 times>; 2 such requests came"
    )


def test_the_tests_own_failure_is_not_hidden(lightly_api: LightlyEmulator) -> None:
    """A block that fails is not told about faults that it never came to."""

    def block() -> None:
        with faulty(lightly_api) as faults:
            faults.on("*", response_lost())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()


def test_many_threads_meet_each_fault_once(faults: Faults) -> None:
    """Counting is safe: so many faults as were ordered, and every request is on record."""
    rule = faults.on("*", status(500, json_body=False), times=20)
    threads = [threading.Thread(target=outcomes, args=(faults, 5)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rule.fired == sum(one.fault is not None for one in faults.requests) == 20
    assert faults.count() == 40


def test_chance_comes_from_the_seed(lightly_api: LightlyEmulator) -> None:
    """The same seed, the same faults, whatever is asked in between; another seed, others."""
    told = []
    for seed in (1, 1, 2):
        with faulty(lightly_api) as faults:
            chance = faults.random(seed, 0.5, [status(500), status(503)], LIST)
            outcomes(faults, 3)
            made(through_requests, faults, runs.list_runs(1))
            outcomes(faults, 7)
            told.append((chance.struck, chance.fired, repr(chance)))
    assert told[0] == told[1] != told[2]
    assert 0 < told[0][1] < 10
    assert re.fullmatch(
        r"<random faults, seed 1, rate 0\.5: status 50[03] at GET /v1/datasets #\d+(; status .*)?>", told[0][2]
    )


@pytest.mark.parametrize(("rate", "share"), [(0, 0), (1, 20)])
def test_never_and_always(faults: Faults, rate: float, share: int) -> None:
    """Rates at both ends; by default every kind may come."""
    chance = faults.random(7, rate)
    outcomes(faults, 20)
    assert chance.fired == share
    names = {fault.name for fault in every_kind()}
    assert {str(one.fault) for one in faults.requests} <= names | {"None"}
    assert repr(faults.random(8, 0)) == "<random faults, seed 8, rate 0: none fired>"


def test_the_fixture_leads_through_the_proxy(lightly_faults: Faults, lightly_api: LightlyEmulator) -> None:
    """lightly_default points there, and one blip is all that a user's task notices of a fault."""
    lightly_faults.on("GET *", status(503, retry_after=0))
    assert LightlyHook().run(datasets.list_datasets()) == []
    assert [one.status for one in lightly_faults.requests] == [None, 200]
    assert lightly_api.url != lightly_faults.url


def test_a_body_without_a_length_is_refused(faults: Faults) -> None:
    """Better than to pass it on empty."""

    def chunks() -> Iterator[bytes]:
        yield b"{}"

    assert requests.post(f"{faults.url}/v1/datasets", data=chunks(), timeout=5).status_code == 411
