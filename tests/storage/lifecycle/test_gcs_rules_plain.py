"""The calculation in columns against one object at a time, moment by moment, as the documentation tells it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, SECOND, Objects, text_column, time_column
from lightly_airflow.storage.lifecycle.expiry import Expiry
from lightly_airflow.storage.lifecycle.gcs import gcs_rules
from tests.storage.lifecycle.gcs_buckets import Rule, at

NOW = at("2026-03-10T12:00:00Z")
COLDNESS = {"NEARLINE": 1, "COLDLINE": 2, "ARCHIVE": 3}
BUCKETS, OBJECTS, RULES = 250, 200, 4  # together 200,000 pairs of an object and a rule
DATES = ("2026-03-05", "2026-03-08", "2026-03-12")
MIDNIGHTS = {date: at(date) for date in DATES}
Thing = dict[str, Any]


# Whether one condition of a rule, with its value, is met by a live object in a storage class at a time. Those that are not
# here concern noncurrent versions.
MET: dict[str, Callable[[Any, Thing, str, int], bool]] = {
    "age": lambda value, thing, _, time: bool(time >= thing["created"] + value * DAY),
    "createdBefore": lambda value, thing, *_: bool(thing["created"] < MIDNIGHTS[value]),
    "daysSinceCustomTime": lambda value, thing, _, time: (
        thing["custom"] is not None and bool(time >= thing["custom"] + value * DAY)
    ),
    "customTimeBefore": lambda value, thing, *_: (
        thing["custom"] is not None and bool(thing["custom"] < MIDNIGHTS[value])
    ),
    "matchesPrefix": lambda value, thing, *_: any(thing["key"].startswith(one) for one in value),
    "matchesSuffix": lambda value, thing, *_: any(thing["key"].endswith(one) for one in value),
    "matchesStorageClass": lambda value, _, storage_class, __: storage_class in value,
    "sizeAboveBytes": lambda value, thing, *_: bool(thing["size"] > int(value)),
    "sizeBelowBytes": lambda value, thing, *_: bool(thing["size"] < int(value)),
    "isLive": lambda value, *_: bool(value),
    "numNewerVersions": lambda value, *_: bool(value == 0),
}


def all_met(rule: Rule, thing: Thing, storage_class: str, time: int) -> bool:
    return all(
        name in MET and MET[name](value, thing, storage_class, time) for name, value in rule["condition"].items()
    )


def moments(rules: list[Rule], thing: Thing) -> list[int]:
    """Every moment from an object's creation on at which a condition may come to be met, and now."""
    found = {NOW, thing["created"]}
    for rule in rules:
        condition = rule["condition"]
        found.add(thing["created"] + condition.get("age", 0) * DAY)
        if thing["custom"] is not None:
            found.add(thing["custom"] + condition.get("daysSinceCustomTime", 0) * DAY)
    return sorted(time for time in found if time >= thing["created"])


def deleted(rules: list[Rule], thing: Thing) -> tuple[int, int]:
    """When an object that is there now is deleted, and by which of the rules that delete; holds and retention aside."""
    deletes = [rule for rule in rules if rule["action"]["type"] == "Delete"]
    moves = [rule for rule in rules if rule["action"]["type"] == "SetStorageClass"]
    storage_class = thing["class"]
    for time in moments(rules, thing):
        while True:
            for index, rule in enumerate(deletes):
                if all_met(rule, thing, storage_class, time):
                    return time, index
            targets = [one["action"]["storageClass"] for one in moves if all_met(one, thing, storage_class, time)]
            colder = [one for one in targets if COLDNESS.get(one, 0) > COLDNESS.get(storage_class, 0)]
            if not colder or time < NOW:  # what was due before now and is not done yet is done now
                break
            storage_class = max(colder, key=COLDNESS.__getitem__)
    return NEVER, -1


def plain(rules: list[Rule], period: int, thing: Thing) -> int:
    """When an object expires."""
    time, _index = deleted(rules, thing)
    if thing["held"] or time == NEVER:
        return NEVER
    return int(max(time, thing["kept"] or thing["created"] + period))


def random_rule(random: Random) -> Rule:
    """A rule of few conditions, so that many objects match and many times are equal."""
    choices: dict[str, Any] = {
        "age": random.randint(0, 12),
        "createdBefore": random.choice(DATES),
        "daysSinceCustomTime": random.randint(0, 12),
        "customTimeBefore": random.choice(DATES),
        "matchesPrefix": random.sample(["raw/a", "raw/", "tmp/", "raw/sub/b", ""], 2),
        "matchesSuffix": random.sample([".jpg", "a.jpg", "sub/a.jpg", ".png", "aw/"], 2),
        "matchesStorageClass": random.sample(["STANDARD", "REGIONAL", *COLDNESS], 2),
        "sizeAboveBytes": str(random.randint(0, 3)),
        "sizeBelowBytes": str(random.randint(1, 4)),
        "isLive": random.random() < 0.8,
        "numNewerVersions": int(random.random() < 0.3),
        "daysSinceNoncurrentTime": 0,
        "noncurrentTimeBefore": "2026-03-12",
    }
    weights = [8, 2, 2, 1, 1, 1, 8, 1, 1, 1, 1, 0.1, 0.1]
    names = set(random.choices(list(choices), weights, k=random.randint(1, 3)))
    targets = [*COLDNESS, "STANDARD"]
    action = (
        {"type": "Delete"}
        if random.random() < 0.5
        else {"type": "SetStorageClass", "storageClass": random.choice(targets)}
    )
    return {"action": action, "condition": {name: choices[name] for name in choices if name in names}}


