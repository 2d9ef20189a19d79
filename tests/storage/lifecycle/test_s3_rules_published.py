"""S3's rules: what AWS publishes, and what people were answered by their servers."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.storage.lifecycle.columns import microseconds
from lightly_airflow.storage.lifecycle.s3 import s3_rules
from tests.storage.lifecycle.objects import expires, objects, utc
from tests.storage.lifecycle.rules import prefix, rule, to

GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
REPOST = "https://repost.aws/knowledge-center/s3-lifecycle-rule-delay"
CLASSMETHOD = "https://dev.classmethod.jp/articles/check-the-expiration-date-of-the-object-with-awscli-ja"
MINIO = "https://github.com/minio/minio/issues"
OLD_VERSIONS = {"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 10, "NoncurrentDays": 30}}
BOTH_CLASSES = [
    rule(3650, ID="ClassADocRule", **prefix("classA/"), **to("GLACIER", 365)),
    rule(365, ID="ClassBDocRule", **prefix("classB/"), **to("STANDARD_IA", 90)),
]


def tag(name: str, value: str) -> dict[str, Any]:
    return {"Filter": {"Tag": {"Key": name, "Value": value}}}


# Source, days of a rule, time of writing, time of expiry.
TIMES = [
    (f"{GUIDE}/intro-lifecycle-rules.html", 3, "2014-01-15T10:30:00", "2014-01-19T00:00:00"),
    (REPOST, 3, "2020-01-01T10:30:00", "2020-01-05T00:00:00"),
    (CLASSMETHOD, 60, "2018-08-14T19:57:04", "2018-10-14T00:00:00"),
    (f"{MINIO}/11125", 1, "2020-12-17T19:06:10", "2020-12-19T00:00:00"),
    (f"{MINIO}/11210", 2, "2020-12-30T10:02:11", "2021-01-02T00:00:00"),
]


@pytest.mark.parametrize(("source", "days", "written", "expiry"), TIMES)
def test_times_that_are_published(source: str, days: int, written: str, expiry: str) -> None:
    """Examples with times, worked out by AWS or answered by a server."""
    assert expires(s3_rules([rule(days)]), objects(("a", 1, written))) == [expiry], source


# Page of the guide, or the whole address; what it shows; rules; key; size; after how many days the object is removed.
EXAMPLES: list[tuple[str, str, list[Any], str, int, int | None]] = [
    ("examples", "Specifying a filter", [rule(3650, **prefix("tax/"), **to("GLACIER", 365))], "tax/doc1.txt", 1, 3650),
    ("examples", "Specifying a filter", [rule(3650, **prefix("tax/"), **to("GLACIER", 365))], "taxes.txt", 1, None),
    ("examples", "Specifying a filter", [rule(None, **prefix(""), **to("GLACIER", 0))], "a", 1, None),
    (
        "examples",
        "Disabling a rule",
        [rule(None, Prefix="documents/", Status="Disabled", **to("GLACIER", 0))],
        "a",
        1,
        None,
    ),
    ("examples", "Tiering down", [rule(365, **prefix("logs/"), **to("STANDARD_IA", 30))], "logs/a", 1, 365),
    ("examples", "Multiple rules", BOTH_CLASSES, "classA/a", 1, 3650),
    ("examples", "Multiple rules", BOTH_CLASSES, "classB/a", 1, 365),
    ("examples", "Multiple rules", BOTH_CLASSES, "classC/a", 1, None),
    ("examples", "Versions", [rule(None, **prefix(""), **to("STANDARD_IA", 90), **OLD_VERSIONS)], "a", 1, None),
    ("examples", "Delete markers: a well-defined lifecycle", [rule(60, **OLD_VERSIONS)], "a", 1, 60),
    ("examples", "Delete markers", [rule(None, Expiration={"ExpiredObjectDeleteMarker": True})], "logs/a", 1, None),
    ("examples", "Uploads", [rule(None, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7})], "a", 1, None),
    ("rules", "Prefix", [rule(9, **prefix("logs/"))], "logs/mylog.txt", 1, 9),
    ("rules", "Prefix", [rule(9, **prefix("logs/"))], "example.jpg", 1, None),
    ("rules", "Empty filter", [rule(9)], "example.jpg", 1, 9),
    ("rules", "Size", [rule(9, Filter={"ObjectSizeGreaterThan": 500})], "a", 500, None),
    ("rules", "Size", [rule(9, Filter={"ObjectSizeGreaterThan": 500})], "a", 501, 9),
    *(
        (
            "rules",
            "Size range, bounds not inclusive (API_LifecycleRuleAndOperator)",
            [rule(9, Filter={"And": {"ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 64_000}})],
            "a",
            size,
            days,
        )
        for size, days in ((500, None), (501, 9), (63_999, 9), (64_000, None))
    ),
    (
        "conflicts",
        "1: no conflict",
        [rule(365), rule(None, **prefix("logs/"), **to("STANDARD_IA", 30))],
        "logs/a",
        1,
        365,
    ),
    (
        "conflicts",
        "2: expiration and transition at one time",
        [rule(365, **prefix("logs/")), rule(None, **prefix("logs/"), **to("STANDARD_IA", 365))],
        "logs/a",
        1,
        365,
    ),
    (
        "conflicts",
        "3: transitions alone",
        [rule(None, **to("STANDARD_IA", 10)), rule(None, **prefix("logs/"), **to("STANDARD_IA", 365))],
        "logs/a",
        1,
        None,
    ),
    ("conflicts", "The shorter expiration is honored", [rule(365), rule(14, **prefix("logs/"))], "logs/a", 1, 14),
    (REPOST, "A prefix with a slash before it", [rule(3, **prefix("/images/"))], "images/a.jpg", 1, None),
]
PAGES = {
    "examples": "lifecycle-configuration-examples",
    "rules": "intro-lifecycle-rules",
    "conflicts": "lifecycle-conflicts",
}


@pytest.mark.parametrize(("page", "shows", "rules", "key", "size", "days"), EXAMPLES)
def test_configurations_that_are_published(
    page: str, shows: str, rules: list[Any], key: str, size: int, days: int | None
) -> None:
    """Whether an example's rules remove an object, and after how many days."""
    source = f"{GUIDE}/{PAGES[page]}.html" if page in PAGES else page
    removed = expires(s3_rules([rule(days)]), objects((key, size, "2024-03-01T09:00:00"))) if days else [None]
    assert expires(s3_rules(rules), objects((key, size, "2024-03-01T09:00:00"))) == removed, (source, shows)


def test_conflict_of_tags() -> None:
    """lifecycle-conflicts, example 4: whoever has both tags is removed after 14 days, and not moved after 365."""
    rules = s3_rules([rule(None, **tag("tag1", "value1"), **to("GLACIER", 365)), rule(14, **tag("tag2", "value2"))])
    batch = objects(("a", 1, "2024-03-01T09:00:00"))
    assert rules.doubtful(batch).at.tolist() == [microseconds(utc("2024-03-16T00:00:00"))]
    assert expires(rules, batch) == [None]
