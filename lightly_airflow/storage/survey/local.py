"""Local disks: no rules, so everything stays."""

from __future__ import annotations

from collections.abc import Iterator

from lightly_airflow.contract.models.datasources import LocalConfig
from lightly_airflow.storage.lifecycle.columns import Objects
from lightly_airflow.storage.lifecycle.expiry import Expiry, NoRules, Rules
from lightly_airflow.storage.listing import list_objects
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.stores import open_store
from lightly_airflow.storage.survey.columns import as_columns


def read_rules(config: LocalConfig, reach: Reach) -> Rules:
    """None: nothing removes files of a disk by itself."""
    return NoRules()


def list_columns(config: LocalConfig, reach: Reach) -> Iterator[Objects]:
    """All files, in one batch: a disk's listing has no pages."""
    directory = open_store(config, reach)
    yield as_columns(directory.path.prefix, list(list_objects(directory)))


def ask(config: LocalConfig, reach: Reach, rules: Rules, objects: Objects, now: int) -> Expiry:
    """Never called: without rules, none is in doubt."""
    return rules.expiry(objects, now)
