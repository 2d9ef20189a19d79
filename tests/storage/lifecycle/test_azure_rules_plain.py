"""Azure's lifecycle policies in columns beside a plain evaluation of one blob by the documentation's words."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import numpy as np

from lightly_airflow.storage.lifecycle.azure import azure_rules
from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Array, Objects, microseconds, text_column
from tests.azure_policies import Json, policy, rule, tagged

CHANGED = "2026-01-05T03:01:55.7168089Z"
NOW = microseconds(datetime(2026, 2, 1, tzinfo=UTC))


def plain(given: Json, container: str, blobs: Objects, index: int, changed: int) -> int:
    """When one blob expires, by the documentation's words and without columns."""
    key = f"{container}/{blobs.root}{blobs.names[index]}"
    found = [int(blobs.facts["expires"][index])]
    for one in given["properties"]["policy"]["rules"]:
        filters, delete = one["definition"]["filters"], one["definition"]["actions"]["baseBlob"].get("delete")
        wanted = filters["prefixMatch"]
        if not (one["enabled"] and delete) or not (not wanted or any(map(key.startswith, wanted))):
            continue
        if str(blobs.facts["blob_type"][index]).lower() not in map(str.lower, filters["blobTypes"]):
            continue
        tags = blobs.facts["index_tags"][index]
        if any(tags.get(tag["name"]) != tag["value"] for tag in filters.get("blobIndexMatch", ())):
            continue
        accessed = int(blobs.facts["accessed"][index])
        bases = {
            "daysAfterModificationGreaterThan": int(blobs.modified[index]),
            "daysAfterCreationGreaterThan": int(blobs.facts["created"][index]),
            "daysAfterLastAccessTimeGreaterThan": changed if accessed == NEVER else accessed,
        }
        found.append(max(bases[name] + number * DAY for name, number in delete.items()))
    return min(found)


def random_rule(chance: random.Random, name: str) -> Json:
    conditions = [
        "daysAfterModificationGreaterThan",
        "daysAfterCreationGreaterThan",
        "daysAfterLastAccessTimeGreaterThan",
    ]
    delete = {condition: chance.randrange(60) for condition in chance.sample(conditions, chance.randint(0, 2))}
    prefixes = ["cameras/raw/a", "cam", "cameras/raw/", "other", "cameras/raw/b/", "cameras/x", "cameras/raw/A"]
    return rule(
        name,
        delete or None,
        chance.random() < 0.8,
        blobTypes=chance.sample(["blockBlob", "appendBlob"], chance.randint(1, 2)),
        prefixMatch=chance.sample(prefixes, chance.randint(0, 3)),
        blobIndexMatch=tagged(**{key: chance.choice("12") for key in chance.sample("kq", chance.choice([0, 0, 1, 2]))}),
    )


def random_blobs(chance: random.Random, count: int) -> Objects:
    def some(share: float) -> Array:
        return np.array([NOW - chance.randrange(90 * DAY) if chance.random() < share else NEVER for _ in range(count)])

    facts = {
        "created": some(1),
        "accessed": some(0.5),
        "expires": some(0.1),
        "blob_type": text_column([chance.choice(["BlockBlob", "AppendBlob", "PageBlob"]) for _ in range(count)]),
        "index_tags": np.array([{key: chance.choice("12") for key in chance.sample("kq", 2)} for _ in range(count)]),
    }
    names = [f"{chance.choice(['a', 'b/', 'A', 'c/', 'ü '])}{number}.jpg" for number in range(count)]
    return Objects("raw/", text_column(names), np.ones(count, np.int64), some(1), facts)


def test_columns_agree_with_a_plain_evaluation() -> None:
    """On 200,000 random pairs of blob and policy, the columns say what one object's evaluation by the book says."""
    chance, changed = random.Random(2026), microseconds(datetime.fromisoformat(CHANGED))
    blobs = random_blobs(chance, 2000)
    for _ in range(100):
        given = policy(*(random_rule(chance, f"r{number}") for number in range(chance.randint(0, 4))), changed=CHANGED)
        found = azure_rules(given, "cameras").expiry(blobs, NOW).at.tolist()
        assert found == [plain(given, "cameras", blobs, index, changed) for index in range(len(blobs))]


def test_rules_only_ever_shorten() -> None:
    """A rule more never makes a blob live longer, and disabling one never makes it live shorter."""
    chance = random.Random(7)
    blobs = random_blobs(chance, 500)
    for _ in range(100):
        rules = [random_rule(chance, f"r{number}") for number in range(4)]
        fewer = azure_rules(policy(*rules[1:], changed=CHANGED), "cameras").expiry(blobs, NOW)
        more = azure_rules(policy(*rules, changed=CHANGED), "cameras").expiry(blobs, NOW)
        disabled = azure_rules(policy({**rules[0], "enabled": False}, *rules[1:], changed=CHANGED), "cameras")
        assert (more.at <= fewer.at).all()
        assert (disabled.expiry(blobs, NOW).at >= more.at).all()
