"""Surveys of S3 buckets, on a real server: rules, listing, counts, and which requests they make."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lightly_airflow.storage.lifecycle.columns import moment
from lightly_airflow.storage.survey import inputs
from lightly_airflow.storage.survey.inputs import read_rules
from tests.s3_server import S3Server
from tests.storage.conftest import s3_config
from tests.storage.lifecycle.rules import prefix, rule, to
from tests.storage.survey.conftest import CONFIG, NOW, Look, put, set_rules

MIDNIGHT = NOW.replace(hour=0) + timedelta(days=1)


def test_counts(cameras: S3Server, look: Look) -> None:
    """How many inputs there are, how many expire, when the first, by which rule, and a few of their names."""
    put(cameras, 2, *(f"raw/old/{number}.jpg" for number in range(8)))
    put(cameras, 0.01, *(f"raw/new/{number}.png" for number in range(5)))
    put(cameras, 2, "raw/keep/a.jpg", "raw/keep/b.JPEG")
    set_rules(cameras, rule(2, ID="old", **prefix("raw/old/")), rule(4, ID="new", **prefix("raw/new/")))
    survey = look()
    assert (survey.inputs, survey.expiring, survey.lasting, survey.permanent) == (15, 8, 7, 2)
    assert survey.earliest is not None
    assert moment(survey.earliest) == MIDNIGHT
    assert survey.rules == {0: 8}
    assert survey.sample == [f"old/{number}.jpg" for number in range(5)]
    assert [day.count for _, day in sorted(survey.days.items())] == [8, 5]
    assert cameras.lifecycle.requests == {"GET lifecycle": 1, "LIST": 5}


def test_the_boundary_lasts(cameras: S3Server, look: Look) -> None:
    """What expires at the very moment at which the time is over has lasted."""
    put(cameras, 1, "raw/a.jpg")
    set_rules(cameras, rule(1))
    assert look(until=MIDNIGHT).expiring == 0
    assert look(until=MIDNIGHT + timedelta(microseconds=1)).expiring == 1


def test_what_is_an_input(cameras: S3Server, look: Look) -> None:
    """Files of the dataset's type in any subdirectory; others are counted, LightlyOne's own are not."""
    put(
        cameras, 1, "raw/a.jpg", "raw/s/t/b.PNG", "raw/c.mp4", "raw/d.txt", "raw/.lightly/e.jpg", "rawer/f.jpg", "g.jpg"
    )
    set_rules(cameras, rule(1))
    pictures, films = look(), look(dataset_type="Videos")
    assert (pictures.inputs, pictures.ignored, pictures.expiring) == (2, 2, 2)
    assert (films.inputs, films.ignored, films.sample) == (1, 3, ["c.mp4"])


@pytest.mark.parametrize(
    ("given", "sample"),
    [
        ({"Filter": {}}, ["cam1/a.jpg", "cam1/b.jpg", "cam2/a.jpg"]),
        (prefix("ra"), ["cam1/a.jpg", "cam1/b.jpg", "cam2/a.jpg"]),
        (prefix("raw/"), ["cam1/a.jpg", "cam1/b.jpg", "cam2/a.jpg"]),
        (prefix("raw/cam1/"), ["cam1/a.jpg", "cam1/b.jpg"]),
        (prefix("raw/cam1/b"), ["cam1/b.jpg"]),
        (prefix("cam1/"), []),
        (prefix("other/"), []),
        ({"Filter": {"ObjectSizeGreaterThan": 1}}, []),
        ({"Filter": {"ObjectSizeLessThan": 2}}, ["cam1/a.jpg", "cam1/b.jpg", "cam2/a.jpg"]),
        ({"Status": "Disabled"}, []),
    ],
)
def test_rules_above_in_and_beside_the_directory(
    cameras: S3Server, look: Look, given: dict[str, Any], sample: list[str]
) -> None:
    """A rule's prefix begins at the bucket, wherever the datasource's directory lies."""
    put(cameras, 5, "raw/cam1/a.jpg", "raw/cam1/b.jpg", "raw/cam2/a.jpg", "other/a.jpg", "cam1/a.jpg")
    set_rules(cameras, rule(5, **given))
    assert look().sample == sample


@pytest.mark.parametrize("path", ["s3://cameras", "s3://cameras/"])
def test_the_whole_bucket(cameras: S3Server, look: Look, path: str) -> None:
    """A datasource without directory."""
    put(cameras, 5, "a.jpg", "raw/b.jpg", ".lightly/c.jpg")
    set_rules(cameras, rule(5, **prefix("raw/")))
    survey = look(s3_config("key", "secret", path))
    assert (survey.inputs, survey.sample) == (2, ["raw/b.jpg"])


@pytest.mark.parametrize("status", [None, "Enabled", "Suspended"])
def test_versions_change_nothing(cameras: S3Server, look: Look, status: Any) -> None:
    """In buckets without, with, and with suspended versions, the current version is gone for readers at one time."""
    if status:
        cameras.client.put_bucket_versioning(Bucket="cameras", VersioningConfiguration={"Status": status})
    put(cameras, 3, "raw/a.jpg", "raw/b.jpg")
    put(cameras, 2, "raw/a.jpg")
    set_rules(cameras, rule(3, NoncurrentVersionExpiration={"NoncurrentDays": 1}))
    survey = look()
    assert (survey.inputs, survey.sample) == (2, ["b.jpg"])
    assert [moment(day.first) for _, day in sorted(survey.days.items())] == [MIDNIGHT, MIDNIGHT + timedelta(days=1)]


def test_rules_that_remove_nothing(cameras: S3Server, look: Look) -> None:
    """Transitions, old versions and delete markers leave all inputs where they are."""
    put(cameras, 99, "raw/a.jpg")
    marker = rule(None, ID="marker", Expiration={"ExpiredObjectDeleteMarker": True})
    old = rule(None, ID="versions", NoncurrentVersionExpiration={"NoncurrentDays": 1})
    set_rules(cameras, rule(None, ID="moves", **to("GLACIER", 1)), old, marker)
    assert read_rules(CONFIG).names == ()
    assert look().permanent == 1


def test_an_empty_bucket(cameras: S3Server, look: Look) -> None:
    """Nothing there, nothing expires."""
    set_rules(cameras, rule(1))
    survey = look()
    assert (survey.inputs, survey.earliest, survey.clear_at()) == (0, None, survey.now)
    assert cameras.lifecycle.requests == {"GET lifecycle": 1, "LIST": 1}


def test_a_bucket_without_rules(cameras: S3Server, look: Look) -> None:
    """All stay; never having had rules and having lost them are the same."""
    put(cameras, 99, "raw/a.jpg")
    assert look().permanent == 1
    set_rules(cameras, rule(1))
    assert look().permanent == 0
    cameras.client.delete_bucket_lifecycle(Bucket="cameras")
    assert look().permanent == 1


def test_names_of_those_that_last(cameras: S3Server, look: Look) -> None:
    """They are given in the bucket's order, relative to the directory, and none of the others."""
    put(cameras, 5, "raw/a.jpg", "raw/ü b%20.jpg", "raw/c.txt")
    put(cameras, 0, *(f"raw/new/{number}.jpg" for number in range(4)))
    set_rules(cameras, rule(5))
    lasting: list[str] = []
    survey = look(lasting=lambda names: lasting.extend(names.tolist()))
    assert lasting == [f"new/{number}.jpg" for number in range(4)]
    assert (survey.lasting, survey.sample) == (4, ["a.jpg", "ü b%20.jpg"])


