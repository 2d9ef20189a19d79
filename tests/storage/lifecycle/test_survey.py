"""What a survey adds up, and until when it says to wait."""

from __future__ import annotations

import random

import pytest

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, text_column, time_column
from lightly_airflow.storage.lifecycle.survey import Day, Survey, is_input
from tests.storage.lifecycle.objects import objects

NOW, HOUR = 20_000 * DAY + 2 * DAY // 24, DAY // 24
MIDNIGHT = 20_001 * DAY


def survey(*at: int, window: int = DAY, batches: int = 1) -> Survey:
    """A survey of objects that expire at these times, by the rules 0 and 1 in turn."""
    made = Survey(NOW, NOW + window)
    for number in range(batches):
        times = at[number::batches]
        rules = [-1 if time == NEVER else number % 2 for number, time in enumerate(times)]
        names = [(f"{time}.jpg", 1, "2024-01-01T00:00:00") for time in times]
        made.add(objects(*names), time_column(list(times)), time_column(rules))
    return made


def test_counts() -> None:
    """Inputs, those that stay, those that expire too soon, by rule and by day."""
    made = survey(MIDNIGHT, MIDNIGHT, MIDNIGHT + DAY, NEVER, NEVER, MIDNIGHT)
    assert (made.inputs, made.permanent, made.expiring, made.lasting) == (6, 2, 3, 3)
    assert (made.rules, made.earliest) == ({0: 1, 1: 2}, MIDNIGHT)
    assert made.days == {20_001: Day(3, MIDNIGHT, MIDNIGHT), 20_002: Day(1, MIDNIGHT + DAY, MIDNIGHT + DAY)}
    assert made.sample == [f"{MIDNIGHT}.jpg"] * 3


@pytest.mark.parametrize("batches", [2, 3, 7])
def test_batches_add_up(batches: int) -> None:
    """However the objects are parted, counts and days are the same."""
    times = [NOW + 7 * HOUR * number for number in range(20)] + [NEVER] * 3
    whole, parted = survey(*times), survey(*times, batches=batches)
    for name in ("inputs", "permanent", "expiring", "days", "earliest"):
        assert getattr(whole, name) == getattr(parted, name)
    assert len(parted.sample) == 4


def test_an_empty_survey() -> None:
    """Nothing expires, so nothing is to be waited for."""
    made = survey()
    assert (made.inputs, made.earliest, made.sample, made.clear_at()) == (0, None, [], NOW)


def test_the_boundary_lasts() -> None:
    """What expires at the very moment until which inputs have to last does; a microsecond earlier is too soon."""
    assert survey(NOW + DAY).expiring == 0
    assert survey(NOW + DAY - 1).expiring == 1


@pytest.mark.parametrize(
    ("case", "at", "clear"),
    [
        ("all stay", [NEVER], NOW),
        ("all last", [NOW + DAY, NOW + 3 * DAY], NOW),
        ("one is due", [NOW + HOUR], NOW + HOUR),
        ("its time has come", [NOW - DAY], NOW),
        ("due now", [NOW], NOW),
        ("time has come for some, one is due", [NOW - DAY, NOW + HOUR], NOW + HOUR),
        ("a gap of exactly the window", [NOW + HOUR, NOW + HOUR + DAY], NOW + HOUR),
        ("a gap that is a microsecond too short", [NOW + HOUR, NOW + HOUR + DAY - 1], NOW + HOUR + DAY - 1),
        ("a chain of nights", [MIDNIGHT + day * DAY for day in range(9)], MIDNIGHT),
        (
            "the chain has less than the window between",
            [MIDNIGHT + n * 23 * HOUR for n in range(9)],
            MIDNIGHT + 184 * HOUR,
        ),
        ("a gap after the chain", [NOW + HOUR, NOW + 9 * HOUR, NOW + 99 * HOUR], NOW + 9 * HOUR),
        ("those behind the gap stay out", [NOW + HOUR, NOW + 2 * DAY, NOW + 3 * DAY - 1], NOW + HOUR),
    ],
)
def test_when_to_come_back(case: str, at: list[int], clear: int) -> None:
    """At the first moment from which on, for the length of the window, nothing expires that is there now."""
    assert survey(*at).clear_at() == clear, case


def test_days_suffice_to_find_when_to_come_back() -> None:
    """For windows of a day and more, as all are, the days' first and last times give what each object's own would."""
    chance = random.Random(5)
    for _ in range(500):
        window = chance.randrange(24, 60) * HOUR
        at = [NOW + chance.randrange(-30, 300) * HOUR for _ in range(chance.randrange(8))]
        clear = (
            time for time in [NOW, *sorted(at)] if time >= NOW and not any(time < one < time + window for one in at)
        )
        assert survey(*at, window=window).clear_at() == next(clear), (at, window)


def test_inputs() -> None:
    """By their ending, in any case, in any subdirectory; never LightlyOne's own, nor a file that is all ending."""
    names = [
        "a.jpg",
        "b.JPG",
        "sub/c.jpeg",
        ".lightly/d.jpg",
        "sub/.lightly/e.jpg",
        ".jpg",
        "sub/.jpg",
        "f.jpg.txt",
        "jpg",
    ]
    batch = objects(*((name, 1, "2024-01-01T00:00:00") for name in names))
    assert is_input(batch, (".jpg", ".jpeg"), ".lightly/").tolist() == [
        True, True, True, False, True, False, False, False, False,
    ]  # fmt: skip
    assert is_input(objects(), (".jpg",), ".lightly/").tolist() == []
    assert batch.where(text_column(names) == "b.JPG").names.tolist() == ["b.JPG"]
