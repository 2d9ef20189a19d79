"""What came of a rotation: outcomes, progress, the table of all datasets, and the error that says what is left."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, get_args

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.exceptions import LightlyRotationFailed

log = logging.getLogger(__name__)
# From the best to the worst.
Outcome = Literal["unchanged", "would be rotated", "rotated", "refused before", "rolled back", "broken"]
# What most people look for comes first.
_TOLD: tuple[Outcome, ...] = ("rotated", "would be rotated", "unchanged", "refused before", "rolled back", "broken")
_WELL: tuple[Outcome, ...] = ("unchanged", "would be rotated", "rotated")
# An exception that names hundreds is read by nobody; the table in the log names all.
_MOST_REASONS = 20
_PROGRESS_SECONDS = 30.0


class Rotated(TypedDict):
    """What the operator returns.

    ``counts`` has how many datasources came to each outcome: ``unchanged``, ``rotated``, ``would be rotated`` (in a dry run);
    all three are always there. ``rotated`` has the ids of the datasets that were given new credentials, or in a dry run would
    be; ``dry_run`` says which.
    """

    counts: dict[str, int]
    rotated: list[str]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Target:
    """A dataset; name and type are empty as long as they are not known."""

    dataset_id: str
    name: str = ""
    type: str = ""

    def __str__(self) -> str:
        return f"{self.dataset_id} ({self.name})" if self.name else self.dataset_id


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one dataset.

    :param outcomes: by purpose; empty if none of its datasources was meant.
    :param reason: why it does not have the connections' credentials, where it does not.
    """

    target: Target
    outcomes: Mapping[Purpose, Outcome]
    reason: str = ""

    @property
    def worst(self) -> Outcome:
        """What counts for the dataset as a whole; only where there is an outcome."""
        return max(self.outcomes.values(), key=get_args(Outcome).index)

    @property
    def failed(self) -> bool:
        return any(one not in _WELL for one in self.outcomes.values())

    def __str__(self) -> str:
        by_outcome: dict[str, list[str]] = {}
        for purpose, outcome in self.outcomes.items():
            by_outcome.setdefault(outcome, []).append(purpose)
        told = ", ".join(f"{' and '.join(purposes)} {outcome}" for outcome, purposes in by_outcome.items())
        return f"{self.target}: {told}{': ' if self.reason else ''}{self.reason}"

    def plain(self) -> list[Any]:
        """As plain JSON."""
        one = self.target
        return [one.dataset_id, one.name, one.type, dict(self.outcomes), self.reason]


def from_plain(told: Iterable[Any]) -> list[Result]:
    """Results that were told as plain JSON."""
    return [Result(Target(*one[:3]), one[3], one[4]) for one in told]


@dataclass
class Ledger:
    """The results so far, and the progress that the log is told of.

    :param total: how many datasets there are.
    :param results: those of an earlier part of the same task.
    """

    total: int
    results: list[Result] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    _told_at: float = 0.0
    _left: int = 0
    _waiting: int = 0

    def __post_init__(self) -> None:
        self._told_at = self.clock()

    def add(self, result: Result) -> None:
        """One more dataset is done."""
        if not result.outcomes:
            self._left += 1
        else:
            self.results.append(result)
            log.debug("Dataset %s", result)

    def wait(self, count: int) -> None:
        """So many more, or fewer, wait for a run."""
        self._waiting += count

    def progress(self) -> None:
        """Tells about every tenth of many datasets, and every half minute. Called after each dataset."""
        done = len(self.results) + self._left + self._waiting
        tenth = self.total >= 10 and done * 10 // self.total > (done - 1) * 10 // self.total
        due = self.clock() - self._told_at >= _PROGRESS_SECONDS
        if done < self.total and (tenth or due):
            self._told_at = self.clock()
            log.info("%d of %d datasets: %s", done, self.total, self._told())

    def _told(self) -> str:
        counts = Counter(str(one.worst) for one in self.results)
        told = [f"{counts[name]} {name}" for name in _TOLD if counts[name]]
        others = {"left out": self._left, "waiting for a run": self._waiting}
        return ", ".join([*told, *(f"{count} {name}" for name, count in others.items() if count)])

    def table(self) -> str:
        """All datasets, a line a datasource."""
        rows = [(str(one.target), str(purpose), told) for one in self.results for purpose, told in one.outcomes.items()]
        width = max((len(row[0]) for row in rows), default=0)
        return "\n".join(
            f"  {row[0]:<{width}}  {row[1]:<12}  {row[2]}" for row in [("dataset", "purpose", "outcome"), *rows]
        )

    def concluded(self, connections: str, *, dry_run: bool) -> Rotated:
        """What the task returns.

        :raises LightlyRotationFailed: datasets do not have the credentials.
        """
        failed = [one for one in self.results if one.failed]
        if failed:
            lines = [f"- {one}" for one in failed[:_MOST_REASONS]]
            more = len(failed) - _MOST_REASONS
            told = "\n".join([*lines, *([f"- and {more} more, which the table in the log names"] if more > 0 else [])])
            raise LightlyRotationFailed(
                f"{len(failed)} of {len(self.results)} datasets do not have the credentials of {connections} or cannot be"
                f" used with them:\n{told}"
            )
        counts = Counter(outcome for one in self.results for outcome in one.outcomes.values())
        given = [one.target.dataset_id for one in self.results if one.worst != "unchanged"]
        return {"counts": {name: counts[name] for name in _WELL}, "rotated": given, "dry_run": dry_run}
