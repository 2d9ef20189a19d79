"""One lifecycle rule of Google Cloud Storage: which objects it concerns, and from when on.

Conditions as https://cloud.google.com/storage/docs/lifecycle tells them, written as in the bucket resource at
https://cloud.google.com/storage/docs/json_api/v1/buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Array, Objects, days, later, microseconds, moment
from lightly_airflow.storage.lifecycle.expiry import Removal, overlaps

# From the warmest on. STANDARD stands for its older names as well: objects move from all of them alike.
CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")
_KNOWN = {
    *("age", "createdBefore", "customTimeBefore", "daysSinceCustomTime", "isLive", "numNewerVersions"),
    *("matchesPrefix", "matchesSuffix", "matchesStorageClass", "sizeAboveBytes", "sizeBelowBytes"),
}


@dataclass(frozen=True, slots=True)
class GcsRule:
    """A rule that concerns live objects: "An object has to match all of the conditions specified in a rule".

    :param name: ``rule 1`` for the bucket's first: Google's rules have no names.
    :param target: the colder class to which it moves objects; empty for a rule that deletes.
    :param age: so many days after the object's creation, to the second: "calculated by adding the specified value to the
        object creation time"; 0 for at once.
    :param created_before: only objects created before this time, in microseconds since 1970.
    :param custom_days: so many days after the object's custom time; never for an object without one.
    :param custom_before: only objects with a custom time before this time, in microseconds since 1970.
    :param prefixes: only keys that begin with one of these; empty for all.
    :param suffixes: only keys that end with one of these; empty for all.
    :param classes: only objects in one of these storage classes; empty for all. Google lists STANDARD and its older names
        side by side, so none includes another.
    :param above: only objects of more bytes, if given.
    :param below: only objects of fewer bytes, if given.
    :param unknown: conditions that are not known here. They count as met, so that no deletion is missed.
    """

    name: str
    target: str = ""
    age: int | None = None
    created_before: int | None = None
    custom_days: int | None = None
    custom_before: int | None = None
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    above: int | None = None
    below: int | None = None
    unknown: tuple[str, ...] = ()

    def times(self, objects: Objects) -> Array:
        """From when on objects match, their storage class aside. Without conditions of time, since their creation."""
        created, custom = objects.facts["created"], objects.facts["custom_time"]
        when = created + days(self.age or 0)
        if self.custom_days is not None:
            when = np.maximum(when, later(custom, days(self.custom_days)))
        return np.where(self._concerns(objects, created, custom), when, NEVER)

    def matches_class(self, rank: int, own: Array) -> Any:
        """Whether objects match that have come to a storage class; never where the rule would move them nowhere colder.

        :param rank: the class's place in ``CLASSES``.
        :param own: each object's class as it is now, which tells the older names of the warmest one apart.
        """
        if self.target and CLASSES.index(self.target) <= rank:
            return False
        if not self.classes:
            return True
        return CLASSES[rank] in self.classes if rank else np.isin(own, self.classes)

    def may_concern(self, root: str) -> bool:
        """Whether objects of a directory may match."""
        return not self.prefixes or any(overlaps(root, prefix) for prefix in self.prefixes)

    def removal(self, now: int) -> Removal:
        """The rule as advice shows it.

        A rule for objects created before a date that is past deletes nothing that is written now; told is the age of the
        youngest object that it deletes.
        """
        since = 0 if self.created_before is None else now - self.created_before
        kept = max(0.0, since / DAY, self.age or 0.0, self.custom_days or 0.0)
        return Removal(self.name, ", ".join([*self._told_times(), *self._told_filters()]) or "at once", kept)

    def _concerns(self, objects: Objects, created: Array, custom: Array) -> Array:
        concerned = _any(Objects.starting_with, objects, self.prefixes) & _any(_ending_with, objects, self.suffixes)
        for column, before in (
            (created, self.created_before),
            (custom, self.custom_before),
            (objects.sizes, self.below),
        ):
            if before is not None:
                concerned &= column < before
        if self.above is not None:
            concerned &= objects.sizes > self.above
        return concerned

    def _told_times(self) -> Iterator[str]:
        if self.age is not None:
            yield f"{self.age} days after creation"
        if self.created_before is not None:
            yield f"created before {moment(self.created_before):%Y-%m-%d}"
        if self.custom_days is not None:
            yield f"{self.custom_days} days after the custom time"
        if self.custom_before is not None:
            yield f"custom time before {moment(self.custom_before):%Y-%m-%d}"

    def _told_filters(self) -> Iterator[str]:
        for word, values in (("prefix", self.prefixes), ("suffix", self.suffixes), ("storage class", self.classes)):
            if values:
                yield f"{word} {' or '.join(values)}"
        if self.above is not None:
            yield f"more than {self.above} bytes"
        if self.below is not None:
            yield f"fewer than {self.below} bytes"
        yield from (f"{name}, which counts as met" for name in self.unknown)


def read_rule(name: str, rule: Mapping[str, Any]) -> GcsRule:
    """A rule of the bucket resource. Numbers of 64 bits are written as text there, and dates mean 00:00 UTC."""
    given = rule.get("condition") or {}
    return GcsRule(
        name=name,
        target=rule["action"].get("storageClass", ""),
        age=_number(given.get("age")),
        created_before=_date(given.get("createdBefore")),
        custom_days=_number(given.get("daysSinceCustomTime")),
        custom_before=_date(given.get("customTimeBefore")),
        prefixes=tuple(given.get("matchesPrefix") or ()),
        suffixes=tuple(given.get("matchesSuffix") or ()),
        classes=tuple(given.get("matchesStorageClass") or ()),
        above=_number(given.get("sizeAboveBytes")),
        below=_number(given.get("sizeBelowBytes")),
        unknown=tuple(sorted(given.keys() - _KNOWN)),
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _date(text: str | None) -> int | None:
    # "if the time is specified it will be truncated", says the reference of Google's Java client.
    return microseconds(datetime.fromisoformat(text[:10])) if text else None


def _any(test: Callable[[Objects, str], Array], objects: Objects, values: tuple[str, ...]) -> Array:
    found = np.full(len(objects), not values)
    for value in values:
        found |= test(objects, value)
    return found


def _ending_with(objects: Objects, suffix: str) -> Array:
    """Whether an object's whole key ends with the suffix."""
    found = np.strings.endswith(objects.names, suffix)
    for cut in range(1, len(suffix) + 1):  # a suffix may begin in the directory's own path
        if objects.root.endswith(suffix[:cut]):
            found |= objects.names == suffix[cut:]
    return found
