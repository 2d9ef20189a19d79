"""The picture of when inputs expire: its bars, its words, and that it is whole XML whatever it is given."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from lightly_airflow.storage.lifecycle.bars import Bar, histogram, ticks
from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Objects, microseconds, text_column, time_column
from lightly_airflow.storage.lifecycle.picture import expiry_picture
from lightly_airflow.storage.lifecycle.survey import Survey

NOW = microseconds(datetime(2026, 11, 24, 15, tzinfo=UTC))
TODAY = NOW // DAY
SVG = "{http://www.w3.org/2000/svg}"


def survey(times: list[int], window_days: float = 3) -> Survey:
    """A survey of inputs that expire at these times."""
    made, none = Survey(NOW, NOW + int(window_days * DAY)), np.zeros(len(times), np.int64)
    names = text_column([f"{number}.png" for number in range(len(times))])
    made.add(Objects("", names, none, none), time_column(times), np.zeros(len(times), np.int32))
    return made


def midnight(day: int) -> int:
    """Midnight of a day that many after the survey's."""
    return (TODAY + day) * DAY


def bars(times: list[int], window_days: float = 3) -> list[tuple[int, int, int]]:
    return [(bar.first - TODAY, bar.soon, bar.later) for bar in histogram(survey(times, window_days)).bars]


def texts(picture: str, tag: str = "text") -> list[str]:
    return [str(found.text) for found in ET.fromstring(picture).iter(f"{SVG}{tag}")]


def painted(picture: str, name: str) -> int:
    """How many rectangles there are in that colour, but for the legend's."""
    found = [one for one in ET.fromstring(picture).iter(f"{SVG}rect") if one.get("class") == f"{name}-fill"]
    return len(found) - 1


def test_a_bar_is_a_day() -> None:
    """Each has its counts, and what lasts is kept apart from what does not."""
    assert bars([midnight(1), midnight(1), midnight(3), midnight(4), NEVER]) == [(1, 2, 0), (3, 1, 0), (4, 0, 1)]


def test_a_day_may_have_both() -> None:
    """The window's end lies within it; what expires at that very moment lasts."""
    end = NOW + 3 * DAY
    assert bars([end - 2, end - 1, end, end + 1, midnight(1)]) == [(1, 1, 0), (3, 2, 2)]


def test_the_overdue_count_to_the_first_day() -> None:
    """They may go at any moment, whenever their time was."""
    assert bars([midnight(-400), midnight(0), NOW + 1], 0) == [(0, 2, 1)]


def test_many_days_are_grouped() -> None:
    """There are sixty bars at most, and nothing gets lost."""
    found = histogram(survey([midnight(day) for day in range(400)], 10))
    assert (found.width, found.count) == (7, 58)
    assert sum(bar.soon for bar in found.bars) == 11
    assert sum(bar.soon + bar.later for bar in found.bars) == 400
    assert found.bars[1] == Bar(TODAY + 7, 4, 3)


@pytest.mark.parametrize(
    ("times", "window_days", "count"),
    [([midnight(0)], 0, 7), ([midnight(1)], 20, 21), ([midnight(1)], 1000, 60), ([midnight(12)], 1, 13)],
)
def test_how_far_it_reaches(times: list[int], window_days: float, count: int) -> None:
    """To the last expiry, to the run's end if that is not far, and a week at least."""
    assert histogram(survey(times, window_days)).count == count


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(0, [0, 1]), (1, [0, 1]), (4, [0, 1, 2, 3, 4]), (5, [0, 2, 4, 6]), (34, [0, 10, 20, 30, 40]),
     (1_000_000, [0, 500_000, 1_000_000])],
)  # fmt: skip
def test_counts_are_round(highest: int, expected: list[int]) -> None:
    """A handful of whole numbers, the last of which no bar exceeds."""
    assert ticks(highest) == expected


def test_a_picture_says_what_it_shows() -> None:
    """Counts, the window, the days' labels, and the same for who cannot see it."""
    picture = expiry_picture(survey([midnight(1)] * 1200 + [midnight(5), NEVER]), "city-cameras")
    root = ET.fromstring(picture)
    says = "Inputs: 1,202. Expiring before 2026-11-27 15:00 UTC: 1,200; later: 1; never: 1."
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title desc")
    assert (texts(picture, "title")[0], texts(picture, "desc")) == ("city-cameras", [says])
    assert texts(picture, "title")[1:] == ["2026-11-25: 1,200 too soon, 0 later", "2026-11-29: 0 too soon, 1 later"]
    words = texts(picture)
    assert words[:2] == ["city-cameras", says]
    assert {"0", "500", "1,500", "2026-11-24", "expire too soon", "last long enough"} <= set(words)
    assert "the run: 3 days from its start" in words
    assert (painted(picture, "soon"), painted(picture, "later"), painted(picture, "window")) == (1, 1, 1)


def test_groups_are_named_by_both_ends() -> None:
    """So that nobody takes a bar for a day."""
    picture = expiry_picture(survey([midnight(day) for day in range(100)]), "many")
    assert texts(picture, "title")[1] == "2026-11-24 to 2026-11-25: 2 too soon, 0 later"


@pytest.mark.parametrize(
    ("times", "says"),
    [([], "Inputs: 0. None of them expires."), ([NEVER] * 34, "Inputs: 34. None of them expires.")],
)
def test_nothing_to_draw(times: list[int], says: str) -> None:
    """A sentence remains, and no axes around nothing."""
    assert texts(expiry_picture(survey(times), "calm")) == ["calm", says]


def test_no_window() -> None:
    """Without days to last only what is overdue is in danger, and the run's start is marked."""
    words = texts(expiry_picture(survey([midnight(0), midnight(1)], 0), "now"))
    assert "Inputs: 2. Expiring at any moment: 1; later: 1; never: 0." in words
    assert "the run's start" in words


@pytest.mark.parametrize("title", ['<script>alert("1")</script> & more', "bell \x07 and nothing \x00", "long " * 99])
def test_any_title_is_text(title: str) -> None:
    """It is escaped, what XML cannot hold is left out, and what is too long for a line is cut."""
    picture = expiry_picture(survey([midnight(1)]), title)
    assert texts(picture, "title")[0] == "".join(letter for letter in title if letter >= " ")
    assert len(texts(picture)[0]) <= 75
    assert "<script" not in picture


def test_times_beyond_all_dates() -> None:
    """A rule of a hundred thousand years is drawn at the end of the calendar."""
    picture = expiry_picture(survey([midnight(36_500_000), midnight(1)], 36_500_000), "patience")
    assert "before 9999-12-31 23:59 UTC" in texts(picture)[1]


def test_it_has_two_dresses() -> None:
    """Colours of the light are attributes; those of the dark are a style, and nothing is loaded from anywhere."""
    picture = expiry_picture(survey([midnight(1)]), "dress")
    assert "@media (prefers-color-scheme: dark)" in picture
    assert picture.count("http") == 1  # the namespace
