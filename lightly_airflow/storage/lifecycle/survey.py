"""What one pass over a bucket's inputs has shown: how many expire too soon, when, by which rules, and until when to wait."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Array, Objects

SAMPLE = 5  # names in a message: enough to see a pattern


@dataclass(slots=True)
class Day:
    """The inputs that expire on one day of UTC.

    :param count: how many.
    :param first: when the first of them expires, in microseconds since 1970; ``last`` is the last one's time.
    """

    count: int
    first: int
    last: int


@dataclass(slots=True)
class Survey:
    """Adds up batches of inputs; whoever reads it afterwards need not have kept a single name.

    An input expires too soon if it may be gone before ``until``; one that expires at that very moment lasts.

    :param now: when the survey was made, in microseconds since 1970, like all its times.
    :param until: up to when inputs have to last: the start of the run and ``min_days_to_expiration`` times 24 hours.
    :param inputs: how many inputs there are; ``permanent`` are those of them that no rule removes.
    :param ignored: how many files are of other types.
    :param expiring: how many inputs expire too soon.
    :param sample: names of a few of those.
    :param rules: how many of those each rule removes, by the rule's index.
    :param days: the inputs that expire, by the number of the day since 1970.
    :param asked: how many objects were asked for one by one, because of rules that depend on tags.
    """

    now: int
    until: int
    inputs: int = 0
    permanent: int = 0
    ignored: int = 0
    expiring: int = 0
    sample: list[str] = field(default_factory=list)
    rules: Counter[int] = field(default_factory=Counter)
    days: dict[int, Day] = field(default_factory=dict)
    asked: int = 0

    @property
    def earliest(self) -> int | None:
        """When the first input expires; ``None`` if none does."""
        return min((day.first for day in self.days.values()), default=None)

    @property
    def lasting(self) -> int:
        """How many inputs last long enough."""
        return self.inputs - self.expiring

    def add(self, objects: Objects, at: Array, rule: Array) -> Array:
        """Add a batch of inputs and return which of them last long enough.

        :param at: when each expires.
        :param rule: index of the rule that removes it.
        """
        expiring = at < self.until
        self.inputs += len(objects)
        self.permanent += int(np.count_nonzero(at == NEVER))
        self.expiring += int(np.count_nonzero(expiring))
        if len(self.sample) < SAMPLE:
            self.sample += objects.names[expiring][: SAMPLE - len(self.sample)].tolist()
        _add_up(self.rules, rule[expiring])
        self._add_days(at[at != NEVER])
        return ~expiring

    def clear_at(self) -> int:
        """The first moment at which no input that is there now expires too soon any more, if rules do their work in time.

        Objects are gone by then, and those behind them last; ``now`` itself where only objects are left whose time has
        come, which may go at any moment.
        """
        window, clear = self.until - self.now, self.now
        for _, day in sorted(self.days.items()):
            if day.first >= clear + window:
                break
            clear = max(clear, day.last)
        return clear

    def _add_days(self, at: Array) -> None:
        numbers, where, counts = np.unique(at // DAY, return_inverse=True, return_counts=True)
        first, last = np.full(len(numbers), NEVER), np.full(len(numbers), -NEVER)
        np.minimum.at(first, where, at)
        np.maximum.at(last, where, at)
        for number, *told in zip(*(column.tolist() for column in (numbers, counts, first, last)), strict=True):
            self._add_day(number, Day(*told))

    def _add_day(self, number: int, new: Day) -> None:
        known = self.days.get(number)
        if known is None:
            self.days[number] = new
        else:
            self.days[number] = Day(known.count + new.count, min(known.first, new.first), max(known.last, new.last))


def is_input(objects: Objects, endings: tuple[str, ...], own_directory: str) -> Array:
    """Which objects are inputs: files with one of the endings, in any case, outside LightlyOne's own directory.

    :param endings: such as ``.jpg``; a file that is named so and no more has no ending.
    :param own_directory: ``.lightly/``.
    """
    names = np.strings.lower(objects.names)
    found = np.zeros(len(names), bool)
    for ending in endings:
        found |= np.strings.endswith(names, ending) & ~np.strings.endswith(names, f"/{ending}") & (names != ending)
    return found & ~np.strings.startswith(objects.names, own_directory)


def _add_up(counter: Counter[int], values: Array) -> None:
    found, counts = np.unique(values, return_counts=True)
    counter.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
