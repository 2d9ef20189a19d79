"""Inputs that the bucket's lifecycle rules may remove while the run is at work, on S3 alone.

LightlyOne's worker looks at them from version 2.11 on: https://docs.lightly.ai/docs/cloud-storage. Every input must outlive
the run's start by ``min_days_to_expiration`` times 24 hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.worker_config import InputExpiration
from lightly_airflow.contract.rules import EXPIRATION_TYPES, expiration_problem
from lightly_airflow.emulator.run_files import EXPIRY_PICTURE, run_file, says_written
from lightly_airflow.emulator.worker.failure import RunAborted, RunFailed
from lightly_airflow.emulator.worker.inputs import Inputs
from lightly_airflow.emulator.worker.job import Buckets, Job
from lightly_airflow.storage.lifecycle.columns import DAY, SECOND, Array, Objects, days, moment
from lightly_airflow.storage.lifecycle.expiry import Expiry, Removal, Rules, soonest
from lightly_airflow.storage.lifecycle.picture import expiry_picture
from lightly_airflow.storage.lifecycle.survey import Survey
from lightly_airflow.storage.objects import write_object
from lightly_airflow.storage.survey.columns import as_columns
from lightly_airflow.storage.survey.inputs import RulesUnknown, add_inputs, read_rules


def keep_lasting(job: Job, buckets: Buckets, inputs: Inputs) -> Inputs:
    """The inputs without those that expire too soon, as ``input_expiration`` wants it.

    :raises RunAborted: some expire, and the strategy is ABORT.
    :raises RunFailed: all expire; or rules remove inputs and the run does not say what to do; or the bucket is not on S3.
    :raises StorageError: the bucket did not answer.
    """
    if problem := expiration_problem(job.config, buckets.source.type):
        raise RunFailed(problem)  # the datasource was changed after the run was scheduled
    wanted = job.datasource.input_expiration
    if wanted is not None:
        return _applied(job, buckets, inputs, wanted)
    if buckets.source.type in EXPIRATION_TYPES:
        _check_unset(job, buckets, inputs)
    return inputs


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of a run's inputs.

    :param lasting: of each input whether it lasts long enough.
    :param rules: the rules' names.
    """

    survey: Survey
    lasting: Array
    rules: Sequence[str]

    def says(self) -> str:
        """How many of how many, when the first, by which rules, and a few names."""
        survey, window = self.survey, (self.survey.until - self.survey.now) / DAY
        rules = ", ".join(f"{self.rules[index]} ({count})" for index, count in survey.rules.most_common())
        end = f"{_told(survey.until)}, {window:g} day{'s' * (window != 1)} after the run's start"
        first = _told(survey.earliest or survey.now)
        return (
            f"{survey.expiring} of {survey.inputs} images expire before {end}; the first on {first}; by lifecycle rule"
            f" {rules}; such as {', '.join(survey.sample)}"
        )


class _HiddenRules:
    """Rules that may not be read: each object's expiry is in doubt, so that the store is asked for it object by object."""

    names: tuple[str, ...] = ("of unknown name",)

    def expiry(self, objects: Objects, now: int) -> Expiry:
        return soonest(len(objects), [])

    def doubtful(self, objects: Objects) -> Expiry:
        return soonest(len(objects), [np.zeros(len(objects), np.int64)])

    def removals(self, root: str, now: int) -> list[Removal]:
        return []


def _applied(job: Job, buckets: Buckets, inputs: Inputs, wanted: InputExpiration) -> Inputs:
    found = _look(job, buckets, inputs, _rules(job, buckets), wanted.min_days_to_expiration)
    if not found.survey.inputs:
        raise RunFailed(f"all {len(inputs.images)} images vanished from {buckets.inputs} while they were asked for")
    if found.survey.expiring and wanted.handling_strategy == "ABORT":
        raise RunAborted(
            f"{found.says()}. Keep inputs longer in the bucket, lower min_days_to_expiration, or leave such inputs out with"
            " handling_strategy SKIP"
        )
    if not found.lasting.any():
        raise RunFailed(
            f"nothing is left to select from: {found.says()}. Keep inputs longer in the bucket, or lower"
            " min_days_to_expiration"
        )
    return _skipped(job, inputs, found)


def _skipped(job: Job, inputs: Inputs, found: _Found) -> Inputs:
    survey = found.survey
    if gone := len(inputs.images) - survey.inputs:
        job.journal.say(f"{gone} images vanished while they were asked for", "WARNING")
    if survey.expiring:
        job.journal.say(f"left out what expires too soon: {found.says()}", "WARNING")
    else:
        job.journal.say(f"all {survey.inputs} images last until {_told(survey.until)}")
    lasting = list(compress(inputs.images, found.lasting.tolist()))
    return replace(inputs, images=lasting, n_expiring=survey.expiring)


def _rules(job: Job, buckets: Buckets) -> Rules:
    """LightlyOne needs no right to read the rules: it is thought to ask for each object, and S3 tells when it expires."""
    try:
        return read_rules(buckets.source)
    except RulesUnknown as error:
        job.journal.say(f"{error}; each input is asked for by itself")
        return _HiddenRules()


def _look(job: Job, buckets: Buckets, inputs: Inputs, rules: Rules, min_days: float) -> _Found:
    """A survey of the run's own inputs, and its picture."""
    start = int(job.journal.started * SECOND)
    survey = Survey(start, start + days(min_days))
    objects = as_columns(buckets.inputs.path.prefix, inputs.images)
    lasting = add_inputs(survey, buckets.source, rules, objects)
    if survey.days and job.worker.upload_report is not False:
        picture = expiry_picture(survey, f"{job.dataset.name}: when the run's inputs expire")
        write_object(buckets.lightly, run_file(job.journal.run_id, EXPIRY_PICTURE), picture.encode())
        job.journal.say(says_written(job.journal.run_id, EXPIRY_PICTURE))
    return _Found(survey, lasting, rules.names)


def _check_unset(job: Job, buckets: Buckets, inputs: Inputs) -> None:
    """Worker 2.11 and later fail where a bucket removes inputs and the run does not say what to do with them."""
    try:
        rules = read_rules(buckets.source)
    except LightlyError as error:
        job.journal.say(f"it could not be checked whether inputs expire while the run is at work: {error}")
        return
    removals = rules.removals(buckets.inputs.path.prefix, int(job.journal.started * SECOND))
    if not removals:
        return
    _look(job, buckets, inputs, rules, 0)
    told = "; ".join(f"{one.rule}: {one.says}" for one in removals)
    raise RunFailed(
        f"the bucket's lifecycle rules remove inputs under {buckets.inputs} ({told}); set worker_config.datasource"
        ".input_expiration: min_days_to_expiration, the days that the run may take, and handling_strategy, SKIP to leave out"
        " the inputs that expire sooner or ABORT to stop over them"
    )


def _told(time: int) -> str:
    return f"{moment(time):%Y-%m-%d %H:%M} UTC"
