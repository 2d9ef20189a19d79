"""Rules that depend on tags: the objects in doubt are asked for one by one, and no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.lifecycle.columns import microseconds, moment
from tests.s3_server import S3Server
from tests.storage.conftest import s3_config
from tests.storage.lifecycle.rules import prefix, rule
from tests.storage.survey.conftest import NOW, Look, put, set_rules


def tagged(days: int, name: str, value: str = "no", **more: Any) -> dict[str, Any]:
    tag = {"Key": name, "Value": value}
    return rule(days, ID=f"{name}={value}", Filter={"And": {**more, "Tags": [tag]}} if more else {"Tag": tag})


def heads(server: S3Server) -> int:
    return server.lifecycle.requests["HEAD"]


def test_no_tag_rule_asks_for_no_object(cameras: S3Server, look: Look) -> None:
    """Whatever tags objects have."""
    put(cameras, 5, "raw/a.jpg", "raw/b.jpg", tags="keep=no")
    set_rules(cameras, rule(5))
    assert (look().asked, heads(cameras)) == (0, 0)


def test_exactly_the_objects_in_doubt(cameras: S3Server, look: Look) -> None:
    """Not those that no tag rule concerns, nor those that it keeps long enough, nor those that another removes anyway."""
    put(cameras, 5, "raw/in/a.jpg", "raw/in/b.jpg", "raw/in/c.txt", tags="keep=no&team=cars")
    put(cameras, 5, "raw/in/d.jpg", tags="keep=yes")
    put(cameras, 5, "raw/in/e.jpg", "raw/beside/f.jpg")
    put(cameras, 5, "raw/in/large.jpg", size=9)
    put(cameras, 5, "raw/sure/g.jpg", tags="keep=no")
    put(cameras, 0, "raw/in/young.jpg", tags="keep=no")
    in_doubt = tagged(5, "keep", Prefix="raw/in/", ObjectSizeLessThan=9)
    set_rules(cameras, in_doubt, tagged(5, "keep", Prefix="raw/sure/"), rule(5, ID="sure", **prefix("raw/sure/")))
    survey = look()
    assert (survey.asked, heads(cameras)) == (4, 4)
    assert (survey.inputs, survey.expiring, survey.permanent) == (8, 3, 5)
    assert (survey.sample, survey.rules) == (["in/a.jpg", "in/b.jpg", "sure/g.jpg"], {0: 2, 2: 1})


def test_all_tags_have_to_be_there(cameras: S3Server, look: Look) -> None:
    """One of two is not enough; more of them do not disturb."""
    put(cameras, 5, "raw/one.jpg", tags="a=1")
    put(cameras, 5, "raw/two.jpg", tags="a=1&b=2")
    put(cameras, 5, "raw/three.jpg", tags="c=3&b=2&a=1")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    set_rules(cameras, rule(5, Filter={"And": {"Tags": tags}}))
    survey = look()
    assert (survey.asked, survey.sample) == (3, ["three.jpg", "two.jpg"])


@pytest.mark.parametrize("name", ["all cars", "50% & more", "50%25"])
def test_a_later_rule_may_be_the_one(cameras: S3Server, look: Look, name: str) -> None:
    """What S3 answers counts: of two tag rules the later, called by its name, or one without tags that keeps longer."""
    put(cameras, 5, "raw/a.jpg", tags="team=cars")
    put(cameras, 5, "raw/b.jpg")
    set_rules(cameras, tagged(3, "keep"), {**tagged(5, "team", "cars"), "ID": name}, rule(7, ID="all"))
    survey = look()
    assert (survey.asked, survey.expiring, survey.permanent, survey.rules) == (2, 1, 0, {1: 1})
    assert [moment(day.first) - NOW for _, day in sorted(survey.days.items())] == [
        timedelta(hours=22),
        timedelta(hours=70),
    ]


def test_an_answer_counts_from_midnight(cameras: S3Server, look: Look) -> None:
    """Servers that tell another time of the day mean the day."""
    put(cameras, 5, "raw/a.jpg", tags="keep=no")
    noon = {"Expiration": {"Date": NOW + timedelta(days=1, hours=10)}}
    set_rules(cameras, {**tagged(1, "keep"), **noon})
    survey = look(until=NOW + timedelta(days=2))
    assert (survey.asked, survey.earliest) == (1, microseconds(NOW + timedelta(hours=22)))


def test_objects_that_vanish_before_they_are_asked_for(cameras: S3Server, look: Look) -> None:
    """They are no inputs any more, and nothing fails."""
    put(cameras, 5, *(f"raw/{letter}.jpg" for letter in "abcdef"), tags="keep=no")
    set_rules(cameras, tagged(5, "keep"))

    def delete(number: int) -> None:
        if number == 1:
            cameras.client.delete_object(Bucket="cameras", Key="raw/b.jpg")
            cameras.client.delete_object(Bucket="cameras", Key="raw/c.jpg")

    cameras.lifecycle.before_listing = delete
    survey = look()
    assert (survey.asked, heads(cameras), survey.inputs, survey.expiring) == (6, 6, 4, 4)
    assert survey.sample == ["a.jpg", "d.jpg", "e.jpg", "f.jpg"]


def test_those_that_last_by_their_tags(cameras: S3Server, look: Look) -> None:
    """They are named like any others."""
    put(cameras, 5, "raw/a.jpg", "raw/c.jpg", tags="keep=yes")
    put(cameras, 5, "raw/b.jpg", tags="keep=no")
    set_rules(cameras, tagged(5, "keep"))
    lasting: list[str] = []
    look(lasting=lambda names: lasting.extend(names.tolist()))
    assert lasting == ["a.jpg", "c.jpg"]


def test_a_longer_time_asks_for_more(cameras: S3Server, look: Look) -> None:
    """Whether an object is in doubt depends on how long it has to last."""
    for days_ago in range(6):
        put(cameras, days_ago, f"raw/{days_ago}.jpg", tags="keep=no")
    set_rules(cameras, tagged(5, "keep"))
    for days, asked in ((1, 1), (2, 2), (7, 6)):
        survey = look(until=NOW + timedelta(days=days))
        assert (survey.asked, survey.expiring) == (asked, asked)


def test_objects_that_may_not_be_read(cameras: S3Server, look: Look) -> None:
    """Whoever may list and read rules, but no object, is told so."""
    put(cameras, 5, "raw/a.jpg", tags="keep=no")
    set_rules(cameras, tagged(5, "keep"))
    bucket = "arn:aws:s3:::cameras"
    key, secret = cameras.add_user("lister", ("s3:ListBucket", bucket), ("s3:GetLifecycleConfiguration", bucket))
    with cameras.enforced(), pytest.raises(StorageError) as caught:
        look(s3_config(key, secret))
    assert str(caught.value) == (
        "cannot read objects in s3://cameras/raw/: access denied; the credentials lack the permission"
    )
