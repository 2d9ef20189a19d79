"""A batch of a bucket's objects as columns, and the unit of the times in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

# Times are microseconds since 1970, which every cloud's own times fit into without loss.
SECOND = 1_000_000
DAY = 86_400 * SECOND
NEVER = int(np.iinfo(np.int64).max)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The last moment that Python's dates know, at the end of the year 9999.
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
# A rule of more days counts as one of so many, nearly seven thousand years: whoever means "never" writes the largest number
# there is, and what is behind the year 9999 cannot be shown.
_MOST_DAYS = 2_500_000


@dataclass(frozen=True, slots=True)
class Objects:
    """Some objects of one directory.

    :param root: the directory in its bucket, as ``dir/sub/``; empty for the whole bucket. What a rule calls a key or a
        name is the root and the name together.
    :param names: text, relative to the root.
    :param sizes: in bytes.
    :param modified: when the object's content was written.
    :param facts: what only some clouds' rules ask for, by name; their modules say which.
    """

    root: str
    names: Array
    sizes: Array
    modified: Array
    facts: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def starting_with(self, prefix: str) -> Array:
        """Whether an object's whole key begins with the prefix."""
        if self.root.startswith(prefix):
            return np.ones(len(self), bool)
        if not prefix.startswith(self.root):
            return np.zeros(len(self), bool)
        return np.strings.startswith(self.names, prefix.removeprefix(self.root))

    def where(self, chosen: Array) -> Objects:
        """Those objects for which ``chosen`` is true."""
        facts = {name: column[chosen] for name, column in self.facts.items()}
        return Objects(self.root, self.names[chosen], self.sizes[chosen], self.modified[chosen], facts)


def text_column(values: list[str]) -> Array:
    """Texts as a column; numpy needs to be told that an empty list holds texts."""
    return np.array(values, dtype=np.str_)


def time_column(values: list[int]) -> Array:
    """Times as a column."""
    return np.array(values, dtype=np.int64)


def days(number: float) -> int:
    """A rule's number of days as a length of time."""
    return int(min(number, _MOST_DAYS) * DAY)


def later(times: Array, length: int) -> Array:
    """Times moved by a length of time; what never is stays so."""
    return np.where(times == NEVER, NEVER, times + length)


def microseconds(time: datetime) -> int:
    """A moment as the columns have it; one without time zone is UTC, as the clouds' own are."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def moment(time: int) -> datetime:
    """The moment that a column's time means, in UTC; ``LATEST`` for those behind it."""
    return _EPOCH + timedelta(microseconds=min(time, LATEST))
