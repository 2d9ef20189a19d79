"""Azure's lifecycle policies: Microsoft's own examples, and the edges of every rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from lightly_airflow.storage.lifecycle.azure import OWN_EXPIRY, AzureRules, azure_rules
from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Array, Objects, microseconds, moment, text_column
from lightly_airflow.storage.lifecycle.expiry import Removal
from tests.azure_policies import Json, modified, policy, rule, tagged

MODIFIED = datetime(2026, 1, 10, 12, 30, 15, tzinfo=UTC)
CREATED = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
ACCESSED = datetime(2026, 1, 20, 9, 0, tzinfo=UTC)
CHANGED = "2026-01-05T03:01:55.7168089Z"
NOW = microseconds(datetime(2026, 2, 1, tzinfo=UTC))
DOCS = "https://learn.microsoft.com/en-us/azure/storage/blobs/lifecycle-management-policy-"
SPECS = "https://github.com/Azure/azure-rest-api-specs, Microsoft.Storage/stable/2023-05-01/examples/StorageAccount"


def times(values: list[datetime | None]) -> Array:
    return np.array([NEVER if value is None else microseconds(value) for value in values], np.int64)


def blob(name: str = "raw/1.jpg", root: str = "", **facts: Any) -> Objects:
    """One blob; ``facts`` are those that differ."""
    given = {"created": CREATED, "accessed": ACCESSED, "expires": None, "blob_type": "BlockBlob", **facts}
    columns = {fact: times([given[fact]]) for fact in ("created", "accessed", "expires")}
    columns["blob_type"] = text_column([given["blob_type"]])
    if "tags" in given:
        columns["index_tags"] = np.array([given["tags"]], object)
    return Objects(root, text_column([name]), np.array([1]), times([given.get("modified", MODIFIED)]), columns)


def expires(rules: AzureRules, objects: Objects) -> tuple[datetime, str] | None:
    """When the one blob expires, and by which rule."""
    found = rules.expiry(objects, NOW)
    return None if found.at[0] == NEVER else (moment(int(found.at[0])), rules.names[found.rule[0]])


def after(base: datetime, days: float) -> datetime:
    return base + timedelta(days=days)


SAMPLE = {
    "snapshot": {"delete": {"daysAfterCreationGreaterThan": 30}},
    "baseBlob": {
        "tierToCool": {"daysAfterModificationGreaterThan": 30},
        "tierToArchive": {"daysAfterModificationGreaterThan": 90},
        "delete": {"daysAfterModificationGreaterThan": 1000},
    },
}
ACCESS_SAMPLE = {
    "snapshot": {"delete": {"daysAfterCreationGreaterThan": 30}},
    "baseBlob": {
        "tierToCool": {"daysAfterLastAccessTimeGreaterThan": 30},
        "tierToArchive": {"daysAfterLastAccessTimeGreaterThan": 90},
        "delete": {"daysAfterLastAccessTimeGreaterThan": 1000},
        "enableAutoTierToHotFromCool": True,
    },
}
PUBLISHED: list[tuple[str, Json, str, Objects, tuple[datetime, str] | None]] = [
    (
        f"{DOCS}delete: expire data based on age",
        rule("expirationRule", modified(365)),
        "cameras",
        blob(),
        (after(MODIFIED, 365), "expirationRule"),
    ),
    (
        f"{DOCS}delete: blob index tags, a blob that has the tag",
        rule("DeleteContosoData", modified(0), blobIndexMatch=tagged(Project="Contoso")),
        "cameras",
        blob(tags={"Project": "Contoso"}),
        (MODIFIED, "DeleteContosoData"),
    ),
    (
        f"{DOCS}delete: blob index tags, a blob that has another",
        rule("DeleteContosoData", modified(0), blobIndexMatch=tagged(Project="Contoso")),
        "cameras",
        blob(tags={"Project": "Fabrikam"}),
        None,
    ),
    (
        f"{DOCS}delete: manage previous versions",
        {
            "enabled": True,
            "name": "versionrule",
            "type": "Lifecycle",
            "definition": {
                "actions": {"version": {"delete": {"daysAfterCreationGreaterThan": 365}}},
                "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["activedata/"]},
            },
        },
        "activedata",
        blob(),
        None,
    ),
    (
        f"{DOCS}access-tiers: move aging data to a cooler tier",
        rule("agingRule", prefixMatch=["sample-container/blob1", "container2/blob2"]),
        "sample-container",
        blob("blob1.jpg"),
        None,
    ),
    (
        f"{DOCS}structure: prefix match filter, names that begin with blob1",
        rule("prefix", modified(1), prefixMatch=["sample-container/blob1"]),
        "sample-container",
        blob("blob1/a.jpg"),
        (after(MODIFIED, 1), "prefix"),
    ),
    (
        f"{DOCS}structure: prefix match filter, other names",
        rule("prefix", modified(1), prefixMatch=["sample-container/blob1"]),
        "sample-container",
        blob("blob2/a.jpg"),
        None,
    ),
    (
        f"{DOCS}structure: prefixes are case-sensitive",
        rule("prefix", modified(1), prefixMatch=["sample-container/blob1"]),
        "sample-container",
        blob("Blob1/a.jpg"),
        None,
    ),
    (
        f"{DOCS}structure: * and ? are literals",
        rule("prefix", modified(1), prefixMatch=["sample-container/*"]),
        "sample-container",
        blob(),
        None,
    ),
    (
        f"{DOCS}structure: the default of enabled is true",
        rule("rule2", modified(1), enabled=None),
        "cameras",
        blob(),
        (after(MODIFIED, 1), "rule2"),
    ),
    (
        f"{DOCS}structure: last access time is not tracked",
        rule("untracked", {"daysAfterLastAccessTimeGreaterThan": 30}),
        "cameras",
        blob(accessed=None),
        (after(datetime(2026, 1, 5, 3, 1, 55, 716808, UTC), 30), "untracked"),
    ),
    (f"{DOCS}structure: system containers", rule("all", modified(1)), "$web", blob(), None),
    (
        f"{SPECS}GetManagementPolicy",
        {
            "enabled": True,
            "name": "olcmtest",
            "type": "Lifecycle",
            "definition": {
                "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["olcmtestcontainer"]},
                "actions": SAMPLE,
            },
        },
        "olcmtestcontainer",
        blob(),
        (after(MODIFIED, 1000), "olcmtest"),
    ),
    (
        f"{SPECS}SetManagementPolicy_LastAccessTimeBasedBlobActions",
        {
            "enabled": True,
            "name": "olcmtest",
            "type": "Lifecycle",
            "definition": {
                "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["olcmtestcontainer"]},
                "actions": ACCESS_SAMPLE,
            },
        },
        "olcmtestcontainer",
        blob(),
        (after(ACCESSED, 1000), "olcmtest"),
    ),
    (
        f"{SPECS}SetManagementPolicyForBlockAndAppendBlobs",
        rule("olcmtest1", modified(90), blobTypes=["blockBlob", "appendBlob"], prefixMatch=["olcmtestcontainer1"]),
        "olcmtestcontainer1",
        blob(blob_type="AppendBlob"),
        (after(MODIFIED, 90), "olcmtest1"),
    ),
]


@pytest.mark.parametrize(
    ("given", "container", "objects", "expected"),
    [row[1:] for row in PUBLISHED],
    ids=[row[0].rpartition("/")[2] for row in PUBLISHED],
)
def test_published_examples(
    given: Json, container: str, objects: Objects, expected: tuple[datetime, str] | None
) -> None:
    """Every example and statement that Microsoft publishes of what a policy deletes."""
    assert expires(azure_rules(policy(given, changed=CHANGED), container), objects) == expected


@pytest.mark.parametrize(
    ("delete", "facts", "at"),
    [
        (modified(1), {"modified": datetime(2028, 2, 28, 10, tzinfo=UTC)}, datetime(2028, 2, 29, 10, tzinfo=UTC)),
        (modified(365), {"modified": datetime(2028, 2, 29, tzinfo=UTC)}, datetime(2029, 2, 28, tzinfo=UTC)),
        (modified(1.0), {}, after(MODIFIED, 1)),
        (modified(0), {}, MODIFIED),
        ({"daysAfterCreationGreaterThan": 30}, {}, after(CREATED, 30)),
        ({"daysAfterLastAccessTimeGreaterThan": 30}, {}, after(ACCESSED, 30)),
        ({**modified(30), "daysAfterCreationGreaterThan": 30}, {}, after(MODIFIED, 30)),
        ({**modified(10), "daysAfterCreationGreaterThan": 30}, {}, after(CREATED, 30)),
        ({**modified(10), "daysAfterLastTierChangeGreaterThan": 99}, {}, after(MODIFIED, 10)),
    ],
)
def test_conditions(delete: Json, facts: dict[str, Any], at: datetime) -> None:
    """Days are times of 24 hours after the base, leap days among them; of several conditions the latest counts."""
    assert expires(azure_rules(policy(rule("r", delete)), "cameras"), blob(**facts)) == (at, "r")


def test_more_days_than_the_calendar_has() -> None:
    """A rule of a number of days that is beyond every date is no error and deletes nothing that matters."""
    found = azure_rules(policy(rule("r", modified(99_999_999_999))), "cameras").expiry(blob(), NOW)
    assert NOW + 1_000 * 365 * DAY < found.at[0] < NEVER


@pytest.mark.parametrize(
    ("prefixes", "name", "root", "concerned"),
    [
        (["cameras"], "1.jpg", "", True),
        (["cam"], "1.jpg", "", True),
        (["cameras/"], "1.jpg", "", True),
        (["cameras2"], "1.jpg", "", False),
        (["other/", "cameras/raw/"], "1.jpg", "raw/", True),
        (["cameras/raw/2026"], "2026/1.jpg", "raw/", True),
        (["cameras/raw/2026"], "2025/1.jpg", "raw/", False),
        (["other/raw/"], "1.jpg", "raw/", False),
        ([], "1.jpg", "raw/", True),
    ],
)
def test_prefixes(prefixes: list[str], name: str, root: str, concerned: bool) -> None:
    """A prefix is one of container and name together, and may end within the container's name."""
    rules = azure_rules(policy(rule("r", modified(1), prefixMatch=prefixes)), "cameras")
    assert (expires(rules, blob(name, root)) is not None) is concerned


