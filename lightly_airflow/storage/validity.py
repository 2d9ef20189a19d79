"""Until when credentials work, from what a token says or a cloud tells of a key. Pure: no clock, no network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.storage.sas import sas_end, sas_fields

_DAY = 86_400.0
# Google's way to say that a key has no end; Azure's tokens are made to last "for ever" that way as well.
_NO_END = 9999


@dataclass(frozen=True, slots=True)
class Validity:
    """Until when credentials work.

    :param kind: what they are, such as ``Azure SAS token``.
    :param how: how that is known, as a sentence without its full stop.
    :param until: when they run out; ``None`` for never, or where they have stopped to work and nobody says when.
    :param gone: whether they have stopped to work already.
    """

    kind: str
    how: str
    until: datetime | None = None
    gone: bool = False

    @property
    def never(self) -> bool:
        return self.until is None and not self.gone

    def days_left(self, now: float) -> float:
        """Days of 24 hours until they run out, below 0 if they have; 0 where nobody says when they did.

        :param now: in seconds since 1970.
        """
        return (self.until.timestamp() - now) / _DAY if self.until else 0.0

    def due(self, min_days: float, now: float) -> float:
        """The moment from which on they last no more than ``min_days``, in seconds since 1970."""
        return self.until.timestamp() - min_days * _DAY if self.until else now


class ValidityUnknown(LightlyError):
    """Until when credentials work is not to be found out from here.

    :param kind: what they are.
    :param reason: why, as half a sentence.
    :param needed: what would allow it; empty if nothing would.
    """

    def __init__(self, kind: str, reason: str, needed: str = "") -> None:
        super().__init__(f"{reason}: that needs {needed}" if needed else reason)
        self.kind, self.needed = kind, needed


def sas_validity(token: str) -> Validity | None:
    """Until when a SAS token works; ``None`` if it has no time that can be read.

    :param token: with or without the question mark before it.
    :raises ValidityUnknown: the time stands in a stored access policy.
    """
    kind, fields = "Azure SAS token", sas_fields(token)
    name, until = sas_end(fields)
    if until is None and "si" in fields:
        raise ValidityUnknown(
            kind,
            f"its expiry stands in the stored access policy {fields['si']!r} of its container, which an account key alone"
            " can read",
        )
    return Validity(kind, f"the token says so itself ({name})", _ending(until)) if until else None


def key_validity(kind: str, name: str, made: datetime, end: datetime | None, max_age_days: float | None) -> Validity:
    """Until when a key is used: to its end, if it has one, and no longer than keys may get old.

    :param kind: what it is.
    :param name: what messages call it.
    :param made: since when it is valid.
    :param end: when the cloud itself ends it; ``None`` or the year 9999 for never.
    :param max_age_days: days of 24 hours after which a key is to be replaced; ``None``: it may get as old as it likes.
    """
    end, old = _ending(end), _after(made, max_age_days)
    if old and (end is None or old < end):
        return Validity(kind, f"{name} is from {shown(made)}, and max_key_age_days is {max_age_days:g}", old)
    return Validity(kind, f"{name} {'ends then' if end else 'has no end and may get as old as it likes'}", end)


def shown(time: datetime) -> str:
    """A time for readers."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _ending(end: datetime | None) -> datetime | None:
    return None if end is None or end.year >= _NO_END else end


def _after(made: datetime, days: float | None) -> datetime | None:
    try:
        return None if days is None else made + timedelta(days=days)
    except OverflowError:  # after the last year of the calendar
        return None
