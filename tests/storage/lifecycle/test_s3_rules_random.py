"""S3's rules on random buckets: held against plain Python, and what must be true of any."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest

from lightly_airflow.storage.lifecycle.columns import NEVER, Array, Objects, microseconds, text_column, time_column
from lightly_airflow.storage.lifecycle.s3 import s3_rules
from tests.plain_expiry import plain_expiry, plain_rules
from tests.storage.lifecycle.objects import utc

Rule = dict[str, Any]
START, DAY = utc("2024-02-25T00:00:00"), timedelta(days=1)
PARTS = ("raw/", "raw/cam/", "rawer/", "r", "", "a")
TAGS = {"keep": "no", "team": "cars"}


@dataclass(frozen=True)
class Bucket:
    """Objects as plain values and as columns; each has all of the tags or none."""

    keys: list[str]
    sizes: list[int]
    written: list[datetime]
    tagged: list[bool]

    def columns(self) -> Objects:
        times = time_column([microseconds(time) for time in self.written])
        return Objects("", text_column(self.keys), time_column(self.sizes), times)


def bucket(chance: random.Random, count: int) -> Bucket:
    return Bucket(
        [f"{chance.choice(PARTS)}{number}.jpg" for number in range(count)],
        [chance.randrange(20) for _ in range(count)],
        [written(chance) for _ in range(count)],
        [chance.random() < 0.5 for _ in range(count)],
    )


def written(chance: random.Random) -> datetime:
    """At any time of ten days that have a leap day, often at midnight or next to it."""
    near = timedelta(microseconds=chance.choice((-1, 0, 1)))
    return START + chance.randrange(10) * DAY + (near if chance.random() < 0.3 else chance.random() * DAY)


def random_rule(chance: random.Random, name: str) -> Rule:
    date = {"Date": START + chance.randrange(-5, 20) * DAY}
    return {
        "ID": name,
        "Status": chance.choice(("Enabled", "Enabled", "Disabled")),
        "Expiration": date if chance.random() < 0.2 else {"Days": chance.randrange(1, 12)},
        **chance.choice((filter_of_one, filter_of_many, without_filter))(chance),
    }


def conditions(chance: random.Random) -> Iterator[Rule]:
    yield {"Prefix": chance.choice(PARTS)}
    yield {"ObjectSizeGreaterThan": chance.randrange(20)}
    yield {"ObjectSizeLessThan": chance.randrange(1, 21)}
    name = chance.choice(list(TAGS))
    yield {"Tag": {"Key": name, "Value": TAGS[name]}}


def filter_of_one(chance: random.Random) -> Rule:
    return {"Filter": chance.choice([{}, *conditions(chance)])}


def filter_of_many(chance: random.Random) -> Rule:
    chosen = chance.sample(list(conditions(chance)), 2)
    together = {name: value for one in chosen for name, value in one.items()}
    tag = together.pop("Tag", None)
    return {"Filter": {"And": together | ({"Tags": [tag]} if tag else {})}}


def without_filter(chance: random.Random) -> Rule:
    return {"Prefix": chance.choice(PARTS)}


def random_rules(chance: random.Random) -> list[Rule]:
    return [random_rule(chance, str(number)) for number in range(chance.choice((1, 2, 3, 5)))]


def lives(rules: list[Rule], objects: Objects, tagged: Array) -> Array:
    """Until when each object lives, its tags being known."""
    calculator = s3_rules(rules)
    sure, doubtful = calculator.expiry(objects, 0).at, calculator.doubtful(objects).at
    return np.where(tagged, np.minimum(sure, doubtful), sure)


def test_plain_python_agrees_on_a_million_pairs() -> None:
    """A thousand sets of rules on a thousand objects: the same times, and for objects without tags the same rules."""
    chance = random.Random(20261122)
    stock = bucket(chance, 1000)
    objects, tagged = stock.columns(), np.array(stock.tagged)
    tags = [TAGS if has else {} for has in stock.tagged]
    count = cache(microseconds)
    for _ in range(1000):
        given = random_rules(chance)
        rules = plain_rules(given)
        told = list(map(plain_expiry, [rules] * 1000, stock.keys, stock.sizes, tags, stock.written))
        plain = [NEVER if one is None else count(one.at) for one in told]
        assert np.array_equal(lives(given, objects, tagged), plain), given
        names = [*s3_rules(given).names, None]
        index = s3_rules(given).expiry(objects, 0).rule.tolist()
        assert all(
            has or names[at] == (one and one.rule) for has, at, one in zip(stock.tagged, index, told, strict=True)
        )


def one_more(chance: random.Random, rules: list[Rule]) -> list[Rule]:
    rules.insert(chance.randrange(len(rules) + 1), random_rule(chance, "more"))
    return rules


def one_disabled(chance: random.Random, rules: list[Rule]) -> list[Rule]:
    changed = chance.randrange(len(rules))
    return [rule | ({"Status": "Disabled"} if number == changed else {}) for number, rule in enumerate(rules)]


@pytest.mark.parametrize(
    ("change", "keeps"), [(one_more, np.less_equal), (one_disabled, np.greater_equal)], ids=["one more", "one disabled"]
)
def test_one_rule_changes(change: Callable[..., list[Rule]], keeps: Callable[..., Array]) -> None:
    """One rule more lets no object live longer, and one that is disabled lets none live shorter."""
    chance = random.Random(7)
    stock = bucket(chance, 500)
    objects, tagged, changed = stock.columns(), np.array(stock.tagged), 0
    for _ in range(300):
        rules = random_rules(chance)
        before = lives(rules, objects, tagged)
        after = lives(change(chance, list(rules)), objects, tagged)
        assert keeps(after, before).all(), rules
        changed += int(np.count_nonzero(after != before))
    assert changed > 1000
