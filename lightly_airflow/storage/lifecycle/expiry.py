"""When objects expire, and by which rule: what every cloud's calculator answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lightly_airflow.storage.lifecycle.columns import NEVER, Array, Objects


@dataclass(frozen=True, slots=True)
class Expiry:
    """When each object of a batch expires.

    :param at: the earliest time from which it may be gone; ``NEVER`` if no rule removes it.
    :param rule: index of the rule that removes it, -1 for none.
    """

    at: Array
    rule: Array


@dataclass(frozen=True, slots=True)
class Removal:
    """A rule that removes objects of a directory.

    :param rule: its name, as the cloud's console shows it.
    :param says: its conditions in words, such as ``7 days after creation, prefix raw/``.
    :param days: for how many days it keeps an object that is written now, at the least.
    """

    rule: str
    says: str
    days: float


class Rules(Protocol):
    """The lifecycle rules of one bucket or account, as far as they remove objects that can be read."""

    @property
    def names(self) -> tuple[str, ...]:
        """The rules' names, in the order in which :class:`Expiry` counts them."""
        ...

    def expiry(self, objects: Objects, now: int) -> Expiry:
        """When objects expire by the rules that can be told from the objects' facts.

        :param now: the time.
        """
        ...

    def doubtful(self, objects: Objects) -> Expiry:
        """When objects would expire by the rules that may or may not concern them, because they depend on tags."""
        ...

    def removals(self, root: str, now: int) -> list[Removal]:
        """The rules that may remove objects of a directory.

        :param root: the directory in its bucket, as ``dir/sub/``.
        :param now: the time.
        """
        ...


def soonest(count: int, times: Iterable[Array]) -> Expiry:
    """Of several rules that remove an object, the earliest wins; of two at one time, the first.

    :param count: how many objects there are.
    :param times: when each rule removes each object, in the rules' order.
    """
    at, rule = np.full(count, NEVER, np.int64), np.full(count, -1, np.int32)
    for index, time in enumerate(times):
        sooner = time < at
        at[sooner], rule[sooner] = time[sooner], index
    return Expiry(at, rule)


def overlaps(root: str, prefix: str) -> bool:
    """Whether a rule for a prefix may concern objects of a directory."""
    return root.startswith(prefix) or prefix.startswith(root)


class NoRules:
    """A bucket without rules, or a disk: everything stays."""

    names: tuple[str, ...] = ()

    def expiry(self, objects: Objects, now: int) -> Expiry:
        return soonest(len(objects), [])

    def doubtful(self, objects: Objects) -> Expiry:
        return soonest(len(objects), [])

    def removals(self, root: str, now: int) -> list[Removal]:
        return []
