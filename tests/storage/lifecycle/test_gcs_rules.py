"""Google's lifecycle rules: each documented example, and what decides between rules."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.storage.lifecycle.gcs import gcs_rules
from tests.storage.lifecycle.gcs_buckets import MADE, NOW, Rule, at, bucket, delete, expires, move, objects_of

DOCS = "https://cloud.google.com/storage/docs"
JAVA = "https://cloud.google.com/java/docs/reference/google-cloud-storage/latest"


# What is documented: source, object, bucket, now, when it expires and by which rule.
PUBLISHED: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, tuple[str, str] | None]] = {
    "age counts from the creation, to the second": (
        f"{DOCS}/lifecycle#age",
        {"timeCreated": "2019-01-10T10:00:00Z"},
        bucket(delete(age=10)),
        "2019-01-11",
        ("2019-01-20T10:00:00Z", "rule 1"),
    ),
    "created before January 1, 2019": (
        f"{DOCS}/lifecycle",
        {"timeCreated": "2018-12-31T23:59:59Z"},
        bucket(delete(createdBefore="2019-01-01")),
        "2019-06-01",
        ("2018-12-31T23:59:59Z", "rule 1"),
    ),
    "created at midnight of January 1, 2019": (
        f"{JAVA}/com.google.cloud.storage.BucketInfo.LifecycleRule.LifecycleCondition.Builder",
        {"timeCreated": "2019-01-01"},
        bucket(delete(createdBefore="2019-01-01")),
        "2019-06-01",
        None,
    ),
    "a time is truncated to its date": (
        f"{JAVA}/com.google.cloud.storage.BucketInfo.LifecycleRule.LifecycleCondition.Builder",
        {"timeCreated": "2019-01-01T03:00:00Z"},
        bucket(delete(createdBefore="2019-01-01T12:00:00Z")),
        "2019-06-01",
        None,
    ),
    "an object that is 11 days old, under a rule of 10 days": (
        f"{DOCS}/managing-lifecycles#set",
        {"timeCreated": "2026-02-27T12:00:00Z"},
        bucket(delete(age=10)),
        NOW,
        ("2026-03-09T12:00:00Z", "rule 1"),
    ),
    "the same under a rule of 20 days": (
        f"{DOCS}/managing-lifecycles#set",
        {"timeCreated": "2026-02-27T12:00:00Z"},
        bucket(delete(age=20)),
        NOW,
        ("2026-03-19T12:00:00Z", "rule 1"),
    ),
    "delete older object versions": (
        f"{DOCS}/lifecycle-configurations",
        {},
        bucket(delete(numNewerVersions=2, isLive=False), delete(daysSinceNoncurrentTime=7)),
        NOW,
        None,
    ),
    "delete live versions older than 30 days and others older than 10": (
        f"{DOCS}/managing-lifecycles",
        {},
        bucket(delete(age=30, isLive=True), delete(age=10, isLive=False)),
        NOW,
        ("2026-03-31T08:30:00Z", "rule 1"),
    ),
    "change storage classes, delete nothing": (
        f"{DOCS}/lifecycle-configurations",
        {},
        bucket(
            move(
                "NEARLINE", age=365, matchesStorageClass=["MULTI_REGIONAL", "STANDARD", "DURABLE_REDUCED_AVAILABILITY"]
            ),
            move("COLDLINE", age=1095, matchesStorageClass=["NEARLINE"]),
        ),
        NOW,
        None,
    ),
    "delete objects of more than 365 days": (
        f"{DOCS}/gsutil/commands/lifecycle#examples",
        {},
        bucket(delete(age=365)),
        NOW,
        ("2027-03-01T08:30:00Z", "rule 1"),
    ),
    "a year counts from the creation, also in a colder class": (
        f"{DOCS}/lifecycle#age",
        {"storageClass": "REGIONAL"},
        bucket(move("COLDLINE", age=90), delete(age=365)),
        NOW,
        ("2027-03-01T08:30:00Z", "rule 2"),
    ),
    "unfinished uploads": (
        f"{DOCS}/lifecycle",
        {},
        bucket({"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}}),
        NOW,
        None,
    ),
    "an age of zero matches at once": (
        f"{JAVA}/com.google.storage.v2.Bucket.Lifecycle.Rule.ConditionOrBuilder",
        {},
        bucket(delete(age=0)),
        NOW,
        (MADE, "rule 1"),
    ),
    "no custom time, no condition on it": (
        f"{DOCS}/json_api/v1/buckets",
        {},
        bucket(delete(daysSinceCustomTime=0), delete(customTimeBefore="2100-01-01")),
        NOW,
        None,
    ),
    "of two classes under one condition the colder wins": (
        f"{DOCS}/lifecycle",
        {},
        bucket(
            move("NEARLINE", age=5),
            move("COLDLINE", age=5),
            delete(age=20, matchesStorageClass=["NEARLINE"]),
            delete(age=30, matchesStorageClass=["COLDLINE"]),
        ),
        NOW,
        ("2026-03-31T08:30:00Z", "rule 4"),
    ),
    "deleting goes before changing the class": (
        f"{DOCS}/lifecycle",
        {},
        bucket(move("ARCHIVE", age=5), delete(age=5, matchesStorageClass=["STANDARD"])),
        NOW,
        ("2026-03-06T08:30:00Z", "rule 2"),
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_google_documents(name: str) -> None:
    """Each example in Google's documentation has the result that is told there."""
    _source, resource, given, now, expected = PUBLISHED[name]
    assert expires(resource, given, now) == expected


