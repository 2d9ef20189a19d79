"""Selects samples as LightlyOne does: thresholds first, then all other strategies together, one sample at a time.

Source: https://docs.lightly.ai/docs/selection-algorithm-order-and-strength and .../docs/selection-strategy-combination.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lightly_airflow.contract.models.samples import SampleMetaData
from lightly_airflow.contract.models.selection import SelectionConfig, SelectionEntry
from lightly_airflow.contract.rules import entry_problem
from lightly_airflow.emulator.worker.descriptor import Array
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.images import numeric_metadata
from lightly_airflow.emulator.worker.plan import Plan

Queries = Callable[[str, str], Array]
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "SMALLER": operator.lt, "SMALLER_EQUAL": operator.le, "BIGGER": operator.gt, "BIGGER_EQUAL": operator.ge,
}  # fmt: skip
# TYPICALITY's own default is not published; LightlyOne's examples lie between 10 and 50.
_NEIGHBOURS = 20
# RANDOM without a seed still has one, so that a run can be repeated.
_SEED = 1
_KEYS = tuple(numeric_metadata(SampleMetaData()))


@dataclass(frozen=True, slots=True)
class SampleTable:
    """What strategies look at, one row a sample.

    :param embeddings: of unit length, one row a sample.
    :param numbers: numeric metadata by key, such as ``lightly.luminance``; one value a sample.
    """

    embeddings: Array = field(repr=False)
    numbers: dict[str, Array] = field(repr=False)

    def __len__(self) -> int:
        return len(self.embeddings)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows were selected, in the order of choice and without the preselected; and what the log should say."""

    indices: list[int]
    notes: list[str]


def check_selection(config: SelectionConfig) -> None:
    """Refuse what cannot be followed here; to be called before :func:`select`, and before the work that leads to it.

    :raises RunFailed: a strategy is not legal, or it or an option is not emulated.
    """
    for name, value in {"lightly_path_regex": config.lightly_path_regex, "auto_tasks": config.auto_tasks}.items():
        if value:
            raise RunFailed(f"selection_config.{name} is not emulated; leave it out")
    for i, entry in enumerate(config.strategies):
        problem = entry_problem(entry) or _not_emulated(entry)
        if problem:
            raise RunFailed(f"selection_config.strategies[{i}]: {problem}")


def select(config: SelectionConfig, table: SampleTable, preselected: Sequence[int], queries: Queries) -> Selection:
    """Select new samples.

    Of ``n_samples`` and ``proportion_samples`` the smaller result holds; with neither, or with ``n_samples`` -1, as
    many are selected as the strategies allow. Both count new samples alone. LightlyOne does not publish these rules.

    :param preselected: rows of earlier selections, which stay, and from which DIVERSITY keeps away.
    :param queries: gives the embeddings of a dataset's tag, by dataset id and tag name; SIMILARITY asks for them.
    :raises RunFailed: the data forbids it, or the engine failed.
    """
    new = np.setdiff1d(np.arange(len(table)), np.asarray(preselected, int))
    passing = new[_passes(config, table)[new]]
    wanted, notes = _wanted(config, len(new), len(passing))
    if len(passing) < len(new):
        notes.append(f"{len(new) - len(passing)} of {len(new)} images do not pass the thresholds")
    rows = np.concatenate([np.asarray(preselected, int), passing])
    plan = _plan(config, table, rows, queries)
    chosen = plan.run(len(rows), list(range(len(preselected))), wanted + len(preselected))[len(preselected) :]
    indices = _cut_at_sum(config, table, [int(rows[row]) for row in chosen])
    if len(indices) < wanted:
        notes.append(f"a stopping condition ended the selection after {len(indices)} of {wanted} images")
    return Selection(indices, notes)


def _not_emulated(entry: SelectionEntry) -> str | None:
    kind, strategy = entry.input.type, entry.strategy
    if kind in ("SCORES", "PREDICTIONS") or entry.input.task:
        return f"{kind}{' with a task' if entry.input.task else ''} needs predictions, which are not emulated"
    if strategy.type == "BALANCE":
        return "BALANCE needs categorical metadata, which is not emulated; all lightly.* keys are numeric"
    if kind == "METADATA" and entry.input.key not in _KEYS:
        return f"metadata key {entry.input.key!r} is not emulated; known are {', '.join(_KEYS)}"
    return "strategy.target_range is not emulated; leave it out" if strategy.target_range else None


def _passes(config: SelectionConfig, table: SampleTable) -> Array:
    passes = np.ones(len(table), bool)
    for entry in config.strategies:
        if entry.strategy.type == "THRESHOLD":
            compare = _OPERATIONS[entry.strategy.operation or ""]
            passes &= compare(_values(entry, table), entry.strategy.threshold)
    return passes


def _values(entry: SelectionEntry, table: SampleTable) -> Array:
    """One number a sample: metadata, or chance."""
    if entry.input.type == "RANDOM":
        return np.random.default_rng(abs(entry.input.random_seed or _SEED)).random(len(table))
    return table.numbers[entry.input.key or ""]


def _wanted(config: SelectionConfig, n_new: int, n_passing: int) -> tuple[int, list[str]]:
    limits: list[float] = [math.inf]
    if config.n_samples is not None and config.n_samples >= 0:
        limits.append(config.n_samples)
    if config.proportion_samples is not None:
        limits.append(int(config.proportion_samples * n_new + 1e-9))  # 0.29 * 100 is 28.999...
    if n_passing < min(limits) < math.inf:
        return n_passing, [f"{min(limits)} images were asked for, and only {n_passing} can be selected"]
    return int(min(n_passing, *limits)), []


def _plan(config: SelectionConfig, table: SampleTable, rows: Array, queries: Queries) -> Plan:
    embeddings = table.embeddings[rows]
    plan = Plan(embeddings)
    for entry in config.strategies:
        strength = 1.0 if entry.strategy.strength is None else entry.strategy.strength
        if entry.strategy.type == "DIVERSITY":
            plan.diversity(strength, entry.strategy.stopping_condition_minimum_distance)
        elif entry.strategy.type == "TYPICALITY":
            neighbours = entry.strategy.num_nearest_neighbors or _NEIGHBOURS
            plan.typicality(strength, neighbours, entry.strategy.stopping_condition_minimum_typicality)
        elif entry.strategy.type == "SIMILARITY":
            plan.similarity(strength, queries(entry.input.dataset_id or "", entry.input.tag_name or ""))
        elif entry.strategy.type == "WEIGHTS":
            plan.weights(strength, _values(entry, table)[rows])
    return plan


def _cut_at_sum(config: SelectionConfig, table: SampleTable, indices: list[int]) -> list[int]:
    """``stopping_condition_max_sum``: the selection ends before the selected values would add up to more."""
    for entry in config.strategies:
        if entry.strategy.stopping_condition_max_sum is not None:
            sums = np.cumsum(_values(entry, table)[indices])
            indices = indices[: int((sums <= entry.strategy.stopping_condition_max_sum).sum())]
    return indices