@pytest.mark.parametrize(
    ("types", "blob_type", "concerned"),
    [
        (["blockBlob"], "BlockBlob", True),
        (["blockblob"], "BlockBlob", True),
        (["blockBlob"], "AppendBlob", False),
        (["appendBlob"], "AppendBlob", True),
        (["blockBlob", "appendBlob"], "PageBlob", False),
        (["pageBlob"], "PageBlob", False),
    ],
)
def test_blob_types(types: list[str], blob_type: str, concerned: bool) -> None:
    """Types are told apart however they are spelled, and page blobs are never deleted."""
    rules = azure_rules(policy(rule("r", modified(1), blobTypes=types)), "cameras")
    assert (expires(rules, blob(blob_type=blob_type)) is not None) is concerned


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"properties": {"policy": None, "lastModifiedTime": None}},
        policy(),
        policy(rule("r", modified(1), enabled=False)),
        policy(rule("r", {})),
        policy(rule("r")),
    ],
)
def test_nothing_is_deleted(given: Json) -> None:
    """An empty policy, and rules that are disabled, tier only or have no condition, leave the blob's own expiry alone."""
    rules = azure_rules(given, "cameras")
    assert (rules.names, expires(rules, blob())) == ((OWN_EXPIRY,), None)


def test_own_expiry() -> None:
    """A blob's own expiry time counts beside the rules, whichever comes first, and in system containers as well."""
    at = datetime(2026, 1, 15, tzinfo=UTC)
    rules = azure_rules(policy(rule("r", modified(30))), "cameras")
    assert expires(rules, blob(expires=at)) == (at, OWN_EXPIRY)
    assert expires(rules, blob(expires=after(MODIFIED, 40))) == (after(MODIFIED, 30), "r")
    assert expires(azure_rules(policy(rule("r", modified(30))), "$web"), blob(expires=at)) == (at, OWN_EXPIRY)