PATHS: dict[str, tuple[dict[str, Any], list[Rule], tuple[str, str] | None]] = {
    "deleted in the class that it moves to": (
        {},
        [move("NEARLINE", age=30), delete(age=10, matchesStorageClass=["NEARLINE"])],
        ("2026-03-31T08:30:00Z", "rule 2"),
    ),
    "out of a rule's reach before its time": (
        {},
        [move("NEARLINE", age=15), delete(age=20, matchesStorageClass=["STANDARD"])],
        None,
    ),
    "through all classes": (
        {},
        [
            move("NEARLINE", age=15, matchesStorageClass=["STANDARD"]),
            move("COLDLINE", age=16, matchesStorageClass=["NEARLINE"]),
            move("ARCHIVE", age=17, matchesStorageClass=["COLDLINE"]),
            delete(age=1, matchesStorageClass=["ARCHIVE"]),
        ],
        ("2026-03-18T08:30:00Z", "rule 4"),
    ),
    "what is due moves now, and is deleted there now": (
        {},
        [move("NEARLINE", age=1), delete(age=2, matchesStorageClass=["NEARLINE"])],
        (NOW, "rule 2"),
    ),
    "of those due, the coldest; the class between is skipped": (
        {},
        [move("NEARLINE", age=1), move("ARCHIVE", age=3), delete(age=2, matchesStorageClass=["NEARLINE"])],
        None,
    ),
    "a deletion that came due after a move is done all the same": (
        {},
        [move("NEARLINE", age=1), delete(age=2, matchesStorageClass=["STANDARD"])],
        ("2026-03-03T08:30:00Z", "rule 2"),
    ),
    "never to a warmer class": (
        {"storageClass": "COLDLINE"},
        [move("NEARLINE", age=1), move("STANDARD", age=1), delete(age=20, matchesStorageClass=["COLDLINE"])],
        ("2026-03-21T08:30:00Z", "rule 3"),
    ),
    "older names move like STANDARD": (
        {"storageClass": "DURABLE_REDUCED_AVAILABILITY"},
        [move("NEARLINE", age=1), delete(age=20, matchesStorageClass=["NEARLINE"])],
        ("2026-03-21T08:30:00Z", "rule 2"),
    ),
    "of two rules at one time the first is told": (
        {},
        [delete(age=2), delete(age=2)],
        ("2026-03-03T08:30:00Z", "rule 1"),
    ),
    "of two rules the earlier wins": ({}, [delete(age=3), delete(age=2)], ("2026-03-03T08:30:00Z", "rule 2")),
}


@pytest.mark.parametrize("name", PATHS)
def test_ways_through_the_storage_classes(name: str) -> None:
    """Rules that change the class decide which rules that delete still come to an object, and when."""
    resource, rules, expected = PATHS[name]
    assert expires(resource, bucket(*rules)) == expected


KEPT: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str] | None]] = {
    "held": ({"hold": True}, bucket(delete(age=1)), None),
    "kept beyond the rule": ({"kept": "2026-05-01"}, bucket(delete(age=1)), ("2026-05-01T00:00:00Z", "rule 1")),
    "kept for less": ({"kept": "2026-03-01T09:00:00Z"}, bucket(delete(age=1)), ("2026-03-02T08:30:00Z", "rule 1")),
    "the bucket's retention": (
        {},
        bucket(delete(age=1), retentionPolicy={"retentionPeriod": "864000"}),
        ("2026-03-11T08:30:00Z", "rule 1"),
    ),
    "the object's own goes first": (
        {"kept": "2026-03-05"},
        bucket(delete(age=1), retentionPolicy={"retentionPeriod": "864000"}),
        ("2026-03-05T00:00:00Z", "rule 1"),
    ),
    "retention alone deletes nothing": ({"kept": "2026-03-05"}, bucket(retentionPolicy={"retentionPeriod": "1"}), None),
}


@pytest.mark.parametrize("name", KEPT)
def test_holds_and_retention(name: str) -> None:
    """What is held or retained is not deleted before that is over."""
    resource, given, expected = KEPT[name]
    assert expires(resource, given) == expected


@pytest.mark.parametrize("given", [{}, {"lifecycle": {}}, {"lifecycle": {"rule": []}}, {"lifecycle": None}])
def test_a_bucket_without_rules(given: dict[str, Any]) -> None:
    """Without rules nothing expires, nothing is in doubt, and there is nothing to tell."""
    rules = gcs_rules(given)
    assert (rules.names, rules.removals("", at(NOW))) == ((), [])
    assert expires({}, given) is None
    assert rules.doubtful(objects_of([{"timeCreated": MADE}])).rule.tolist() == [-1]


def test_no_objects() -> None:
    """An empty batch is answered with an empty batch."""
    assert len(gcs_rules(bucket(delete(age=1), move("NEARLINE", age=1))).expiry(objects_of([]), at(NOW)).at) == 0
