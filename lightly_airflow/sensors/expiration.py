"""Do a datasource's inputs last until the run has ended? Found out before anything is scheduled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from airflow.sdk import conf

from lightly_airflow.arguments import DATASET_TYPES, by_name, check_choice, days, is_template, seconds
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.exceptions import LightlyInputError, LightlyInputsExpire, input_errors
from lightly_airflow.hooks.expiration import OnUnknown, place
from lightly_airflow.hooks.expiration_look import Look, Strategy, Wanted, look
from lightly_airflow.hooks.expiration_report import ExpirationReport, sentence
from lightly_airflow.sensors.base import LightlyTimedSensor
from lightly_airflow.storage.relevant_filenames import check_path

if TYPE_CHECKING:
    from airflow.sdk import XComArg

# Each look lists the bucket; where the time of the next look cannot be told, rules that work once a day are the reason.
POKE_INTERVAL = timedelta(minutes=30)
# One file a task, so that tasks do not write over each other's and nights do not pile up.
RELEVANT_FILENAMES_FILE = (
    ".lightly/relevant_filenames/{{ dag.dag_id }}.{{ task.task_id }}"
    "{{ '.' ~ ti.map_index if ti.map_index >= 0 else '' }}.txt"
)


class LightlyInputExpirationSensor(LightlyTimedSensor):
    """Looks whether a datasource's inputs last until a run has ended, by the bucket's own lifecycle rules, on every cloud.

    One listing and one request for the rules; single objects are asked for only where a rule that depends on tags decides. An
    input lasts if it expires no sooner than ``min_days_to_expiration`` times 24 hours from now, as LightlyOne's worker
    counts from the run's start (https://docs.lightly.ai/docs/cloud-storage).

    :param resource_path: the INPUT's directory, such as ``s3://bucket/directory/`` (templated).
    :param datasource_conn_id: id of the connection that lists it; it need not be the one that LightlyOne is given
        (templated; default ``None``: the path is on a disk that is mounted into LightlyOne's worker).
    :param min_days_to_expiration: days for which inputs have to last, fractions allowed (templated; either this or
        ``expected_run_duration``).
    :param expected_run_duration: seconds or timedelta that the run is expected to take, from which the days follow by
        LightlyOne's advice: 1 for a run of hours, n + 1 for one of n days (templated).
    :param handling_strategy: what happens if inputs expire too soon (templated): ``ABORT`` (default) fails the task, so
        that nothing is scheduled; ``SKIP`` succeeds and hands on what makes the worker leave them out; ``WAIT`` waits until
        they are gone or replaced.
    :param dataset_type: which files are inputs: those of ``Images`` (default) or ``Videos`` (templated).
    :param on_unknown: what happens if the rules may not be read (templated): ``fail`` (default), or ``assume_permanent``,
        which takes all inputs to last.
    :param rules_conn_id: id of a connection that reads the rules, if ``datasource_conn_id`` may not (templated); for
        Azure one of the type ``azure``, since storage accounts' policies are read by an identity.
    :param region: the region of an S3 bucket (templated; default the connection's ``region_name``).
    :param lightly_resource_path: the LIGHTLY directory, where ``SKIP`` writes the names of the inputs that last if
        LightlyOne's worker cannot skip the others itself, which it can on S3 alone (templated).
    :param lightly_datasource_conn_id: id of the connection that writes there (templated).
    :param relevant_filenames_file: that file, in the LIGHTLY directory and under ``.lightly/`` (templated; default one
        named after DAG and task, written anew by each of the task's runs).
    :param deferrable: wait in the triggerer (default: Airflow's ``[operators] default_deferrable``).
    :param poke_interval: seconds or timedelta between two looks where the time of the next cannot be told (default 30 min).
    :returns: :class:`~lightly_airflow.hooks.expiration_report.ExpirationReport`: counts, the earliest expiry, a sample of
        names, and ``input_expiration`` and ``relevant_filenames_file`` for the worker config.
    :raises LightlyInputsExpire: under ``ABORT``, inputs expire too soon; under ``SKIP``, all do. Not retried.
    :raises LightlyInputError: there are no inputs, or a value cannot be right.
    :raises LightlyPermissionError: the rules may not be read and ``on_unknown`` is ``fail``.
    """

    template_fields: Sequence[str] = (
        "resource_path", "datasource_conn_id", "min_days_to_expiration", "expected_run_duration", "handling_strategy",
        "dataset_type", "on_unknown", "rules_conn_id", "region", "lightly_resource_path", "lightly_datasource_conn_id",
        "relevant_filenames_file",
    )  # fmt: skip

    def __init__(
        self,
        *,
        resource_path: str,
        datasource_conn_id: str | None = None,
        min_days_to_expiration: float | str | XComArg | None = None,
        expected_run_duration: timedelta | float | str | None = None,
        handling_strategy: Strategy = "ABORT",
        dataset_type: str = "Images",
        on_unknown: OnUnknown = "fail",
        rules_conn_id: str | None = None,
        region: str | None = None,
        lightly_resource_path: str | None = None,
        lightly_datasource_conn_id: str | None = None,
        relevant_filenames_file: str = RELEVANT_FILENAMES_FILE,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: timedelta | float = POKE_INTERVAL,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **by_name(kwargs))
        self.resource_path = resource_path
        self.datasource_conn_id = datasource_conn_id
        self.min_days_to_expiration = min_days_to_expiration
        self.expected_run_duration = expected_run_duration
        self.handling_strategy = handling_strategy
        self.dataset_type = dataset_type
        self.on_unknown = on_unknown
        self.rules_conn_id = rules_conn_id
        self.region = region
        self.lightly_resource_path = lightly_resource_path
        self.lightly_datasource_conn_id = lightly_datasource_conn_id
        self.relevant_filenames_file = relevant_filenames_file
        self.deferrable = deferrable
        self._check()

    def look(self) -> ExpirationReport | None:
        with input_errors():
            self._check()
            wanted = self._wanted()
        found = look(wanted, self.clock())
        told = sentence(str(wanted.inputs), found.survey, found.rule_names)
        done = self._judge(found, told)
        self.log.info("%s", told)
        return found.report if done else None

    def still(self) -> str:
        return f"{self.resource_path}: inputs still expire too soon"

    def _judge(self, found: Look, told: str) -> bool:
        """Whether the task is done; raises what its strategy says, and notes when to look again."""
        survey, strategy = found.survey, self.handling_strategy
        if survey.inputs and not survey.expiring:
            return True
        if strategy == "WAIT":
            # Where no time is known, a while from now.
            self.wait_for(survey.clear_at() / 1e6 if survey.inputs else self.clock(), told)
            return False
        if not survey.inputs:
            raise LightlyInputError(
                f"{self.resource_path} holds no inputs for a dataset of type {self.dataset_type}"
                f" (files of other types: {survey.ignored:,}), so a run would have nothing to work on"
            )
        if strategy == "SKIP" and survey.lasting:
            return True
        left = ", so that nothing would be left" if strategy == "SKIP" else ""
        raise LightlyInputsExpire(
            f"{told}{left}. Let the rules keep objects longer, or set handling_strategy to"
            f" {'WAIT' if strategy == 'SKIP' else 'SKIP or WAIT'}"
        )

    def _wanted(self) -> Wanted:
        lightly = None
        if self.lightly_resource_path:
            lightly = place(self.lightly_resource_path, self.lightly_datasource_conn_id, "LIGHTLY", region=self.region)
        return Wanted(
            place(
                self.resource_path,
                self.datasource_conn_id,
                "INPUT",
                region=self.region,
                rules_conn_id=self.rules_conn_id,
            ),
            lightly,
            self.dataset_type,
            self._days(),
            self.handling_strategy,
            self.on_unknown,
            check_path(self.relevant_filenames_file),
        )

    def _days(self) -> float:
        if self.min_days_to_expiration not in (None, ""):
            return days("min_days_to_expiration", self.min_days_to_expiration)
        return days_for(seconds("expected_run_duration", self.expected_run_duration))

    def _check(self) -> None:
        """What can be told already: everything that is a literal."""
        check_choice("handling_strategy", self.handling_strategy, get_args(Strategy))
        check_choice("on_unknown", self.on_unknown, get_args(OnUnknown))
        check_choice("dataset_type", self.dataset_type, DATASET_TYPES)
        given = [
            value for value in (self.min_days_to_expiration, self.expected_run_duration) if value not in (None, "")
        ]
        if not given or (len(given) > 1 and not any(map(is_template, given))):
            raise LightlyConfigError("give either min_days_to_expiration or expected_run_duration")
        if not any(map(is_template, given)):
            self._days()
        if self.handling_strategy == "SKIP" and not (self.lightly_resource_path or self._needs_no_list()):
            raise LightlyConfigError(
                "handling_strategy SKIP needs lightly_resource_path: LightlyOne's worker skips expiring inputs on S3 alone,"
                " elsewhere the names of the others are written into the LIGHTLY directory"
            )

    def _needs_no_list(self) -> bool:
        """On S3, LightlyOne's worker skips; on a disk, nothing expires."""
        local = self.datasource_conn_id is None
        return local or is_template(self.resource_path) or self.resource_path.startswith("s3://")


def days_for(run_seconds: float) -> float:
    """LightlyOne's advice for ``min_days_to_expiration``: 1 for a run of hours, else its days and one more."""
    run_days = run_seconds / timedelta(days=1).total_seconds()
    return 1 if run_days < 1 else math.ceil(run_days) + 1
