"""S3's rules held against what a real gateway says of its objects: Ceph's own ``x-amz-expiration``.

Without conditions on sizes, which Ceph 16 drops from rules.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from lightly_airflow.storage.lifecycle.columns import (
    DAY,
    NEVER,
    Objects,
    microseconds,
    moment,
    text_column,
    time_column,
)
from lightly_airflow.storage.lifecycle.s3 import S3Rule, s3_rules
from lightly_airflow.storage.lifecycle.survey import Survey
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.survey.inputs import read_rules, survey_inputs
from tests.ceph_server import Ceph
from tests.storage.conftest import s3_config

pytestmark = pytest.mark.slow
BUCKET = "expiring"
KEYS = ("raw/a", "raw/cam/b", "rawer/c", "d", "raw/cam/sub/e", "other/raw/f")
PREFIXES = ("", "raw", "raw/", "raw/cam/", "d", "none/")
TAGS: tuple[dict[str, str], ...] = ({}, {"keep": "no"}, {"keep": "yes"}, {"keep": "no", "team": "cars"})
SETS = 60


@dataclass(frozen=True)
class Stored:
    key: str
    tags: dict[str, str]
    written: datetime


@pytest.fixture(scope="module")
def stored(ceph: Ceph) -> list[Stored]:
    """An object for each name and each set of tags, and when the gateway wrote it."""
    ceph.client.create_bucket(Bucket=BUCKET)
    made = [(f"{key}{number}.jpg", tags) for key in KEYS for number, tags in enumerate(TAGS)]
    for key, tags in made:
        ceph.client.put_object(Bucket=BUCKET, Key=key, Body=b"1", Tagging=urlencode(tags))
    times = {one["Key"]: one["LastModified"] for one in ceph.client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    return [Stored(key, tags, times[key]) for key, tags in made]


def random_rule(chance: random.Random, name: str) -> Any:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    date = {"Date": midnight + timedelta(days=chance.randrange(1, 30))}
    return {
        "ID": name,
        "Status": chance.choice(("Enabled", "Enabled", "Enabled", "Disabled")),
        "Expiration": date if chance.random() < 0.3 else {"Days": chance.randrange(1, 30)},
        "Filter": chance.choice(list(filters(chance))),
    }


def filters(chance: random.Random) -> Iterator[dict[str, Any]]:
    prefix, tags = {"Prefix": chance.choice(PREFIXES)}, chance.choice(TAGS[1:])
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    yield prefix
    yield {"Tag": listed[0]}
    yield {"And": {**prefix, "Tags": listed}}


def told(ceph: Ceph, one: Stored) -> datetime | None:
    """What the gateway says of an object."""
    said = ceph.client.head_object(Bucket=BUCKET, Key=one.key).get("Expiration")
    return parsedate_to_datetime(said.split('"')[1]) if said else None


def computed(rules: tuple[S3Rule, ...], one: Stored) -> datetime | None:
    """What the calculator says of it, its tags being known."""
    batch = Objects("", text_column([one.key]), time_column([1]), time_column([microseconds(one.written)]))
    concerned = [rule for rule in rules if set(rule.tags) <= one.tags.items()]
    at = min((int(rule.times(batch)[0]) for rule in concerned), default=NEVER)
    return None if at == NEVER else moment(at)


@pytest.mark.timeout(600)
def test_the_gateway_agrees(ceph: Ceph, stored: list[Stored]) -> None:
    """Of more than a thousand pairs of rules and objects: prefixes, tags, both, days, dates, disabled, overlapping."""
    chance, pairs, expiring = random.Random(16), 0, 0
    for _ in range(SETS):
        given = [random_rule(chance, f"rule {number}") for number in range(chance.randrange(1, 5))]
        ceph.client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": given})
        rules = s3_rules(ceph.client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]).rules
        wanted = [computed(rules, one) for one in stored]
        # One after the other: asked by several at once, Ceph 16 tells another time of the day once in ten thousand.
        assert [told(ceph, one) for one in stored] == wanted, given
        pairs, expiring = pairs + len(stored), expiring + sum(one is not None for one in wanted)
    assert pairs >= 1000
    assert expiring >= 500


def test_a_survey_asks_the_gateway(ceph: Ceph, stored: list[Stored]) -> None:
    """Rules, listing and the objects in doubt, with the name of a rule as Ceph writes it: not encoded."""
    tag = {"Key": "keep", "Value": "no"}
    given: Any = {"ID": "50%25 kept", "Status": "Enabled", "Filter": {"Tag": tag}, "Expiration": {"Days": 1}}
    ceph.client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [given]})
    now = microseconds(datetime.now(UTC))
    config, reach = s3_config(ceph.key, ceph.secret, f"s3://{BUCKET}/raw/"), Reach(endpoint=ceph.url)
    survey = survey_inputs(Survey(now, now + 3 * DAY), config, read_rules(config, reach), "Images", reach=reach)
    inputs = [one for one in stored if one.key.startswith("raw/")]
    expiring = [one for one in inputs if one.tags.get("keep") == "no"]
    assert (survey.inputs, survey.asked) == (len(inputs), len(inputs))
    assert (survey.expiring, survey.rules) == (len(expiring), {0: len(expiring)})
