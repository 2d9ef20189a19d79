"""What a survey of expiring inputs means for its reader: a small result, a table in the log, a sentence in an error."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from lightly_airflow.storage.lifecycle.survey import Survey

_MOST_DAYS = 14  # lines of the table: two weeks show what is about to happen


class ExpirationReport(TypedDict):
    """What the sensor returns: small, of plain JSON, with the same keys for every strategy and cloud.

    ``inputs`` are counted by the dataset's file types, ``permanent`` are those that no rule removes, ``expiring`` those
    that may be gone before ``required_until``; ``rules`` counts the latter by the rule that removes them. Times are ISO 8601
    in UTC. ``input_expiration`` and ``relevant_filenames_file`` go into the worker config as they are; ``None`` where the
    worker needs none.
    """

    resource_path: str
    inputs: int
    permanent: int
    expiring: int
    earliest_expiry: str | None
    required_until: str
    rules: dict[str, int]
    sample: list[str]
    input_expiration: dict[str, Any] | None
    relevant_filenames_file: str | None


def report(path: str, survey: Survey, rule_names: tuple[str, ...]) -> ExpirationReport:
    """The result, without what is handed on to the worker.

    :param path: the resource path.
    :param survey: what was seen.
    :param rule_names: of the bucket's rules, in the order in which the survey counts them.
    """
    return {
        "resource_path": path,
        "inputs": survey.inputs,
        "permanent": survey.permanent,
        "expiring": survey.expiring,
        "earliest_expiry": _iso(survey.earliest),
        "required_until": str(_iso(survey.until)),
        "rules": {rule_names[index]: count for index, count in survey.rules.most_common()},
        "sample": survey.sample,
        "input_expiration": None,
        "relevant_filenames_file": None,
    }


def table(survey: Survey) -> str:
    """The inputs by the day on which they expire, as lines for a log; days before ``until`` are marked."""
    from lightly_airflow.storage.lifecycle.columns import DAY

    shown = sorted(survey.days.items())[:_MOST_DAYS]
    most = max((day.count for _, day in shown), default=1)
    lines = [
        f"  {shown_time(number * DAY):%Y-%m-%d} {'!' if day.first < survey.until else ' '} {day.count:>10,} "
        + "#" * max(1, round(30 * day.count / most))
        for number, day in shown
    ]
    later = sum(day.count for day in survey.days.values()) - sum(day.count for _, day in shown)
    lines += [f"  later        {later:>10,}"] if later else []
    return "\n".join([*lines, f"  never        {survey.permanent:>10,}"])


def sentence(place: str, survey: Survey, rule_names: tuple[str, ...]) -> str:
    """How many inputs expire too soon, when and why, in one sentence."""
    if not survey.inputs:
        return f"{place} holds no inputs"
    if not survey.expiring:
        return f"{place}: all {survey.inputs:,} inputs last until {moment_text(survey.until)} at least"
    by = ", ".join(f"{rule_names[index]!r} ({count:,})" for index, count in survey.rules.most_common(3))
    return (
        f"{place}: {survey.expiring:,} of {survey.inputs:,} inputs expire before {moment_text(survey.until)}, the first"
        f" {_first(survey)}, by the rules {by}; such as {', '.join(survey.sample)}"
    )


def _first(survey: Survey) -> str:
    earliest = survey.earliest or survey.now
    due = " (its time has come, it may go at any moment)" if earliest <= survey.now else ""
    return f"at {moment_text(earliest)}{due}"


def moment_text(time: int) -> str:
    """A time of a survey for readers."""
    return f"{shown_time(time):%Y-%m-%d %H:%M} UTC"


def shown_time(time: int) -> datetime:
    """A time of a survey as a datetime."""
    from lightly_airflow.storage.lifecycle.columns import moment

    return moment(time)


def _iso(time: int | None) -> str | None:
    return None if time is None else shown_time(time).isoformat(timespec="seconds")
