"""A survey's days as bars of a histogram: how many there are, how wide, and what they are measured by. Pure numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lightly_airflow.storage.lifecycle.columns import DAY, LATEST
from lightly_airflow.storage.lifecycle.survey import Day, Survey

MOST_BARS = 60  # more would be narrower than a reader can tell apart
_FEWEST_DAYS = 7  # fewer would be as broad as walls
_TICKS = 4
_LAST_DAY = LATEST // DAY  # later ones count as this


@dataclass(slots=True)
class Bar:
    """The inputs that expire on some days of UTC.

    :param first: the first day's number since 1970.
    :param soon: how many expire too soon; ``later`` is how many of those days' inputs last long enough.
    """

    first: int
    soon: int = 0
    later: int = 0


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars side by side.

    :param bars: those that are not empty, in the order of their days.
    :param start: the first day's number since 1970: the day of the survey.
    :param width: how many days a bar stands for.
    :param count: how many bars, empty ones among them, have their place.
    """

    bars: list[Bar]
    start: int
    width: int
    count: int

    @property
    def highest(self) -> int:
        """The count of the highest bar."""
        return max((bar.soon + bar.later for bar in self.bars), default=0)


def histogram(survey: Survey) -> Histogram:
    """Bars of a day each; of several days where there would be more than sixty.

    They begin with the day of the survey, to which the overdue inputs count as well: these may go at any moment. They end
    with the last day on which something expires, or with the run's last day if that is not far.
    """
    start = min(survey.now // DAY, _LAST_DAY)
    days = [(min(max(number, start), _LAST_DAY), soon, later) for number, soon, later in _days(survey)]
    window = min(survey.until // DAY, start + MOST_BARS - 1)
    length = max([window - start + 1, _FEWEST_DAYS, *(number - start + 1 for number, *_ in days)])
    width = -(-length // MOST_BARS)
    return Histogram(_grouped(days, start, width), start, width, -(-length // width))


def ticks(highest: int) -> list[int]:
    """Round numbers from 0 to the first that no bar exceeds: a handful, and whole ones.

    :param highest: the highest bar's count.
    """
    nice = (digit * 10**power for power in range(19) for digit in (1, 2, 5))
    step = next(step for step in nice if step * _TICKS >= highest)
    return [step * number for number in range(-(-max(highest, 1) // step) + 1)]


def _grouped(days: Iterable[tuple[int, int, int]], start: int, width: int) -> list[Bar]:
    bars: dict[int, Bar] = {}
    for number, soon, later in days:
        first = start + (number - start) // width * width
        bar = bars.setdefault(first, Bar(first))
        bar.soon += soon
        bar.later += later
    return list(bars.values())


def _days(survey: Survey) -> Iterator[tuple[int, int, int]]:
    """Each day's number, and how many of its inputs expire too soon and later."""
    sure = sum(day.count for day in survey.days.values() if day.last < survey.until)
    for number, day in sorted(survey.days.items()):
        soon = _soon(survey, day, survey.expiring - sure)
        yield number, soon, day.count - soon


def _soon(survey: Survey, day: Day, rest: int) -> int:
    """At most one day's inputs expire on both sides of the window's end, and the survey knows how many before it."""
    if day.last < survey.until:
        return day.count
    return 0 if day.first >= survey.until else rest
