"""Each condition of Google's lifecycle rules, and how advice tells it."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.storage.lifecycle.columns import NEVER
from lightly_airflow.storage.lifecycle.expiry import Removal
from lightly_airflow.storage.lifecycle.gcs import gcs_rules
from tests.storage.lifecycle.gcs_buckets import MADE, NOW, Rule, at, bucket, delete, expires, move, objects_of

CONDITIONS: dict[str, tuple[dict[str, Any], Rule, str | None]] = {
    "a leap day": ({"timeCreated": "2024-02-28T10:00:00Z"}, delete(age=2), "2024-03-01T10:00:00Z"),
    "created on a leap day": ({"timeCreated": "2024-02-29T00:00:00Z"}, delete(age=365), "2025-02-28T00:00:00Z"),
    "created at midnight": ({"timeCreated": "2026-03-01T00:00:00Z"}, delete(age=7), "2026-03-08T00:00:00Z"),
    "microseconds": ({"timeCreated": "2026-03-01T08:30:00.000001Z"}, delete(age=1), "2026-03-02T08:30:00.000001Z"),
    "custom time": ({"customTime": "2026-04-01T00:00:00Z"}, delete(daysSinceCustomTime=3), "2026-04-04T00:00:00Z"),
    "custom time of zero days": ({"customTime": "2026-04-01T00:00:00Z"}, delete(daysSinceCustomTime=0), "2026-04-01T00:00:00Z"),
    "custom time before the creation": ({"customTime": "2020-01-01T00:00:00Z"}, delete(daysSinceCustomTime=3), MADE),
    "custom time before a date": ({"customTime": "2026-03-31T23:59:59Z"}, delete(customTimeBefore="2026-04-01"), MADE),
    "custom time at the date": ({"customTime": "2026-04-01T00:00:00Z"}, delete(customTimeBefore="2026-04-01"), None),
    "created before a date to come": ({}, delete(createdBefore="2030-01-01"), MADE),
    "all conditions of a rule: the latest counts": (
        {"customTime": "2026-03-05T00:00:00Z"},
        delete(age=2, daysSinceCustomTime=2),
        "2026-03-07T00:00:00Z",
    ),
    "all conditions of a rule: one is never met": ({}, delete(age=2, createdBefore="2026-03-01"), None),
    "any of the prefixes": ({"name": "raw/a.jpg"}, delete(age=1, matchesPrefix=["tmp/", "raw/"]), "2026-03-02T08:30:00Z"),
    "none of the prefixes": ({"name": "keep/a.jpg"}, delete(age=1, matchesPrefix=["tmp/", "raw/"]), None),
    "any of the suffixes": ({"name": "a.jpg"}, delete(age=1, matchesSuffix=[".tmp", ".jpg"]), "2026-03-02T08:30:00Z"),
    "a suffix in another case": ({"name": "a.JPG"}, delete(age=1, matchesSuffix=[".jpg"]), None),
    "another storage class": ({"storageClass": "NEARLINE"}, delete(age=1, matchesStorageClass=["STANDARD"]), None),
    "STANDARD without its older names": ({"storageClass": "REGIONAL"}, delete(age=1, matchesStorageClass=["STANDARD"]), None),
    "above": ({"size": 11}, delete(age=1, sizeAboveBytes="10"), "2026-03-02T08:30:00Z"),
    "not above": ({"size": 10}, delete(age=1, sizeAboveBytes="10"), None),
    "below": ({"size": 9}, delete(age=1, sizeBelowBytes="10"), "2026-03-02T08:30:00Z"),
    "not below": ({"size": 10}, delete(age=1, sizeBelowBytes="10"), None),
    "newer versions: a live object has none": ({}, delete(numNewerVersions=1), None),
    "newer versions: none are enough": ({}, delete(numNewerVersions=0), MADE),
    "noncurrent for zero days": ({}, delete(daysSinceNoncurrentTime=0), None),
    "noncurrent before a date to come": ({}, delete(noncurrentTimeBefore="2100-01-01"), None),
    "live": ({}, delete(isLive=True), MADE),
    "noncurrent": ({}, delete(isLive=False), None),
    "a condition that is not known counts as met": ({}, delete(age=1, matchesPattern="x.*"), "2026-03-02T08:30:00Z"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_condition(name: str) -> None:
    """Each condition is met from its own time on, or never."""
    resource, rule, expected = CONDITIONS[name]
    assert expires(resource, bucket(rule)) == (expected and (expected, "rule 1"))


def test_a_rule_of_very_many_days_does_not_overflow() -> None:
    """The largest number of days that the API takes is a time far away, not one in the past."""
    found = gcs_rules(bucket(delete(age=2_147_483_647))).expiry(objects_of([{"timeCreated": MADE}]), at(NOW))
    assert at("8000-01-01") < found.at[0] < NEVER


@pytest.mark.parametrize("suffix", [".jpg", "/a.jpg", "sub/a.jpg", "raw/sub/a.jpg"])
def test_prefixes_and_suffixes_see_the_whole_key(suffix: str) -> None:
    """Below a directory, conditions on names look at the directory's path as well."""
    for condition in ({"matchesSuffix": [suffix]}, {"matchesPrefix": ["raw/"]}, {"matchesPrefix": ["raw/sub/a"]}):
        assert expires({"name": "a.jpg"}, bucket(delete(age=1, **condition)), root="raw/sub/")
    for condition in ({"matchesSuffix": [f"x{suffix}"]}, {"matchesPrefix": ["raw/sub/b"]}, {"matchesPrefix": ["tmp/"]}):
        assert not expires({"name": "a.jpg"}, bucket(delete(age=1, **condition)), root="raw/sub/")


