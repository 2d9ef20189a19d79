"""Reading a run's log: where a reading ends, what it holds on to, and that it never fails."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from lightly_airflow.client.drive import drive
from lightly_airflow.client.flows import run_log
from lightly_airflow.client.flows.run_log import NewLines, new_lines
from lightly_airflow.client.policy import give_up
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.runs import LogCreateEntry, LogEntry
from lightly_airflow.contract.operations import runs
from lightly_airflow.contract.wire import Request, Response
from tests.client.flows.conftest import Lightly
from tests.client.script import Script, lost, no, ok

ID = "0123456789abcdef01234567"


def lines(*messages: Any, level: str = "INFO") -> list[dict[str, Any]]:
    return [{"ts": 1, "level": level, "msg": str(one), "state": "TRAINING"} for one in messages]


def page(cursor: int, *messages: Any) -> Response:
    return ok({"cursor": cursor, "logs": lines(*messages)})


def told(new: NewLines) -> list[str]:
    return [line.msg for line in new.lines]


def cursors(script: Script) -> list[str]:
    return [dict(request.query)["cursor"] for request in script.requests]


def test_pages_are_read_until_none_follows() -> None:
    """A cursor is LightlyOne's own affair: it is handed back as it came."""
    script = Script([page(70, "a", "b"), page(90, "c"), page(90)])
    new = script.play(new_lines(ID, 50))
    assert (told(new), new.cursor, new.left_out, new.error) == (["a", "b", "c"], 90, 0, None)
    assert cursors(script) == ["50", "70", "90"]


@pytest.mark.parametrize(
    ("last", "cursor"), [(page(95), 95), (page(0), 70), (ok({"logs": []}), 70), (ok({"logs": lines("z")}), 71)]
)
def test_a_reading_ends(last: Response, cursor: int) -> None:
    """Where no lines came, or no cursor that leads on."""
    new = Script([page(70, "a"), last]).play(new_lines(ID, 50))
    assert (told(new)[:1], new.cursor) == (["a"], cursor)


def test_a_log_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages follow, a reading ends; the next one goes on."""
    monkeypatch.setattr(run_log, "MOST_PAGES", 3)
    new = Script([page(1, "a"), page(2, "b"), page(3, "c")]).play(new_lines(ID))
    assert (told(new), new.cursor) == (["a", "b", "c"], 3)


def test_the_newest_lines_are_handed_on() -> None:
    """The others are counted."""
    new = Script([page(3, "a", "b", "c"), page(5, "d", "e"), page(5)]).play(new_lines(ID, most=3))
    assert (told(new), new.cursor, new.left_out) == (["c", "d", "e"], 5, 2)


def test_lines_that_are_not_wanted_crowd_out_none() -> None:
    """They are read, neither handed on nor counted."""
    noise = ok({"cursor": 9, "logs": lines("why", "no") + lines(*range(7), level="DEBUG")})
    new = Script([noise, page(9)]).play(new_lines(ID, most=2, wanted=lambda line: line.level != "DEBUG"))
    assert (told(new), new.cursor, new.left_out) == (["why", "no"], 9, 0)


@pytest.mark.parametrize("fault", [no(404), no(401), no(500), lost(), Response(200, b"<html>")])
def test_a_fault_ends_a_reading(fault: Response | LightlyError) -> None:
    """What was read before is handed on, with the fault and the cursor at which to try again."""
    script = Script([page(2, "a", "b"), fault])
    new = drive(new_lines(ID), script.send, decide=give_up)
    assert (told(new), new.cursor) == (["a", "b"], 2)
    assert isinstance(new.error, LightlyError)


def test_no_more_is_held_than_is_handed_on() -> None:
    """While a page is asked for, the one before it and no older one is there."""
    held: list[int] = []

    def send(request: Request) -> Response:
        held.append(sum(isinstance(one, LogEntry) for one in gc.get_objects()))
        at = int(dict(request.query)["cursor"])
        return page(at + 500, *range(at, min(at + 500, 10_000)))

    new = drive(new_lines(ID, most=100), send)
    assert (told(new), new.left_out) == ([str(one) for one in range(9_900, 10_000)], 9_900)
    assert max(held) - held[0] <= 500 + 100


def test_the_log_of_the_emulator_is_read(lightly: Lightly) -> None:
    """In order, each line once, over as many readings as there are."""
    dataset_id = lightly.dataset()
    scheduled_id = lightly.scheduled(dataset_id)
    lightly.lock(dataset_id, scheduled_id)
    run_id = lightly.start(dataset_id, scheduled_id)
    cursor = 0
    read: list[str] = []
    for batch in (["a", "b"], [], ["c"], []):
        entries = [LogCreateEntry(ts=1, level="INFO", group="training", msg=one) for one in batch]
        lightly.call(runs.add_logs(run_id, entries))
        new = lightly.play(new_lines(run_id, cursor))
        cursor, read = new.cursor, [*read, *told(new)]
    assert (read, cursor) == (["a", "b", "c"], 3)
