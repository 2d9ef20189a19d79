"""When one object expires by S3's rules, said once more in plain Python: what the package computes in columns is held
against it, and the tests' S3 server takes its ``x-amz-expiration`` from it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple


class PlainRule(NamedTuple):
    """A rule that is at work and removes what can be read."""

    name: str
    prefix: str
    tags: dict[str, str]
    above: int
    below: float
    days: int | None
    date: datetime | None


class Removed(NamedTuple):
    at: datetime
    rule: str


def plain_rules(configuration: Iterable[Mapping[str, Any]]) -> list[PlainRule]:
    """The rules at work of a configuration in boto3's form."""
    return [_plain_rule(rule) for rule in configuration if rule["Status"] == "Enabled" and _removes(rule)]


def plain_expiry(
    rules: list[PlainRule], key: str, size: int, tags: Mapping[str, str], modified: datetime
) -> Removed | None:
    """When an object is removed and by which rule, the first of the soonest; ``None`` if it stays."""
    soonest = None
    for rule in rules:
        if not key.startswith(rule.prefix) or not rule.above < size < rule.below:
            continue
        if rule.tags and any(tags.get(name) != value for name, value in rule.tags.items()):
            continue
        at = rule.date or next_midnight(modified + timedelta(days=rule.days or 0))
        if soonest is None or at < soonest.at:
            soonest = Removed(at, rule.name)
    return soonest


def next_midnight(time: datetime) -> datetime:
    """The midnight after a time; of midnight itself, the next."""
    return datetime(time.year, time.month, time.day, tzinfo=UTC) + timedelta(days=1)


def _removes(rule: Mapping[str, Any]) -> bool:
    return not {"Days", "Date"}.isdisjoint(rule.get("Expiration", {}))


def _plain_rule(rule: Mapping[str, Any]) -> PlainRule:
    conditions = dict(rule.get("Filter", {"Prefix": rule.get("Prefix", "")}))
    conditions.update(conditions.pop("And", {}))
    tags = conditions.get("Tags", []) + [conditions[one] for one in ("Tag",) if one in conditions]
    return PlainRule(
        rule.get("ID", ""),
        conditions.get("Prefix", ""),
        {tag["Key"]: tag.get("Value", "") for tag in tags},
        conditions.get("ObjectSizeGreaterThan", -1),
        conditions.get("ObjectSizeLessThan", float("inf")),
        rule["Expiration"].get("Days"),
        rule["Expiration"].get("Date"),
    )
