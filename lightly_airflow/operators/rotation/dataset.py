"""The credentials of one dataset's datasources: compared, proven, and replaced together unless a run is under way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.client.flows.under_way import run_under_way
from lightly_airflow.client.policy import passes
from lightly_airflow.contract.errors import LightlyConfigError, LightlyError, LightlyUnauthorized
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations.datasets import get_dataset
from lightly_airflow.contract.operations.datasources import all_datasources
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators.rotation.arguments import Connections, OnActiveRun
from lightly_airflow.operators.rotation.memory import RotationMemory
from lightly_airflow.operators.rotation.proof import REFUSALS, Proofs
from lightly_airflow.operators.rotation.replacement import Replacement
from lightly_airflow.operators.rotation.result import Outcome, Result, Target
from lightly_airflow.operators.rotation.twin import NotMeant, Twin, Twins

Found = Mapping[Purpose, dict[str, Any]]
# Where LightlyOne cannot be asked for so many datasets in a row, each further one would only wait as long.
_MOST_UNANSWERED = 3
_UNKNOWN = "\n  Whether what LightlyOne has still works is not known"


@dataclass(frozen=True, slots=True)
class Busy:
    """A dataset that waits for a run of its own.

    :param scheduled_run_id: the run.
    :param stands: how it stood, for the log.
    """

    target: Target
    scheduled_run_id: str
    stands: str = ""

    def __str__(self) -> str:
        return f"{self.target}: LightlyOne run {self.scheduled_run_id}{f': {self.stands}' if self.stands else ''}"


@dataclass
class Rotation:
    """Takes one dataset after the other to the credentials of their connections, which are read anew by each rotation.

    :param hook: LightlyOne.
    :param connections: whose credentials go to which purpose.
    :param below: only datasources at or below this path; ``None`` for all.
    :param choosy: datasources that are not meant are left out and counted, instead of refused.
    :param on_active_run: what a run under way means.
    :param waited: why runs under way are not waited for any longer, ``""`` as long as they are.
    :param preflight: whether the new credentials are tried from here first.
    :param dry_run: whether LightlyOne is told nothing.
    """

    hook: LightlyHook
    connections: Connections
    below: str | None
    choosy: bool
    on_active_run: OnActiveRun
    waited: str
    preflight: bool
    dry_run: bool
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._memory, self._twins, self._proofs = RotationMemory(), Twins(), Proofs(self.preflight)
        self._unanswered = 0

    def of(self, target: Target) -> Result | Busy:
        """Rotates one dataset's datasources. What goes wrong with it is told by the result."""
        if self._unanswered == _MOST_UNANSWERED:
            return self._unseen(target, f"it was not looked at, as those before it could not be{_UNKNOWN}")
        try:
            found = self._found(target)
        except LightlyError as error:
            concerns_all = passes(error) or isinstance(error, LightlyUnauthorized)
            self._unanswered = self._unanswered + 1 if concerns_all else 0
            return self._unseen(target, f"{error}{_UNKNOWN if concerns_all else ''}")
        self._unanswered = 0
        outcomes, changed, reasons = self._compared(target, found)
        if not reasons and not changed:
            return Result(target, outcomes)
        try:
            if reasons:
                raise LightlyConfigError("\n  ".join(dict.fromkeys(reasons.values())))
            old = {purpose: self._old(found, purpose) for purpose in changed if purpose in self.connections.previous}
            target = self._known(target, changed)
            for purpose, twin in changed.items():
                self._proofs.check(twin, target.type, can_be_put_back=purpose in old)
            if view := self._under_way(target):
                return Busy(target, view.scheduled_run_id, str(view))
        except REFUSALS as error:
            return self._result(target, outcomes, *self._refused(target, found, {**reasons, **changed}, str(error)))
        if self.dry_run:
            return self._result(target, outcomes, dict.fromkeys(changed, "would be rotated"), "")
        return self._result(target, outcomes, *self._replacement(target, list(changed), changed, old).replace())

    def _unseen(self, target: Target, reason: str) -> Result:
        return Result(target, dict.fromkeys(self.connections.new, "refused before"), reason)

    def _found(self, target: Target) -> Found:
        answer = self.hook.run_long(lambda: all_datasources(target.dataset_id))
        return {cast("Purpose", one["purpose"]): one for one in answer if "purpose" in one}

    def _compared(
        self, target: Target, found: Found
    ) -> tuple[dict[Purpose, Outcome], dict[Purpose, Twin], dict[Purpose, str]]:
        """What is unchanged, what is to be replaced by what, and what cannot be and why."""
        outcomes: dict[Purpose, Outcome] = {}
        changed: dict[Purpose, Twin] = {}
        reasons: dict[Purpose, str] = {}
        for purpose, conn_id in self.connections.new.items():
            try:
                new = self._twin(found, purpose, conn_id)
            except NotMeant as error:
                if self.choosy:
                    self.left_out[error.kind] += 1
                else:
                    reasons[purpose] = str(error)
            except REFUSALS as error:
                reasons[purpose] = str(error)
            else:
                if new.looks_like(found[purpose]) and self._memory.same(target.dataset_id, new.config):
                    outcomes[purpose] = "unchanged"
                else:
                    changed[purpose] = new
        return outcomes, changed, reasons

    def _twin(self, found: Found, purpose: Purpose, conn_id: str) -> Twin:
        if purpose not in found:
            others = ", ".join(one for one in found if one not in self.connections.new)
            raise NotMeant(
                "without such a datasource",
                f"it has no {purpose} datasource{f' but {others}: name that in purpose' if others else ''};"
                " LightlySetDatasourceOperator sets one",
            )
        path = str(found[purpose].get("fullPath") or "")
        if self.below is not None and not f"{path.rstrip('/')}/".startswith(self.below):
            raise NotMeant("outside resource_path", f"its {purpose} datasource {path} does not lie in {self.below}")
        return self._twins.of(found[purpose], conn_id)

    def _known(self, target: Target, changed: Mapping[Purpose, Twin]) -> Target:
        """The dataset, with its name and type if the type has to be known."""
        if target.type or not any(self._proofs.needs_type(twin) for twin in changed.values()):
            return target
        told = self.hook.run_long(lambda: get_dataset(target.dataset_id))
        return replace(target, name=told.name, type=told.type)

    def _under_way(self, target: Target) -> RunView | None:
        """The run that is waited for, if there is one; one that is not waited for is an error."""
        waits = self.on_active_run == "wait"
        if self.on_active_run == "go_on" or (self.dry_run and waits):
            return None
        view = self.hook.run_long(lambda: run_under_way(target.dataset_id))
        if view is None or (waits and not self.waited):
            return view
        raise LightlyConfigError(f"LightlyOne run {view.scheduled_run_id} is under way ({view}){self.waited}")

    def _refused(
        self, target: Target, found: Found, concerned: Mapping[Purpose, Any], reason: str
    ) -> tuple[dict[Purpose, Outcome], str]:
        """Nothing was sent, and what LightlyOne has is looked at."""
        there = [purpose for purpose in concerned if purpose in found]
        if self.dry_run or not there:
            return dict.fromkeys(concerned, "refused before"), reason
        old: dict[Purpose, Twin] = {}
        for purpose in there:
            # Previous credentials that cannot be given either do not make the refusal another one.
            with suppress(*REFUSALS):
                old |= {purpose: self._old(found, purpose)} if purpose in self.connections.previous else {}
        told, why = self._replacement(target, there, {}, old).refuse(reason)
        return {**dict.fromkeys(concerned, "refused before"), **told}, why

    def _old(self, found: Found, purpose: Purpose) -> Twin:
        return self._twins.of(found[purpose], self.connections.previous[purpose])

    def _replacement(
        self,
        target: Target,
        purposes: Sequence[Purpose],
        new: Mapping[Purpose, Twin],
        old: Mapping[Purpose, Twin],
    ) -> Replacement:
        return Replacement(
            self.hook, target.dataset_id, self.connections, self._memory, self._proofs, purposes, new, old
        )

    def _result(
        self, target: Target, outcomes: Mapping[Purpose, Outcome], more: Mapping[Purpose, Outcome], reason: str
    ) -> Result:
        """The purposes in the author's order."""
        told = {**outcomes, **more}
        return Result(target, {purpose: told[purpose] for purpose in self.connections.new if purpose in told}, reason)
