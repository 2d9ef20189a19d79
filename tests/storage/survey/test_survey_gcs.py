"""When inputs in Google's storage expire, asked of a server that checks permissions and answers in pages."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.storage.lifecycle.columns import NEVER, Array
from lightly_airflow.storage.reach import HERE
from lightly_airflow.storage.survey import gcs as gcs_survey
from lightly_airflow.storage.survey.inputs import read_rules
from tests.gcs_server import GcsServer
from tests.storage.lifecycle.gcs_buckets import NOW, at, delete, move
from tests.storage.survey.gcs_place import WEEK, config, curator, surveyed


@pytest.fixture
def key(gcs: GcsServer) -> dict[str, str]:
    """The key of an account that may list and see the rules."""
    return curator(gcs)


def test_rules_are_read(gcs: GcsServer, key: dict[str, str]) -> None:
    """All rules that delete come back by their place in the bucket, with the retention policy."""
    gcs.bucket(
        "cameras", move("NEARLINE", age=1), WEEK, delete(age=1, isLive=False), retentionPolicy={"retentionPeriod": "60"}
    )
    rules = read_rules(config(key))
    assert rules.names == ("rule 2",)
    assert [one.says for one in rules.removals("raw/", at(NOW))] == ["7 days after creation"]
    assert getattr(rules, "retention", 0) == 60_000_000


def test_a_bucket_without_rules_keeps_everything(gcs: GcsServer, key: dict[str, str]) -> None:
    """No rules are an answer, not an error."""
    gcs.put("cameras", "raw/a.jpg", b"a", timeCreated="2020-01-01T00:00:00Z")
    found = surveyed(config(key))
    assert (found.inputs, found.permanent, found.expiring, found.earliest) == (1, 1, 0, None)


def test_counts_over_pages(gcs: GcsServer, key: dict[str, str]) -> None:
    """Every page is looked at: what expires too soon is counted, sampled, and what lasts is handed on; nothing is asked."""
    gcs.bucket("cameras", WEEK)
    for number in range(1, 11):  # created on the 1st to the 10th of March; the first six expire before the 13th at noon
        gcs.put("cameras", f"raw/{number:02}.jpg", b"12", timeCreated=f"2026-03-{number:02}T06:00:00Z")
    for name in ("raw/", "raw/.lightly/x.jpg", "raw/notes.txt", "rawer/x.jpg", "a.jpg"):
        gcs.put("cameras", name, b"", timeCreated="2026-03-01T06:00:00Z")
    lasting: list[str] = []
    found = surveyed(config(key), lasting=lambda names: lasting.extend(names.tolist()))
    assert (found.inputs, found.expiring, found.ignored, found.permanent, found.asked) == (10, 6, 2, 0, 0)
    assert found.sample == ["01.jpg", "02.jpg", "03.jpg", "04.jpg", "05.jpg"]
    assert lasting == ["07.jpg", "08.jpg", "09.jpg", "10.jpg"]
    assert (found.earliest, dict(found.rules)) == (at("2026-03-08T06:00:00Z"), {0: 6})


def test_the_whole_bucket(gcs: GcsServer, key: dict[str, str]) -> None:
    """A datasource may be a bucket without a directory."""
    gcs.bucket("cameras", delete(age=1, matchesPrefix=["raw/"]))
    for name in ("a.jpg", "raw/b.jpg"):
        gcs.put("cameras", name, b"a", timeCreated="2026-03-09T00:00:00Z")
    found = surveyed(config(key, "gs://cameras/"))
    assert (found.inputs, found.sample) == (2, ["raw/b.jpg"])


def test_every_fact_is_asked_for(gcs: GcsServer, key: dict[str, str]) -> None:
    """Custom times, classes, holds and both kinds of retention reach the columns, and only what was asked for is told."""
    created = "2026-03-01T00:00:00.123456Z"
    facts: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"customTime": "2026-02-01T00:00:00.987654321Z", "storageClass": "NEARLINE", "temporaryHold": True},
        "c": {"eventBasedHold": True, "retentionExpirationTime": "2026-04-01T00:00:00Z"},
        "d": {"retention": {"mode": "Locked", "retainUntilTime": "2026-05-01T00:00:00Z"}, "temporaryHold": False},
        "e": {"retention": {"retainUntilTime": "2026-05-01T00:00:00Z"}, "retentionExpirationTime": "2026-06-01T00:00:00Z"},
    }  # fmt: skip
    for name, told in facts.items():
        gcs.put("cameras", f"raw/{name}.jpg", b"123", timeCreated=created, updated="2026-03-05T00:00:00Z", **told)
    pages = list(gcs_survey.list_columns(config(key), HERE))
    columns = {name: [value for page in pages for value in page.facts[name].tolist()] for name in pages[0].facts}
    assert [len(page) for page in pages] == [3, 2]
    assert columns == {
        "created": [at(created)] * 5,
        "custom_time": [NEVER, at("2026-02-01T00:00:00.987654Z"), NEVER, NEVER, NEVER],
        "storage_class": ["STANDARD", "NEARLINE", "STANDARD", "STANDARD", "STANDARD"],
        "held": [False, True, True, False, False],
        "kept_until": [0, 0, at("2026-04-01"), at("2026-05-01"), at("2026-06-01")],
    }
    assert pages[1].modified.tolist() == [at(created)] * 2
    assert pages[1].sizes.tolist() == [3, 3]


def test_the_directory_itself_is_no_input(gcs: GcsServer, key: dict[str, str]) -> None:
    """A marker, whose name below its directory is empty, is listed and ignored."""
    gcs.bucket("cameras", WEEK)
    gcs.put("cameras", "raw/", b"")
    found = surveyed(config(key))
    assert (found.inputs, found.ignored) == (0, 1)


def test_an_empty_bucket(gcs: GcsServer, key: dict[str, str]) -> None:
    """Nothing is there, and nothing is wrong with that."""
    gcs.bucket("cameras", WEEK)
    found = surveyed(config(key))
    assert (found.inputs, found.ignored) == (0, 0)


def test_a_bucket_that_changes_while_it_is_listed(gcs: GcsServer, key: dict[str, str]) -> None:
    """What goes before its page is not counted, what comes before its page is, and nothing is counted twice."""
    gcs.bucket("cameras", WEEK)
    for name in "bcdefg":
        gcs.put("cameras", f"raw/{name}.jpg", b"a", timeCreated=NOW)
    seen: list[str] = []

    def change(names: Array) -> None:
        if not seen:
            gcs.storage.delete_file("cameras", "raw/b.jpg")
            gcs.storage.delete_file("cameras", "raw/f.jpg")
            for name in "ah":
                gcs.put("cameras", f"raw/{name}.jpg", b"a", timeCreated=NOW)
        seen.extend(names.tolist())

    found = surveyed(config(key), lasting=change)
    assert seen == ["b.jpg", "c.jpg", "d.jpg", "e.jpg", "g.jpg", "h.jpg"]
    assert found.inputs == 6