def random_thing(random: Random) -> Thing:
    created = NOW - random.choice((0, 1, SECOND, 6 * 3600 * SECOND, 12 * 3600 * SECOND)) - random.randint(0, 10) * DAY
    return {
        "key": random.choice(("raw/a.jpg", "raw/sub/a.jpg", "raw/sub/b.png", "raw/", "raw/c.jpg.jpg")),
        "size": random.randint(0, 4),
        "created": created,
        "custom": random.choice((None, created, created - DAY, NOW, NOW + 3 * DAY)),
        "class": random.choice(("STANDARD", "STANDARD", "REGIONAL", "NEARLINE", "COLDLINE", "ARCHIVE")),
        "held": random.random() < 0.1,
        "kept": random.choice((0, 0, 0, NOW - DAY, NOW + 2 * DAY)),
    }


def columns(things: list[Thing], root: str = "raw/") -> Objects:
    created = time_column([one["created"] for one in things])
    facts = {
        "created": created,
        "custom_time": time_column([NEVER if one["custom"] is None else one["custom"] for one in things]),
        "storage_class": text_column([one["class"] for one in things]),
        "held": np.array([one["held"] for one in things]),
        "kept_until": time_column([one["kept"] for one in things]),
    }
    names = text_column([one["key"].removeprefix(root) for one in things])
    return Objects(root, names, time_column([one["size"] for one in things]), created, facts)


def computed(rules: list[Rule], period: int, objects: Objects) -> Expiry:
    bucket = {"lifecycle": {"rule": rules}, "retentionPolicy": {"retentionPeriod": str(period // SECOND)}}
    return gcs_rules(bucket).expiry(objects, NOW)


def test_columns_and_plain_reading_agree() -> None:
    """Two hundred thousand pairs of an object and a rule give the same times, object by object."""
    random, expiring = Random(20260310), 0
    for _ in range(BUCKETS):
        rules, period = [random_rule(random) for _ in range(RULES)], random.choice((0, 0, DAY, 9 * DAY))
        things = [random_thing(random) for _ in range(OBJECTS)]
        found = computed(rules, period, columns(things)).at.tolist()
        expected = [plain(rules, period, thing) for thing in things]
        wrong = [
            (thing, ours, theirs) for thing, ours, theirs in zip(things, found, expected, strict=True) if ours != theirs
        ]
        assert not wrong, (rules, wrong[0])
        expiring += sum(time != NEVER for time in expected)
    assert BUCKETS * OBJECTS * 0.2 < expiring < BUCKETS * OBJECTS * 0.8, "the draw should have both kinds"


def test_the_rule_that_is_told_is_the_one_that_deletes() -> None:
    """The index of the rule is that of the plain reading, by the names of the rules that concern live objects."""
    random = Random(7)
    for _ in range(60):
        rules = [random_rule(random) for _ in range(RULES)]
        things = [{**random_thing(random), "held": False} for _ in range(40)]
        deletes = [f"rule {number}" for number, rule in enumerate(rules, 1) if rule["action"]["type"] == "Delete"]
        names = gcs_rules({"lifecycle": {"rule": rules}}).names
        told = [names[index] if index >= 0 else None for index in computed(rules, 0, columns(things)).rule]
        assert told == [deletes[index] if (index := deleted(rules, thing)[1]) >= 0 else None for thing in things]


def test_a_further_rule_that_deletes_never_makes_an_object_live_longer() -> None:
    """With one rule more that deletes everything expires at the same time or earlier; so the fewer, the later."""
    random = Random(11)
    for _ in range(1000):
        rules, objects = [random_rule(random) for _ in range(RULES)], columns([random_thing(random) for _ in range(20)])
        further = {**random_rule(random), "action": {"type": "Delete"}}
        more = [*rules]
        more.insert(random.randint(0, RULES), further)
        assert (computed(more, DAY, objects).at <= computed(rules, DAY, objects).at).all()


def test_a_batch_is_answered_as_its_objects_are_alone() -> None:
    """No object's answer depends on the others beside it."""
    random = Random(13)
    for _ in range(30):
        rules, things = [random_rule(random) for _ in range(RULES)], [random_thing(random) for _ in range(20)]
        alone = [computed(rules, 0, columns([thing])).at[0] for thing in things]
        assert computed(rules, 0, columns(things)).at.tolist() == alone
