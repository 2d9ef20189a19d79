"""What each fault does to a client and to the emulator."""

from __future__ import annotations

import socket
import time
from contextlib import nullcontext
from urllib.parse import urlsplit

import pytest

from lightly_airflow.client.flows.results import read_file
from lightly_airflow.client.policy import may_have_happened
from lightly_airflow.contract.errors import (
    LightlyAnswerError,
    LightlyConnectionError,
    LightlyError,
    LightlyRateLimited,
    LightlyServerError,
)
from lightly_airflow.contract.models.runs import RunCreateRequest
from lightly_airflow.contract.operations import datasets, runs
from lightly_airflow.contract.wire import Request, Response
from lightly_airflow.testing import (
    TOKEN,
    Asked,
    Exchange,
    Fault,
    Faults,
    LightlyEmulator,
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
from tests.testing.asking import CREATE, error_of, made

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
