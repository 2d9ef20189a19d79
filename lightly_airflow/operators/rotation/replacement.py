"""One dataset's datasources on their way to other credentials: set, verified together, put back where that fails.

At each step it is known what LightlyOne may hold. LightlyOne verifies all datasources of a dataset together, so that what it
says at last decides for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from lightly_airflow.client.flows.datasources import Permission, needed_for, verify
from lightly_airflow.client.flows.runs import UNDER_WAY
from lightly_airflow.client.policy import decide, may_be_under_way, may_have_happened
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations.datasources import put_datasource
from lightly_airflow.contract.wire import Flow, Pause, Request
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators.rotation.arguments import Connections
from lightly_airflow.operators.rotation.memory import RotationMemory
from lightly_airflow.operators.rotation.proof import Proofs
from lightly_airflow.operators.rotation.result import Outcome
from lightly_airflow.operators.rotation.twin import Twin

log = logging.getLogger(__name__)
# What LightlyOne may hold for a purpose: what it had, the new credentials, the previous ones.
Held = Literal["had", "new", "old"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What LightlyOne's verification has shown.

    :param missing: the permissions that it lacks.
    :param lack: the same in words.
    :param silence: why it did not answer.
    """

    missing: tuple[Permission, ...] = ()
    lack: str = ""
    silence: str = ""

    @property
    def wrong(self) -> str:
        """Why the credentials are not proven, ``""`` if they are."""
        return self.lack or self.silence


