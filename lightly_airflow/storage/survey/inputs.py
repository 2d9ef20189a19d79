"""When do the inputs of a datasource expire? One listing, the rules beside it, and no request an object."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Protocol, cast

import numpy as np

from lightly_airflow.contract.files import endings
from lightly_airflow.contract.models.datasources import DatasourceConfig
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.lifecycle.columns import Array, Objects
from lightly_airflow.storage.lifecycle.expiry import Expiry, NoRules, Rules
from lightly_airflow.storage.lifecycle.survey import Survey, is_input
from lightly_airflow.storage.listing import LIGHTLY_DIRECTORY
from lightly_airflow.storage.reach import HERE, Reach

log = logging.getLogger(__name__)
GONE = -1  # in place of a time: the object vanished between the listing and the question
_PROGRESS = 100_000
# The datasource's type -> the file that knows how its objects expire.
_KINDS = {"AZURE": "azure", "GCS": "gcs", "LOCAL": "local", "OBS": "s3", "S3": "s3", "S3DelegatedAccess": "s3"}


class RulesUnknown(StorageError):
    """A bucket's lifecycle rules may not be read; says what would allow it."""


class Kind(Protocol):
    """What each file beside this one offers."""

    def read_rules(self, config: DatasourceConfig, reach: Reach) -> Rules:
        """The bucket's lifecycle rules; raises :class:`RulesUnknown` where they may not be read."""
        ...

    def list_columns(self, config: DatasourceConfig, reach: Reach) -> Iterator[Objects]:
        """Everything in the datasource's directory, with the facts that the rules ask for; raises :class:`StorageError`."""
        ...

    def ask(self, config: DatasourceConfig, reach: Reach, rules: Rules, objects: Objects, now: int) -> Expiry:
        """When single objects expire, asked for one by one; ``GONE`` for one that is not there any more.

        Only for objects whose rules are in doubt.
        """
        ...


def read_rules(config: DatasourceConfig, reach: Reach = HERE) -> Rules:
    """The lifecycle rules of the bucket that a datasource lies in.

    :param config: the datasource, with its real secrets.
    :param reach: how to reach the storage; default: as the datasource and the environment say.
    :raises RulesUnknown: they may not be read.
    :raises StorageError: the bucket is not there, or cannot be reached.
    """
    return _kind(config).read_rules(config, reach)


def unknown_rules(config: DatasourceConfig) -> Rules:
    """What is left to go by where a bucket's rules may not be read: on Azure the expiry times of single blobs, which their
    listing tells; elsewhere nothing."""
    if config.type == "AZURE":
        from lightly_airflow.storage.lifecycle.azure import AzureRules

        return AzureRules()
    return NoRules()


def survey_inputs(
    survey: Survey,
    config: DatasourceConfig,
    rules: Rules,
    dataset_type: str,
    *,
    reach: Reach = HERE,
    lasting: Callable[[Array], None] | None = None,
) -> Survey:
    """Go through a datasource's inputs once and add up when they expire.

    :param survey: an empty one, which says up to when inputs have to last; it is filled and returned.
    :param config: the datasource, with its real secrets.
    :param rules: the bucket's rules.
    :param dataset_type: which files are inputs: of ``Videos`` the videos, of any other type the images.
    :param reach: how to reach the storage.
    :param lasting: is given the names of the inputs that last long enough, a batch at a time.
    :raises StorageError: the listing was refused, or broke off.
    """
    kind, seen = _kind(config), 0
    for listed in kind.list_columns(config, reach):
        chosen = is_input(listed, endings(dataset_type), LIGHTLY_DIRECTORY)
        objects = listed.where(chosen)
        own = listed.starting_with(f"{listed.root}{LIGHTLY_DIRECTORY}")
        survey.ignored += int(np.count_nonzero(~chosen & ~own))
        lasts = add_inputs(survey, config, rules, objects, reach=reach)
        if lasting is not None:
            lasting(objects.names[lasts])
        if (seen + len(listed)) // _PROGRESS > seen // _PROGRESS:
            log.info(
                "Looked at %s objects so far, %s inputs among them", f"{seen + len(listed):,}", f"{survey.inputs:,}"
            )
        seen += len(listed)
    return survey


def add_inputs(
    survey: Survey, config: DatasourceConfig, rules: Rules, objects: Objects, *, reach: Reach = HERE
) -> Array:
    """Add a batch of inputs that somebody has listed already, and return which of them last long enough.

    One that vanishes while the store is asked about it does not last, and is no input any more.

    :param survey: what they are added to.
    :param config: the datasource, with its real secrets.
    :param rules: the bucket's rules.
    :param objects: the inputs.
    :param reach: how to reach the storage.
    :raises StorageError: an object's own expiry was asked for and refused.
    """
    at, rule = _expiry(survey, _kind(config), config, reach, rules, objects)
    there = at != GONE
    lasting: Array = there.copy()
    lasting[there] = survey.add(objects.where(there), at[there], rule[there])
    return lasting


def _expiry(
    survey: Survey, kind: Kind, config: DatasourceConfig, reach: Reach, rules: Rules, objects: Objects
) -> tuple[Array, Array]:
    """When a batch expires; objects are asked for only where a rule in doubt decides whether they last."""
    sure, doubtful = rules.expiry(objects, survey.now), rules.doubtful(objects)
    ask = (doubtful.at < survey.until) & (sure.at >= survey.until)
    if not ask.any():
        return sure.at, sure.rule
    survey.asked += int(np.count_nonzero(ask))
    return _answered(sure, ask, kind.ask(config, reach, rules, objects.where(ask), survey.now))


def _answered(sure: Expiry, ask: Array, answers: Expiry) -> tuple[Array, Array]:
    at, rule = sure.at.copy(), sure.rule.copy()
    sooner = answers.at < at[ask]
    at[ask] = np.where(sooner, answers.at, at[ask])
    rule[ask] = np.where(sooner, answers.rule, rule[ask])
    return at, rule


def _kind(config: DatasourceConfig) -> Kind:
    return cast("Kind", import_module(f"lightly_airflow.storage.survey.{_KINDS[config.type]}"))
