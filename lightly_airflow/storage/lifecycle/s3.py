"""S3's lifecycle rules, and those of stores that speak S3 such as OBS.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html (elements and filters),
.../lifecycle-expire-general-considerations.html (how days are counted, versioned buckets), .../lifecycle-conflicts.html
(overlapping rules).

In a bucket with versions, enabled or suspended, expiration puts a delete marker over the current version: whoever reads the
object by its name finds it gone at the same time as in a bucket without, so all three give the same answer here. Rules
for noncurrent versions, delete markers, unfinished uploads and transitions leave what can be read where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Array, Objects, days, microseconds, moment
from lightly_airflow.storage.lifecycle.expiry import Expiry, Removal, overlaps, soonest


@dataclass(frozen=True, slots=True)
class S3Rule:
    """One enabled rule that expires current objects.

    :param name: its ID.
    :param prefix: only keys that begin so; empty for all.
    :param tags: only objects that have all of these (key, value); a listing does not tell.
    :param above: only objects of more bytes, if given.
    :param below: only objects of fewer bytes, if given.
    :param days: so many days after the object's creation; ``None`` for a rule with a date.
    :param date: at this time, also for objects written later; ``None`` for a rule with days.
    """

    name: str
    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    above: int | None = None
    below: int | None = None
    days: int | None = None
    date: int | None = None

    def times(self, objects: Objects) -> Array:
        """When the rule expires objects, whatever their tags are.

        "Amazon S3 calculates the time by adding the number of days specified in the rule to the object creation time and
        rounding the resulting time up to the next day at midnight UTC." One that was created at midnight sharp is
        rounded up like any other: a day later (AWS leaves it open; Ceph and MinIO do so).
        """
        if self.days is None:
            when = np.full(len(objects), self.date, np.int64)
        else:
            when = objects.modified // DAY * DAY + DAY + days(self.days)
        return np.where(self._concerns(objects), when, NEVER)

    def removal(self, now: int) -> Removal:
        """The rule as advice shows it. After a rule's date, what is written is removed within a day."""
        told = f"{self.days} days after creation" if self.days is not None else f"on {moment(self.date or 0):%Y-%m-%d}"
        kept = float(self.days) if self.days is not None else max(0.0, ((self.date or 0) - now) / DAY)
        return Removal(self.name, ", ".join([told, *self._filters()]), kept)

    def _concerns(self, objects: Objects) -> Array:
        concerned = objects.starting_with(self.prefix)
        if self.above is not None:
            concerned &= objects.sizes > self.above
        if self.below is not None:
            concerned &= objects.sizes < self.below
        return concerned

    def _filters(self) -> Iterator[str]:
        if self.prefix:
            yield f"prefix {self.prefix}"
        yield from (f"tag {key}={value}" for key, value in self.tags)
        if self.above is not None:
            yield f"more than {self.above} bytes"
        if self.below is not None:
            yield f"fewer than {self.below} bytes"


@dataclass(frozen=True, slots=True)
class S3Rules:
    """A bucket's rules; see :class:`~lightly_airflow.storage.lifecycle.expiry.Rules`."""

    rules: tuple[S3Rule, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.rules)

    def expiry(self, objects: Objects, now: int) -> Expiry:
        return self._expiry(objects, tagged=False)

    def doubtful(self, objects: Objects) -> Expiry:
        return self._expiry(objects, tagged=True)

    def removals(self, root: str, now: int) -> list[Removal]:
        return [rule.removal(now) for rule in self.rules if overlaps(root, rule.prefix)]

    def _expiry(self, objects: Objects, *, tagged: bool) -> Expiry:
        never = np.full(len(objects), NEVER, np.int64)
        return soonest(
            len(objects), (rule.times(objects) if bool(rule.tags) is tagged else never for rule in self.rules)
        )


def s3_rules(configuration: Sequence[Mapping[str, Any]]) -> S3Rules:
    """The rules of a lifecycle configuration that expire what can be read.

    :param configuration: ``Rules``, as boto3's ``get_bucket_lifecycle_configuration`` returns them.
    """
    return S3Rules(tuple(_rule(number, rule) for number, rule in enumerate(configuration, start=1) if _expires(rule)))


def _expires(rule: Mapping[str, Any]) -> bool:
    expiration = rule.get("Expiration") or {}
    return rule.get("Status") == "Enabled" and bool(expiration.get("Days") or expiration.get("Date"))


def _rule(number: int, rule: Mapping[str, Any]) -> S3Rule:
    given = rule.get("Filter") or {}
    # A filter is one condition, or several inside And, beside which Ceph puts the prefix; rules of the older form have a
    # prefix and no filter.
    conditions = {**given, **(given.get("And") or {})}
    tags = [*conditions.get("Tags", ()), *([conditions["Tag"]] if "Tag" in conditions else ())]
    expiration = rule["Expiration"]
    date = expiration.get("Date")
    return S3Rule(
        name=rule.get("ID") or f"rule {number}",
        prefix=conditions.get("Prefix") or rule.get("Prefix") or "",
        tags=tuple((tag["Key"], tag.get("Value", "")) for tag in tags),
        above=conditions.get("ObjectSizeGreaterThan"),
        below=conditions.get("ObjectSizeLessThan"),
        days=None if date else int(expiration["Days"]),
        date=microseconds(date) if date else None,
    )
