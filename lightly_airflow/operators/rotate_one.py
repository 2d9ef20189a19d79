"""The credentials of one dataset's datasource: compared, proven, replaced, verified, and put back where that fails."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Literal

from lightly_airflow.client.flows.datasources import needed_for, verify
from lightly_airflow.client.policy import may_have_happened
from lightly_airflow.contract.errors import LightlyConfigError, LightlyError
from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose
from lightly_airflow.contract.operations.datasets import get_dataset
from lightly_airflow.contract.operations.datasources import all_datasources, put_datasource
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators.preflight import check_datasource
from lightly_airflow.operators.rotation_config import Twin, Twins
from lightly_airflow.operators.rotation_memory import RotationMemory

log = logging.getLogger(__name__)
Outcome = Literal["unchanged", "rotated", "would be rotated", "refused before", "rolled back", "broken"]
_REFUSALS = (LightlyError, LightlyInputError, LightlyPermissionError)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one dataset; ``reason`` says why it does not have the connection's credentials."""

    dataset_id: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class Rotation:
    """Takes one dataset after the other to the credentials of one connection.

    :param hook: LightlyOne.
    :param purpose: which of a dataset's datasources.
    :param conn_id: the connection with the new credentials.
    :param previous_conn_id: the connection with the old ones, ``None`` where nothing can be put back.
    :param preflight: whether the new ones are tried from here first.
    :param dry_run: whether LightlyOne is told nothing.
    """

    hook: LightlyHook
    purpose: Purpose
    conn_id: str
    previous_conn_id: str | None
    preflight: bool
    dry_run: bool
    _memory: RotationMemory = field(default_factory=RotationMemory)
    _twins: Twins = field(default_factory=Twins)
    # Path and type of the dataset -> why the new credentials were refused there, "" if they were not.
    _tried: dict[tuple[str, str], str] = field(default_factory=dict)
    # Path -> the dataset for which LightlyOne could not use them there.
    _useless: dict[str, str] = field(default_factory=dict)

    def of(self, dataset_id: str) -> Result:
        """Rotates one dataset's datasource. What goes wrong with it is told by the result."""
        try:
            has = self._has(dataset_id)
            new = self._twins.of(has, self.conn_id)
            if new.looks_like(has) and self._memory.same(dataset_id, new.config):
                return Result(dataset_id, "unchanged")
            old = self._twins.of(has, self.previous_conn_id) if self.previous_conn_id else None
            self._prove(dataset_id, new)
        except _REFUSALS as error:
            return Result(dataset_id, "refused before", str(error))
        if self.dry_run:
            return Result(dataset_id, "would be rotated")
        return self._replace(dataset_id, new.config, old.config if old else None)

    def _has(self, dataset_id: str) -> dict[str, Any]:
        found = self.hook.run(all_datasources(dataset_id))
        has = next((one for one in found if one.get("purpose") == self.purpose), None)
        if has is None:
            raise LightlyConfigError(f"it has no {self.purpose} datasource; LightlySetDatasourceOperator sets one")
        return has

    def _prove(self, dataset_id: str, new: Twin) -> None:
        """The credentials are one connection's, so once a path and type of dataset is enough."""
        path = new.config.full_path
        if path in self._useless and not self.previous_conn_id:
            raise LightlyConfigError(
                f"LightlyOne could not use the credentials there for dataset {self._useless[path]}"
            )
        if not self.preflight:
            return
        tried = (path, self.hook.run(get_dataset(dataset_id)).type)
        if tried not in self._tried:
            self._tried[tried] = _refusal(new, tried[1])
        if self._tried[tried]:
            raise LightlyPermissionError(self._tried[tried])

    def _replace(self, dataset_id: str, new: DatasourceConfig, old: DatasourceConfig | None) -> Result:
        self._memory.forget(dataset_id, new)
        try:
            self.hook.run(put_datasource(dataset_id, new))
            wrong = self._verified(dataset_id)
        except LightlyError as error:
            if not may_have_happened(error):
                return Result(dataset_id, "refused before", str(error))
            wrong = str(error)
        if not wrong:
            self._memory.keep(dataset_id, new)
            return Result(dataset_id, "rotated")
        self._useless.setdefault(new.full_path, dataset_id)
        return self._put_back(dataset_id, old, wrong)

    def _put_back(self, dataset_id: str, old: DatasourceConfig | None, wrong: str) -> Result:
        if old is None:
            return Result(dataset_id, "broken", f"{wrong}\n  It is left with those of connection {self.conn_id!r}")
        log.warning("Dataset %s: the credentials of connection %s are put back", dataset_id, self.previous_conn_id)
        try:
            self.hook.run(put_datasource(dataset_id, old))
        except LightlyError as error:
            left = f"{self.conn_id!r}" + (f" or {self.previous_conn_id!r}" if may_have_happened(error) else "")
            why = f"It is left with those of connection {left}: putting back failed: {error}"
            return Result(dataset_id, "broken", f"{wrong}\n  {why}")
        still = self._verified(dataset_id)
        if still:
            left = (
                f"It is left with those of connection {self.previous_conn_id!r}, put back, which do no better: {still}"
            )
            return Result(dataset_id, "broken", f"{wrong}\n  {left}")
        return Result(dataset_id, "rolled back", wrong)

    def _verified(self, dataset_id: str) -> str:
        """What LightlyOne lacks, ``""`` if nothing. That it does not answer counts as a lack: nothing is proven then."""
        try:
            outcome = self.hook.run(verify(dataset_id, needed_for(self.purpose)))
        except LightlyError as error:
            return str(error)
        return "; ".join(outcome.problems)


def _refusal(new: Twin, dataset_type: str) -> str:
    try:
        check_datasource(new.storage, new.config, dataset_type)
    except _REFUSALS as error:
        return str(error)
    return ""