def test_tags_are_in_doubt() -> None:
    """Without their tags, blobs are in doubt by rules that match tags, and only by those."""
    rules = azure_rules(
        policy(rule("sure", modified(9)), rule("tags", modified(3), blobIndexMatch=tagged(a="1", b="2"))), "cameras"
    )
    assert expires(rules, blob()) == (after(MODIFIED, 9), "sure")
    doubtful = rules.doubtful(blob())
    assert (moment(int(doubtful.at[0])), rules.names[doubtful.rule[0]]) == (after(MODIFIED, 3), "tags")
    assert expires(rules, blob(tags={"a": "1", "b": "2", "c": "3"})) == (after(MODIFIED, 3), "tags")
    assert expires(rules, blob(tags={"a": "1"})) == (after(MODIFIED, 9), "sure")
    assert expires(rules, blob(tags=None)) == (after(MODIFIED, 3), "tags")
    assert rules.doubtful(blob(tags={})).at[0] == NEVER


def test_removals() -> None:
    """Of a directory's rules: their conditions in words, and the days that a blob written now stays at least."""
    rules = azure_rules(
        policy(
            rule("age", modified(30), prefixMatch=["cameras/raw/2026/", "cameras/old/"]),
            rule("elsewhere", modified(1), prefixMatch=["cameras/other/"]),
            rule(
                "both",
                {"daysAfterCreationGreaterThan": 10, "daysAfterLastAccessTimeGreaterThan": 60},
                blobIndexMatch=tagged(keep="no"),
            ),
            rule("log", {"daysAfterLastAccessTimeGreaterThan": 7}, blobTypes=["appendBlob"]),
            changed="2026-01-12T00:00:00Z",
        ),
        "cameras",
    )
    assert rules.removals("raw/", NOW) == [
        Removal("age", "30 days after the last modification, prefix raw/2026/ or old/", 30.0),
        Removal("both", "10 days after creation and 60 days after the last access, index tag keep=no", 40.0),
        Removal("log", "7 days after the last access, append blobs alone", 0.0),
    ]