REMOVALS: dict[str, tuple[Rule, str, float]] = {
    "age": (delete(age=7, matchesPrefix=["raw/", "tmp/"]), "7 days after creation, prefix raw/ or tmp/", 7),
    "custom time": (delete(daysSinceCustomTime=3), "3 days after the custom time", 3),
    "the longest": (delete(age=2, daysSinceCustomTime=9), "2 days after creation, 9 days after the custom time", 9),
    "a date that is past": (delete(createdBefore="2026-03-07"), "created before 2026-03-07", 3.5),
    "a date to come": (delete(createdBefore="2027-01-01"), "created before 2027-01-01", 0),
    "custom time before a date": (delete(customTimeBefore="2020-01-01"), "custom time before 2020-01-01", 0),
    "filters": (
        delete(age=1, matchesSuffix=[".jpg"], matchesStorageClass=["NEARLINE"], sizeAboveBytes="1", sizeBelowBytes="9"),
        "1 days after creation, suffix .jpg, storage class NEARLINE, more than 1 bytes, fewer than 9 bytes",
        1,
    ),
    "no condition of time": (delete(isLive=True), "at once", 0),
    "not known": (delete(age=1, matchesPattern="x.*"), "1 days after creation, matchesPattern, which counts as met", 1),
}


@pytest.mark.parametrize("name", REMOVALS)
def test_how_a_rule_is_told(name: str) -> None:
    """Advice names a rule by its place in the bucket, its conditions in words, and how long it keeps what is new."""
    rule, says, kept = REMOVALS[name]
    unconcerned = [move("NEARLINE", age=1), delete(age=1, isLive=False), delete(age=1, matchesPrefix=["other/"])]
    found = gcs_rules(bucket(*unconcerned, rule)).removals("raw/cam/", at(NOW))
    assert found == [Removal("rule 4", says, kept)]


def test_a_retention_policy_keeps_what_is_new_for_longer() -> None:
    """No rule deletes before the bucket's retention policy lets it."""
    given = bucket(delete(age=1), delete(age=30), retentionPolicy={"retentionPeriod": str(10 * 86_400)})
    assert [one.days for one in gcs_rules(given).removals("", at(NOW))] == [10, 30]
