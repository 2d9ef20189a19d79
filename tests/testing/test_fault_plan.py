"""Which request meets which fault: counting, order, chance, and faults that never fire."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
import requests

from lightly_airflow.contract.operations import datasets, runs
from lightly_airflow.contract.wire import Request
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.testing import TOKEN, Faults, LightlyEmulator, every_kind, faulty, response_lost, status
from tests.client.conftest import through_requests
from tests.testing.asking import CREATE, LIST, made, outcomes


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
            made(through_requests, faults, runs.list_run_states(1))
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
