"""When a datasource's inputs expire, as Airflow finds out: which connection reads what, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseHook

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.exceptions import LightlyPermissionError
from lightly_airflow.hooks.datasource import CannotTry, DatasourceHook, DatasourceOptions, datasource_hook
from lightly_airflow.storage.reach import HERE

if TYPE_CHECKING:
    from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose
    from lightly_airflow.storage.lifecycle.columns import Array
    from lightly_airflow.storage.lifecycle.expiry import Rules
    from lightly_airflow.storage.lifecycle.survey import Survey

log = logging.getLogger(__name__)
OnUnknown = Literal["fail", "assume_permanent"]
# Management policies are read by an identity, which is another connection type than the storage's own.
_POLICY_CONNECTION = "azure"


@dataclass(frozen=True)
class Place:
    """A datasource's directory with the connections that read it.

    :param storage: the hook of the storage's connection.
    :param config: the datasource as LightlyOne would be told it.
    :param rules_conn_id: the connection that reads the bucket's lifecycle rules, if it is another one.
    """

    storage: DatasourceHook
    config: DatasourceConfig = field(repr=False)
    rules_conn_id: str | None = None

    def __str__(self) -> str:
        return f"{self.config.purpose} {self.config.full_path}"

    def rules(self) -> Rules:
        """The bucket's lifecycle rules.

        :raises RulesUnknown: they may not be read; says what would allow it.
        :raises StorageError: the bucket is not there, or cannot be reached.
        :raises CannotTry: Airflow has no way into the storage.
        """
        connection = BaseHook.get_connection(self.rules_conn_id) if self.rules_conn_id else None
        if connection is not None and connection.conn_type == _POLICY_CONNECTION:
            return self._policy(connection)
        reader = self if connection is None else self._read_by(str(self.rules_conn_id))
        with packages_of(reader.storage):
            inputs = import_module("lightly_airflow.storage.survey.inputs")
            # A disk has no rules, so none need be there to be asked.
            reach = HERE if self.config.type == "LOCAL" else reader.storage.reach(reader.config)
            rules: Rules = inputs.read_rules(reader.config, reach)
        return rules

    def survey(self, survey: Survey, rules: Rules, dataset_type: str, lasting: Callable[[Array], None]) -> Survey:
        """Go through the inputs once; see :func:`lightly_airflow.storage.survey.inputs.survey_inputs`."""
        with packages_of(self.storage):
            inputs = import_module("lightly_airflow.storage.survey.inputs")
            reach = self.storage.reach(self.config)
            filled: Survey = inputs.survey_inputs(
                survey, self.config, rules, dataset_type, reach=reach, lasting=lasting
            )
        return filled

    def _read_by(self, conn_id: str) -> Place:
        return place(self.config.full_path, conn_id, self.config.purpose)

    def _policy(self, connection: Any) -> Rules:
        if self.config.type != "AZURE":
            raise LightlyConfigError(
                f"connection {connection.conn_id!r} of type 'azure' reads the rules of Azure's storage accounts alone,"
                f" and {self} is {self.config.type}"
            )
        policy = import_module("lightly_airflow.hooks.azure_policy")
        rules: Rules = policy.azure_policy(connection, self.config.account_name, self.config.full_path.split("/")[0])
        return rules


def place(
    resource_path: str,
    datasource_conn_id: str | None,
    purpose: Purpose,
    *,
    region: str | None = None,
    rules_conn_id: str | None = None,
) -> Place:
    """The directory that a path and a connection lead to.

    :raises LightlyConfigError: they do not go together, or the connection holds nothing that LightlyOne could use.
    """
    storage = datasource_hook(datasource_conn_id, resource_path)
    # A look now: that a SAS token lasts until a run has ended is the matter of whoever gives it to LightlyOne.
    options = DatasourceOptions(region=region, sas_min_validity=timedelta(minutes=1))
    config = storage.config(resource_path, purpose, options)
    return Place(storage, config, rules_conn_id)


def known_rules(checked: Place, on_unknown: OnUnknown) -> Rules | None:
    """The rules of a datasource's bucket; ``None`` where they may not be read and everything is taken to stay.

    :raises LightlyPermissionError: they may not be read and ``on_unknown`` is ``fail``, or Airflow has no way in.
    :raises StorageError: the bucket is not there, or cannot be reached.
    """
    with packages_of(checked.storage):
        from lightly_airflow.storage.survey.inputs import RulesUnknown
    with reachable(checked):
        try:
            return checked.rules()
        except RulesUnknown as error:
            reason = str(error)
    if on_unknown == "fail":
        raise LightlyPermissionError(
            f"{checked}: {reason}. Grant it, name a connection that has it in rules_conn_id, or take all objects to"
            " last: on_unknown='assume_permanent'"
        )
    log.warning("%s: %s; all objects are taken to last, as on_unknown says", checked, reason)
    return None


@contextmanager
def reachable(checked: Place) -> Iterator[None]:
    """Turns a storage that Airflow has no way into into an error that says what to do."""
    try:
        yield
    except CannotTry as reason:
        advice = (
            "mount it there"
            if checked.config.type == "LOCAL"
            else "name a connection that may list it in datasource_conn_id, which need not be the one that LightlyOne gets"
        )
        raise LightlyPermissionError(f"{checked} cannot be looked at: {reason}; {advice}") from None


def directory_prefix(config: DatasourceConfig) -> str:
    """Where a datasource's directory lies in its bucket, as ``dir/sub/``."""
    path = config.full_path.partition("://")[2] or config.full_path
    return path if config.type == "LOCAL" else path.partition("/")[2]


@contextmanager
def packages_of(storage: DatasourceHook) -> Iterator[None]:
    """Turns a package that is not installed into the line that installs it."""
    try:
        yield
    except ImportError:
        raise storage.missing_extra() from None