def test_a_bucket_that_changes_while_it_is_listed(cameras: S3Server, look: Look) -> None:
    """What is written, rewritten or deleted behind the page in hand counts as it is when its page comes."""
    put(cameras, 5, *(f"raw/{letter}.jpg" for letter in "abcdefgh"))
    set_rules(cameras, rule(5))

    def change(number: int) -> None:
        if number == 1:
            put(cameras, 0, "raw/d.jpg", "raw/a1.jpg", "raw/z.jpg")
            cameras.client.delete_object(Bucket="cameras", Key="raw/e.jpg")
            cameras.client.delete_object(Bucket="cameras", Key="raw/a.jpg")

    cameras.lifecycle.before_listing = change
    survey = look()
    assert (survey.inputs, survey.expiring) == (8, 6)
    assert survey.sample == [f"{letter}.jpg" for letter in "abcfg"]


def test_long_listings_are_told(
    cameras: S3Server, look: Look, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every so many objects a log line says how far it is."""
    monkeypatch.setattr(inputs, "_PROGRESS", 4)
    put(cameras, 1, *(f"raw/{number}.jpg" for number in range(4)), "raw/a.txt")
    with caplog.at_level("INFO", inputs.__name__):
        look()
    told = [record.getMessage() for record in caplog.records if record.name == inputs.__name__]
    assert told == ["Looked at 5 objects so far, 4 inputs among them"]
