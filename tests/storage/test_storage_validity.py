"""Until when credentials work, worked out without clock and network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lightly_airflow.storage.validity import Validity, ValidityUnknown, key_validity, sas_validity

MADE = datetime(2026, 1, 10, 8, 30, tzinfo=UTC)
NOW = MADE.timestamp()
DAY = 86_400.0


def days(count: float) -> datetime:
    return MADE + timedelta(days=count)


@pytest.mark.parametrize(
    ("token", "until", "how"),
    [
        ("se=2026-02-01T10%3A00%3A00Z&sig=x", datetime(2026, 2, 1, 10, tzinfo=UTC), "the token says so itself (se)"),
        ("?se=2026-02-01T10:00Z&sig=x", datetime(2026, 2, 1, 10, tzinfo=UTC), "the token says so itself (se)"),
        ("se=2026-02-01&sig=x", datetime(2026, 2, 1, tzinfo=UTC), "the token says so itself (se)"),
        ("se=2026-02-01T10:00:00.1234567Z&sig=x", datetime(2026, 2, 1, 10, 0, 0, 123456, UTC), "(se)"),
        ("si=nightly&se=2026-02-01&sig=x", datetime(2026, 2, 1, tzinfo=UTC), "(se)"),
        ("se=2026-02-01&ske=2026-01-16T00:00:00Z&sig=x", datetime(2026, 1, 16, tzinfo=UTC), "(ske)"),
        ("se=2026-01-12&ske=2026-01-16T00:00:00Z&sig=x", datetime(2026, 1, 12, tzinfo=UTC), "(se)"),
        ("se=9999-12-31&sig=x", None, "(se)"),
    ],
)
def test_sas_tokens(token: str, until: datetime | None, how: str) -> None:
    """In the forms in which people have them; the user delegation key ends the tokens that it has signed."""
    found = sas_validity(token)
    assert found is not None
    assert (found.kind, found.until, found.gone) == ("Azure SAS token", until, False)
    assert found.how.endswith(how)


@pytest.mark.parametrize("token", ["sp=rl&sig=x", "se=soon&sig=x", "sig=x", ""])
def test_sas_tokens_without_a_time(token: str) -> None:
    """Which Azure does not take either."""
    assert sas_validity(token) is None


def test_sas_token_of_a_stored_access_policy() -> None:
    """Who has the token alone cannot know."""
    with pytest.raises(ValidityUnknown) as caught:
        sas_validity("si=nightly&sr=c&sig=c2VjcmV0")
    assert str(caught.value) == (
        "its expiry stands in the stored access policy 'nightly' of its container, which an account key alone can read"
    )


@pytest.mark.parametrize(
    ("end", "max_age", "until", "how"),
    [
        (None, 90, days(90), "key ...WXYZ is from 2026-01-10 08:30 UTC, and max_key_age_days is 90"),
        (None, 0.5, days(0.5), "key ...WXYZ is from 2026-01-10 08:30 UTC, and max_key_age_days is 0.5"),
        (days(30), 90, days(30), "key ...WXYZ ends then"),
        (days(90), 90, days(90), "key ...WXYZ ends then"),
        (days(91), 90, days(90), "key ...WXYZ is from 2026-01-10 08:30 UTC, and max_key_age_days is 90"),
        (days(30), None, days(30), "key ...WXYZ ends then"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), 90, days(90), "max_key_age_days is 90"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), None, None, "has no end and may get as old as it likes"),
        (None, 1e7, None, "has no end and may get as old as it likes"),
    ],
)
def test_keys(end: datetime | None, max_age: float | None, until: datetime | None, how: str) -> None:
    """The cloud's own end or the greatest age, whichever comes first."""
    found = key_validity("AWS access key", "key ...WXYZ", MADE, end, max_age)
    assert (found.until, found.never) == (until, until is None)
    assert found.how.endswith(how)


@pytest.mark.parametrize(
    ("found", "left", "due"),
    [
        (Validity("key", "", days(20)), 20, NOW + 6 * DAY),
        (Validity("key", "", days(14)), 14, NOW),
        (Validity("key", "", days(-2.5)), -2.5, NOW - 16.5 * DAY),
        (Validity("key", "", gone=True), 0, NOW),
    ],
)
def test_when_it_is_time(found: Validity, left: float, due: float) -> None:
    """What does not work any more is due at once; far futures and pasts fit."""
    assert found.days_left(NOW) == left
    assert found.due(14, NOW) == due
    assert found.due(1e12, NOW) <= NOW
