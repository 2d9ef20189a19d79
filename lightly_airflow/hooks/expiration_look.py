"""One look at a datasource's inputs: which of them expire too soon, and what the worker is told of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lightly_airflow.contract.rules import EXPIRATION_TYPES
from lightly_airflow.hooks.expiration import (
    OnUnknown,
    Place,
    known_rules,
    packages_of,
    reachable,
)
from lightly_airflow.hooks.expiration_report import ExpirationReport, report, table

if TYPE_CHECKING:
    from lightly_airflow.storage.lifecycle.survey import Survey
    from lightly_airflow.storage.relevant_filenames import RelevantFilenames

log = logging.getLogger(__name__)
Strategy = Literal["ABORT", "SKIP", "WAIT"]


@dataclass(frozen=True)
class Wanted:
    """What is to be found out.

    :param inputs: the INPUT datasource.
    :param lightly: the LIGHTLY datasource, where the names of the inputs that last are written for a worker that cannot
        skip the others itself.
    :param dataset_type: which files are inputs.
    :param min_days: for how many days of 24 hours from now inputs have to last.
    :param strategy: what is done where some do not.
    :param on_unknown: what is done where the bucket's rules may not be read.
    :param relevant_filenames_file: where those names are written, under ``.lightly/``.
    """

    inputs: Place
    lightly: Place | None
    dataset_type: str
    min_days: float
    strategy: Strategy
    on_unknown: OnUnknown
    relevant_filenames_file: str


@dataclass(frozen=True)
class Look:
    """What was found.

    :param survey: the inputs added up.
    :param rule_names: of the bucket's rules, in the order in which the survey counts them.
    :param report: the result for other tasks.
    """

    survey: Survey
    rule_names: tuple[str, ...]
    report: ExpirationReport


def look(wanted: Wanted, now: float) -> Look:
    """List the inputs once, and find out when they expire.

    :param now: in seconds since 1970.
    :raises LightlyPermissionError: the bucket's rules may not be read and ``on_unknown`` is ``fail``, or Airflow has no way
        into the storage.
    :raises StorageError: the listing was refused or broke off.
    """
    with packages_of(wanted.inputs.storage):
        from lightly_airflow.storage.lifecycle.columns import DAY, SECOND
        from lightly_airflow.storage.lifecycle.survey import Survey
        from lightly_airflow.storage.relevant_filenames import relevant_filenames
        from lightly_airflow.storage.survey.inputs import unknown_rules
    known = known_rules(wanted.inputs, wanted.on_unknown)
    rules = known or unknown_rules(wanted.inputs.config)
    start = int(now * SECOND)
    survey = Survey(start, start + int(wanted.min_days * DAY))
    with relevant_filenames() as names, reachable(wanted.inputs):
        keep = names.add if _needs_names(wanted) else _forget
        wanted.inputs.survey(survey, rules, wanted.dataset_type, keep)
        log.info("Inputs of %s by the day on which they expire:\n%s", wanted.inputs, table(survey))
        told = report(wanted.inputs.config.full_path, survey, rules.names)
        if survey.expiring and survey.lasting and _needs_names(wanted):
            told["relevant_filenames_file"] = _save(wanted, names)
    told["input_expiration"] = _block(wanted, known_without_rules=known is not None and not known.names)
    return Look(survey, rules.names, told)


def _needs_names(wanted: Wanted) -> bool:
    """Where LightlyOne's worker cannot skip inputs itself, it is told which ones to look at."""
    return wanted.strategy == "SKIP" and wanted.inputs.config.type not in EXPIRATION_TYPES


def _forget(_names: Any) -> None:
    """Nobody asks for the names."""


def _save(wanted: Wanted, names: RelevantFilenames) -> str:
    from lightly_airflow.storage.stores import open_store

    lightly, path = wanted.lightly, wanted.relevant_filenames_file
    assert lightly is not None  # noqa: S101 - the sensor has checked it
    if names.left_out:
        log.warning("%s inputs are left out: names with *, line breaks or blanks at an end", f"{names.left_out:,}")
    with reachable(lightly):
        names.save(open_store(lightly.config, lightly.storage.reach(lightly.config)), path)
    log.info("Wrote the names of %s inputs that last to %s%s", f"{names.count:,}", lightly.config.full_path, path)
    return path


def _block(wanted: Wanted, *, known_without_rules: bool) -> dict[str, Any] | None:
    """``input_expiration`` for the worker, which refuses a bucket with rules if it is told nothing; WAIT has waited, so
    that nothing is to be skipped."""
    if wanted.inputs.config.type not in EXPIRATION_TYPES or known_without_rules:
        return None
    return {
        "min_days_to_expiration": wanted.min_days,
        "handling_strategy": "SKIP" if wanted.strategy == "SKIP" else "ABORT",
    }