@dataclass
class Replacement:
    """What is done to one dataset.

    :param hook: LightlyOne.
    :param dataset_id: the dataset.
    :param connections: for the messages.
    :param memory: what is kept of credentials that were verified.
    :param proofs: is told what LightlyOne could not use.
    :param purposes: all that are concerned.
    :param new: their datasources with the new credentials, as far as they can be made.
    :param old: the same with the previous ones.
    """

    hook: LightlyHook
    dataset_id: str
    connections: Connections
    memory: RotationMemory
    proofs: Proofs
    purposes: Sequence[Purpose]
    new: Mapping[Purpose, Twin]
    old: Mapping[Purpose, Twin]
    _held: dict[Purpose, set[Held]] = field(default_factory=dict)
    _late: bool = False

    def __post_init__(self) -> None:
        self._held = {purpose: {"had"} for purpose in self.purposes}

    def replace(self) -> tuple[dict[Purpose, Outcome], str]:
        """Sets the new credentials: the outcome of each purpose, and what went wrong."""
        wrong = self._put("new", self.new)
        touched = [purpose for purpose, held in self._held.items() if held != {"had"}]
        if wrong and not touched:
            return self.refuse(wrong)
        if wrong:
            return self._put_back(touched, wrong, None)
        seen = self._verify()
        if not seen.wrong:
            return self._conclude("", seen)
        self.proofs.blame(list(self.new.values()), self.dataset_id, seen.missing)
        return self._put_back(touched, seen.wrong, seen)

    def refuse(self, reason: str) -> tuple[dict[Purpose, Outcome], str]:
        """Nothing was sent. An earlier try may have died before it could put back what it had sent, so LightlyOne is asked
        whether it can use what it has."""
        seen = self._verify()
        if seen.lack and not self.old:
            return self._conclude(reason, seen)
        if seen.lack:
            return self._put_back(self.purposes, f"{reason}\n  LightlyOne could not use what it had: {seen.lack}", seen)
        still = "What LightlyOne has still works"
        if seen.silence:
            still = f"Whether what LightlyOne has still works is not known: {seen.silence}"
        return dict.fromkeys(self.purposes, "refused before"), f"{reason}\n  {still}"

    def _put_back(
        self, purposes: Sequence[Purpose], wrong: str, seen: Seen | None
    ) -> tuple[dict[Purpose, Outcome], str]:
        """Puts back what can be put back.

        :param seen: what LightlyOne has said of what it holds, if it was asked since that was set.
        """
        back = {purpose: self.old[purpose] for purpose in purposes if purpose in self.old}
        if not back:
            return self._conclude(wrong, seen or self._verify(), told=seen is not None)
        if self._late:
            self.hook.run(_settle())
        log.warning("Dataset %s: the previous credentials are put back (%s)", self.dataset_id, ", ".join(back))
        failed = self._put("old", back)
        return self._conclude(f"{wrong}\n  Putting back failed: {failed}" if failed else wrong, self._verify())

    def _put(self, which: Held, twins: Mapping[Purpose, Twin]) -> str:
        """Sets one after the other; why one could not be set, or ``""``. After new ones no others are tried then, but all that
        can be put back is."""
        failed = []
        for purpose, twin in twins.items():
            tries = _Tries()
            try:
                # Else it is forgotten already, and nothing may keep credentials from being put back.
                if self._held[purpose] == {"had"}:
                    self.memory.forget(self.dataset_id, twin.config)
                self.hook.run(put_datasource(self.dataset_id, twin.config), decide=tries)
            except LightlyError as error:
                failed.append(str(error))
                self._late |= may_be_under_way(error)
                self._held[purpose] |= {which} if tries.lost else set()
                if which == "new":
                    break
            else:
                self._held[purpose] = {which}
        return "; ".join(dict.fromkeys(failed))

    def _verify(self) -> Seen:
        needed = tuple(dict.fromkeys(one for purpose in self.purposes for one in needed_for(purpose)))
        try:
            outcome = self.hook.run_long(lambda: verify(self.dataset_id, needed))
        except LightlyError as error:
            return Seen(silence=str(error))
        missing = tuple(one for one in needed if not outcome.granted[one]) if outcome.problems else ()
        return Seen(missing, "; ".join(outcome.problems))

    def _conclude(self, wrong: str, seen: Seen, *, told: bool = False) -> tuple[dict[Purpose, Outcome], str]:
        """What LightlyOne has said at last decides for all.

        :param told: ``wrong`` says already what it has said.
        """
        if seen.wrong:
            outcomes: dict[Purpose, Outcome] = dict.fromkeys(self.purposes, "broken")
        else:
            outcomes = {purpose: _outcome(held) for purpose, held in self._held.items()}
        for purpose, outcome in outcomes.items():
            if outcome == "rotated":
                self.memory.keep(self.dataset_id, self.new[purpose].config)
        if not wrong:
            return outcomes, ""
        return outcomes, f"{wrong}\n  It is left with {self._left()}{'' if told else _says(seen)}"

    def _left(self) -> str:
        """What LightlyOne may hold, in words."""
        by_words: dict[str, list[str]] = {}
        for purpose, held in self._held.items():
            words = " or ".join(self._words(purpose, one) for one in get_args(Held) if one in held)
            by_words.setdefault(words, []).append(purpose)
        if len(by_words) == 1:
            return next(iter(by_words))
        return ", ".join(f"{words} ({' and '.join(purposes)})" for words, purposes in by_words.items())

    def _words(self, purpose: Purpose, held: Held) -> str:
        if held == "had":
            return "what it had"
        by_purpose = self.connections.new if held == "new" else self.connections.previous
        return f"those of connection {by_purpose[purpose]!r}{'' if held == 'new' else ', put back'}"


def _settle() -> Flow[None]:
    """A request that has timed out may take effect later than the one that is to undo it."""
    yield from Pause(sum(UNDER_WAY))


class _Tries:
    """Decides as always whether a request is repeated, and notes whether one of its tries may have had its effect: that the
    last one was refused says nothing of the first."""

    def __init__(self) -> None:
        self.lost = False

    def __call__(self, error: LightlyError, request: Request, attempt: int) -> float | None:
        self.lost |= may_have_happened(error)
        return decide(error, request, attempt)


def _outcome(held: set[Held]) -> Outcome:
    """Of a datasource that LightlyOne can use. Where two are possible, the one that lets nobody revoke what may be in use."""
    if "old" in held:
        return "rolled back"
    return "rotated" if held == {"new"} else "refused before"


def _says(seen: Seen) -> str:
    if seen.lack:
        return f"; LightlyOne cannot use it: {seen.lack}"
    return (
        f"; whether LightlyOne can use it is not known: {seen.silence}" if seen.silence else "; LightlyOne can use it"
    )
