"""S3's rules: filters, times, several rules, and how they are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from lightly_airflow.storage.lifecycle.columns import microseconds
from lightly_airflow.storage.lifecycle.expiry import Removal
from lightly_airflow.storage.lifecycle.s3 import S3Rule, s3_rules
from tests.storage.lifecycle.objects import expires, objects, utc
from tests.storage.lifecycle.rules import prefix, rule, to

CEST = timezone(timedelta(hours=2))
CAR = {"Key": "team", "Value": "cars"}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"Filter": {}}, ["raw/a", "raw/b", "rawer"]),
        ({"Filter": {"Prefix": ""}}, ["raw/a", "raw/b", "rawer"]),
        ({"Filter": {"Prefix": "raw/"}}, ["raw/a", "raw/b"]),
        ({"Filter": {"Prefix": "raw"}}, ["raw/a", "raw/b", "rawer"]),
        ({"Filter": {"Prefix": "raw/b/c"}}, []),
        ({"Prefix": "raw/b"}, ["raw/b"]),
        ({"Prefix": ""}, ["raw/a", "raw/b", "rawer"]),
        ({"Filter": {"ObjectSizeGreaterThan": 10}}, ["raw/b", "rawer"]),
        ({"Filter": {"ObjectSizeGreaterThan": 0}}, ["raw/a", "raw/b", "rawer"]),
        ({"Filter": {"ObjectSizeLessThan": 20}}, ["raw/a"]),
        ({"Filter": {"And": {"ObjectSizeGreaterThan": 10, "ObjectSizeLessThan": 30}}}, ["raw/b"]),
        ({"Filter": {"And": {"Prefix": "raw/", "ObjectSizeGreaterThan": 9}}}, ["raw/a", "raw/b"]),
        ({"Filter": {"And": {"Prefix": "raw/", "ObjectSizeGreaterThan": 10}}}, ["raw/b"]),
    ],
)
def test_filters(given: dict[str, Any], names: list[str]) -> None:
    """Prefixes begin the whole key, bounds are strict; one condition, several, none, and the form without a filter."""
    batch = objects(
        *((name, size, "2024-05-01T12:00:00") for name, size in (("raw/a", 10), ("raw/b", 20), ("rawer", 30)))
    )
    at = expires(s3_rules([rule(1, **given)]), batch)
    assert [str(name) for name, time in zip(batch.names, at, strict=True) if time] == names


@pytest.mark.parametrize(
    ("begins", "names"), [("cam", "ab"), ("cam/1/", "ab"), ("cam/1/a", "a"), ("cam/2", ""), ("a", "")]
)
def test_prefixes_beside_a_directory(begins: str, names: str) -> None:
    """Above it, itself, inside and beside: names are relative to the directory, prefixes are not."""
    batch = objects(("a.jpg", 1, "2024-05-01T12:00:00"), ("b.jpg", 1, "2024-05-01T12:00:00"), root="cam/1/")
    at = expires(s3_rules([rule(1, **prefix(begins))]), batch)
    assert "".join(str(name)[0] for name, time in zip(batch.names, at, strict=True) if time) == names


@pytest.mark.parametrize(
    ("days", "written", "expiry"),
    [
        (1, "2026-11-22T23:59:59.999999", "2026-11-24T00:00:00"),
        (1, "2026-11-23T00:00:00", "2026-11-25T00:00:00"),
        (1, "2026-11-23T00:00:00.000001", "2026-11-25T00:00:00"),
        (1, "2024-02-27T12:00:00", "2024-02-29T00:00:00"),
        (1, "2024-02-28T12:00:00", "2024-03-01T00:00:00"),
        (1, "2023-02-27T12:00:00", "2023-03-01T00:00:00"),
        (366, "2023-12-31T12:00:00", "2025-01-01T00:00:00"),
        (1, "1969-12-30T12:00:00", "1970-01-01T00:00:00"),
    ],
)
def test_days(days: int, written: str, expiry: str) -> None:
    """Nights across midnight, midnight sharp, leap days, and times before 1970."""
    assert expires(s3_rules([rule(days)]), objects(("a", 1, written))) == [expiry]


def test_dates() -> None:
    """On the day that the rule names, also for objects that were written after it."""
    on = rule(None, Expiration={"Date": datetime(2026, 12, 1, 2, tzinfo=CEST)})
    batch = objects(("old", 1, "2020-01-01T00:00:00"), ("new", 1, "2027-01-01T00:00:00"))
    assert expires(s3_rules([on]), batch) == ["2026-12-01T00:00:00"] * 2


def test_more_days_than_time_has() -> None:
    """Of a rule of two billion days, which means never, the time does not overflow and can still be shown."""
    (at,) = expires(s3_rules([rule(2_147_483_647)]), objects(("a", 1, "2026-01-01T00:00:00")))
    assert "8000" < str(at) < "9999"


def test_the_earliest_rule_wins() -> None:
    """Whatever the order; of two at one time the first; rules that are disabled or remove nothing have no part."""
    given = [
        rule(1, ID="off", Status="Disabled"),
        rule(9, ID="nine"),
        rule(None, ID="moves", **to("GLACIER", 1)),
        rule(4, ID="four", **prefix("a")),
        rule(4, ID="four again"),
    ]
    rules = s3_rules(given)
    found = rules.expiry(objects(("a", 1, "2026-11-22T02:00:00"), ("b", 1, "2026-11-22T02:00:00")), 0)
    assert [rules.names[index] for index in found.rule] == ["four", "four again"]
    assert rules.names == ("nine", "four", "four again")


def test_no_rules_and_no_objects() -> None:
    """Nothing expires, and nothing fails."""
    assert expires(s3_rules([]), objects(("a", 1, "2026-01-01T00:00:00"))) == [None]
    assert expires(s3_rules([rule(1, **prefix("a"))]), objects()) == []


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        ({"Tag": {"Key": "keep", "Value": "no"}}, (("keep", "no"),)),
        ({"Tag": {"Key": "keep", "Value": ""}}, (("keep", ""),)),
        ({"Tag": {"Key": "keep"}}, (("keep", ""),)),
        ({"And": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}, (("a", "1"), ("b", "2"))),
    ],
)
def test_tags_leave_doubt(given: dict[str, Any], tags: tuple[tuple[str, str], ...]) -> None:
    """A listing does not tell them, so no object surely expires, and any may; a key alone means one without a value."""
    rules, batch = s3_rules([rule(1, Filter=given)]), objects(("a", 1, "2026-01-01T00:00:00"))
    assert rules.rules[0].tags == tags
    assert expires(rules, batch) == [None]
    assert rules.doubtful(batch).at.tolist() == [microseconds(utc("2026-01-03T00:00:00"))]


def test_doubt_keeps_to_the_other_conditions() -> None:
    """A rule of prefix, size and tag leaves others than its objects alone."""
    given = {"And": {"Prefix": "raw/", "ObjectSizeLessThan": 5, "Tags": [{"Key": "a", "Value": "1"}]}}
    day = "2026-01-01T00:00:00"
    found = s3_rules([rule(1, Filter=given)]).doubtful(objects(("raw/a", 4, day), ("raw/b", 5, day), ("b", 4, day)))
    assert found.rule.tolist() == [0, -1, -1]


def test_how_rules_are_read() -> None:
    """Each of boto3's forms, with its ID or its number; the last is how Ceph answers."""
    read = s3_rules(
        [
            {"Status": "Enabled", "Prefix": "old/", "Expiration": {"Days": 2}},
            {
                "ID": "dated",
                "Status": "Enabled",
                "Filter": {},
                "Expiration": {"Date": datetime(2026, 12, 1, tzinfo=UTC)},
            },
            {"ID": "off", "Status": "Disabled", "Filter": {}, "Expiration": {"Days": 1}},
            {
                "Status": "Enabled",
                "Filter": {"And": {"Prefix": "a", "ObjectSizeLessThan": 9}},
                "Expiration": {"Days": 3},
            },
            {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 3, "ExpiredObjectDeleteMarker": True}},
            {"Status": "Enabled", "Filter": {"Prefix": "a", "And": {"Tags": [CAR]}}, "Expiration": {"Days": 4}},
        ]
    )
    assert read.rules == (
        S3Rule("rule 1", prefix="old/", days=2),
        S3Rule("dated", date=microseconds(utc("2026-12-01T00:00:00"))),
        S3Rule("rule 4", prefix="a", below=9, days=3),
        S3Rule("rule 5", days=3),
        S3Rule("rule 6", prefix="a", tags=(("team", "cars"),), days=4),
    )


def test_what_a_rule_is_called_in_advice() -> None:
    """Its conditions in words, and for how many days it keeps what is written now; only rules that reach the directory."""
    tagged = {"And": {"Prefix": "raw/", "Tags": [{"Key": "a", "Value": "1"}], "ObjectSizeGreaterThan": 5}}
    rules = s3_rules(
        [
            rule(7, ID="week", **prefix("raw/cam1/sub/")),
            rule(3, ID="tagged", Filter=tagged),
            rule(1, ID="beside", **prefix("rawer/")),
            rule(None, ID="dated", Filter={"ObjectSizeLessThan": 9}, Expiration={"Date": utc("2026-12-01T00:00:00")}),
        ]
    )
    assert rules.removals("raw/cam1/", microseconds(utc("2026-11-29T12:00:00"))) == [
        Removal("week", "7 days after creation, prefix raw/cam1/sub/", 7),
        Removal("tagged", "3 days after creation, prefix raw/, tag a=1, more than 5 bytes", 3),
        Removal("dated", "on 2026-12-01, fewer than 9 bytes", 1.5),
    ]
    assert rules.removals("", microseconds(utc("2027-01-01T00:00:00")))[-1].days == 0
