"""Two drivers, one behaviour: every scenario runs through both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lightly_airflow.client.drive import adrive, drive
from lightly_airflow.client.policy import give_up
from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.contract.errors import LightlyConflict, LightlyError, LightlyNotFound, LightlyServerError
from lightly_airflow.contract.wire import Call, Conversation, Flow, Pause, Request, Response
from tests.client.script import Script, lost, no, ok

Play = Callable[[Script, Conversation[Any]], Any]
READ: Endpoint[int] = Endpoint("GET", "/v1/number", int)
MAKE: Endpoint[int] = Endpoint("POST", "/v1/number", int, 201)


def through_drive(script: Script, talk: Conversation[Any]) -> Any:
    return script.play(talk)


def through_adrive(script: Script, talk: Conversation[Any]) -> Any:
    return asyncio.run(script.aplay(talk))


@pytest.fixture(params=[through_drive, through_adrive], ids=["drive", "adrive"])
def play(request: pytest.FixtureRequest) -> Play:
    """Runs a conversation through either driver."""
    chosen: Play = request.param
    return chosen


def adding() -> Flow[int]:
    first = yield from READ.call()
    yield from Pause(0.5)
    second = yield from READ.call()
    return first + second


def forgiving() -> Flow[int]:
    try:
        return (yield from MAKE.call())
    except LightlyConflict:
        yield from Pause(3)
    return (yield from READ.call())


def sent_nothing() -> Flow[int]:
    yield from ()
    return 7


def nested() -> Flow[int]:
    return (yield from adding()) * (yield from forgiving())


@pytest.mark.parametrize(
    ("talk", "steps", "result", "trace"),
    [
        (READ.call, [ok(4)], 4, ["GET /v1/number"]),
        (adding, [ok(1), ok(2)], 3, ["GET /v1/number", 0.5, "GET /v1/number"]),
        (sent_nothing, [], 7, []),
        (forgiving, [ok(5, 201)], 5, ["POST /v1/number"]),
        (forgiving, [no(409), ok(6)], 6, ["POST /v1/number", 3, "GET /v1/number"]),
        (
            nested,
            [ok(1), ok(2), no(409), ok(6)],
            18,
            ["GET /v1/number", 0.5, "GET /v1/number", "POST /v1/number", 3, "GET /v1/number"],
        ),
        (READ.call, [no(503), ok(4)], 4, ["GET /v1/number", 1.0, "GET /v1/number"]),
        (READ.call, [lost(), Response(200, b"<html>"), ok(4)], 4,
         ["GET /v1/number", 1.0, "GET /v1/number", 2.0, "GET /v1/number"]),
        (MAKE.call, [Response(429, b"", {"retry-after": "7"}), ok(4, 201)], 4, ["POST /v1/number", 7.0, "POST /v1/number"]),
        (MAKE.call, [lost("refused"), ok(4, 201)], 4, ["POST /v1/number", 1.0, "POST /v1/number"]),
        (adding, [ok(1), no(500), ok(2)], 3, ["GET /v1/number", 0.5, "GET /v1/number", 1.0, "GET /v1/number"]),
    ],
)  # fmt: skip
def test_both_drivers_leave_the_same_trace(
    play: Play,
    talk: Callable[[], Conversation[int]],
    steps: list[Response | LightlyError],
    result: int,
    trace: list[str | float],
) -> None:
    """The same requests and waits in the same order, and the same result."""
    script = Script([*steps])
    assert (play(script, talk()), script.trace) == (result, trace)


@pytest.mark.parametrize(
    ("talk", "steps", "kind", "trace"),
    [
        (adding, [no(404)], LightlyNotFound, ["GET /v1/number"]),
        (forgiving, [no(500)], LightlyServerError, ["POST /v1/number"]),
        (READ.call, [no(500)] * 5, LightlyServerError, ["GET /v1/number", 1.0, "GET /v1/number", 2.0, "GET /v1/number", 4.0,
                                                        "GET /v1/number", 8.0, "GET /v1/number"]),
    ],
)  # fmt: skip
def test_what_a_flow_does_not_handle_is_raised(
    play: Play,
    talk: Callable[[], Conversation[int]],
    steps: list[Response | LightlyError],
    kind: type[LightlyError],
    trace: list[str | float],
) -> None:
    """After the policy's last try the error leaves the driver as it is."""
    script = Script([*steps])
    with pytest.raises(kind):
        play(script, talk())
    assert (script.trace, script.steps) == (trace, [])


def test_errors_are_raised_inside_the_flow(play: Play) -> None:
    """A flow's own cleaning up runs, with the error in its hands."""
    seen: list[Any] = []

    def careful() -> Flow[None]:
        try:
            yield from READ.call()
        except LightlyError as error:
            seen.append(error.operation)  # type: ignore[attr-defined]
            raise
        finally:
            seen.append("finally")

    with pytest.raises(LightlyNotFound):
        play(Script([no(404)]), careful())
    assert seen == ["GET /v1/number", "finally"]


def test_an_error_of_our_own_is_not_the_flows(play: Play) -> None:
    """A bug is no answer of LightlyOne: it is neither repeated nor shown to the flow."""

    def parse(_: Response) -> int:
        raise ZeroDivisionError

    def hopeful() -> Flow[int]:
        try:
            return (yield from Call(Request("GET", "/", "GET /"), parse))
        except Exception:
            return 0

    script = Script([ok()])
    with pytest.raises(ZeroDivisionError):
        play(script, hopeful())
    assert script.trace == ["GET /"]


def test_the_policy_can_be_chosen() -> None:
    """A person who waits for the answer gets it without retries, from either driver."""
    scripts = [Script([no(500)]), Script([no(500)])]
    with pytest.raises(LightlyServerError):
        drive(READ.call(), scripts[0].send, decide=give_up, sleep=scripts[0].sleep)
    with pytest.raises(LightlyServerError):
        asyncio.run(adrive(READ.call(), scripts[1].asend, decide=give_up, sleep=scripts[1].asleep))
    assert [script.trace for script in scripts] == [["GET /v1/number"]] * 2


def test_a_cancelled_coroutine_stops_at_once() -> None:
    """The triggerer must be able to let go of a conversation that waits."""

    async def talk() -> str:
        task = asyncio.create_task(adrive(adding(), Script([ok(1)]).asend, sleep=lambda _: asyncio.sleep(60)))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "ended"

    assert asyncio.run(talk()) == "cancelled"
