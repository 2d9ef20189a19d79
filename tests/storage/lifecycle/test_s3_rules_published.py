"""S3's rules: what their makers publish, and what people were answered by their servers."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.storage.lifecycle.s3 import s3_rules
from tests.storage.lifecycle.objects import expires, objects
from tests.storage.lifecycle.rules import prefix, rule, to

GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
TAX = [rule(3650, **prefix("tax/"), **to("GLACIER", 365))]
CLASSES = [
    rule(3650, ID="ClassADocRule", **prefix("classA/"), **to("GLACIER", 365)),
    rule(365, ID="ClassBDocRule", **prefix("classB/"), **to("GLACIER", 90)),
]
# Source, rules, key, size, time of writing, time of expiry.
PUBLISHED: list[tuple[str, list[Any], str, int, str, str | None]] = [
    (f"{GUIDE}/intro-lifecycle-rules.html", [rule(3)], "a", 1, "2014-01-15T10:30:00", "2014-01-19T00:00:00"),
    (
        "https://repost.aws/knowledge-center/s3-lifecycle-rule-delay",
        [rule(3)],
        "images/a.jpg",
        1,
        "2020-01-01T10:30:00",
        "2020-01-05T00:00:00",
    ),
    (
        "https://repost.aws/knowledge-center/s3-lifecycle-rule-delay: a prefix with a slash before it does nothing",
        [rule(3, **prefix("/images/"))],
        "images/a.jpg",
        1,
        "2020-01-01T10:30:00",
        None,
    ),
    (
        "https://dev.classmethod.jp/articles/check-the-expiration-date-of-the-object-with-awscli-ja",
        [rule(60, **prefix(""), NoncurrentVersionExpiration={"NoncurrentDays": 30})],
        "a",
        641,
        "2018-08-14T19:57:04",
        "2018-10-14T00:00:00",
    ),
    ("https://github.com/minio/minio/issues/11125", [rule(1)], "a", 1, "2020-12-17T19:06:10", "2020-12-19T00:00:00"),
    ("https://github.com/minio/minio/issues/11210", [rule(2)], "b", 7, "2020-12-30T10:02:11", "2021-01-02T00:00:00"),
    (f"{GUIDE}/lifecycle-configuration-examples.html", TAX, "tax/a", 1, "2024-03-01T09:00:00", "2034-02-28T00:00:00"),
    (f"{GUIDE}/lifecycle-configuration-examples.html", TAX, "taxes", 1, "2024-03-01T09:00:00", None),
    (
        f"{GUIDE}/lifecycle-configuration-examples.html",
        [rule(None, **to("GLACIER", 0))],
        "a",
        1,
        "2024-03-01T09:00:00",
        None,
    ),
    (
        f"{GUIDE}/lifecycle-configuration-examples.html",
        CLASSES,
        "classA/a",
        1,
        "2023-01-01T01:00:00",
        "2032-12-30T00:00:00",
    ),
    (
        f"{GUIDE}/lifecycle-configuration-examples.html",
        CLASSES,
        "classB/a",
        1,
        "2023-01-01T01:00:00",
        "2024-01-02T00:00:00",
    ),
    (
        f"{GUIDE}/lifecycle-configuration-examples.html",
        [rule(None, NoncurrentVersionExpiration={"NewerNoncurrentVersions": 5, "NoncurrentDays": 30})],
        "a",
        1,
        "2023-01-01T01:00:00",
        None,
    ),
    (
        f"{GUIDE}/lifecycle-configuration-examples.html",
        [
            rule(
                None, Expiration={"ExpiredObjectDeleteMarker": True}, NoncurrentVersionExpiration={"NoncurrentDays": 30}
            )
        ],
        "a",
        1,
        "2023-01-01T01:00:00",
        None,
    ),
    (
        f"{GUIDE}/lifecycle-configuration-examples.html",
        [rule(None, **prefix("SomeKeyPrefix/"), AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7})],
        "SomeKeyPrefix/a",
        1,
        "2023-01-01T01:00:00",
        None,
    ),
    (
        f"{GUIDE}/lifecycle-conflicts.html: overlapping prefixes",
        [rule(365), rule(None, **prefix("logs/"), **to("STANDARD_IA", 30))],
        "logs/a",
        1,
        "2023-01-01T01:00:00",
        "2024-01-02T00:00:00",
    ),
    (
        f"{GUIDE}/lifecycle-conflicts.html: an expiration and a transition on one day",
        [rule(365, **prefix("logs/")), rule(None, **to("STANDARD_IA", 365))],
        "logs/a",
        1,
        "2023-01-01T01:00:00",
        "2024-01-02T00:00:00",
    ),
    (
        f"{GUIDE}/lifecycle-conflicts.html: the shorter expiration policy is honored",
        [rule(365), rule(14, **prefix("logs/"))],
        "logs/a",
        1,
        "2023-01-01T01:00:00",
        "2023-01-16T00:00:00",
    ),
]


@pytest.mark.parametrize(("source", "rules", "key", "size", "written", "expiry"), PUBLISHED)
def test_what_is_published(
    source: str, rules: list[Any], key: str, size: int, written: str, expiry: str | None
) -> None:
    """Examples of AWS's guide and of people who show what their server answered."""
    assert expires(s3_rules(rules), objects((key, size, written))) == [expiry], source
