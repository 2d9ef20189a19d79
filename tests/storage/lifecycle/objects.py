"""Objects as the calculators want them."""

from __future__ import annotations

from datetime import UTC, datetime

from lightly_airflow.storage.lifecycle.columns import NEVER, Objects, microseconds, moment, text_column, time_column
from lightly_airflow.storage.lifecycle.expiry import Rules

One = tuple[str, int, str]  # name, size, time of writing


def utc(text: str) -> datetime:
    """A time of UTC, as ``2018-08-14T19:57:04``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def objects(*them: One, root: str = "") -> Objects:
    """A batch of objects.

    :param them: name, size and time of writing.
    """
    return Objects(
        root,
        text_column([name for name, _, _ in them]),
        time_column([size for _, size, _ in them]),
        time_column([microseconds(utc(written)) for _, _, written in them]),
    )


def expires(rules: Rules, batch: Objects, now: str = "2026-11-22T02:00:00") -> list[str | None]:
    """When each object expires, in UTC; ``None`` for one that stays."""
    at = rules.expiry(batch, microseconds(utc(now))).at.tolist()
    return [None if time == NEVER else f"{moment(time):%Y-%m-%dT%H:%M:%S}" for time in at]
