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

from lightly_airflow.contract.models.selection import SelectionConfig, SelectionEntry, SelectionStrategy
from lightly_airflow.emulator.worker.balance import distributions, shares
from lightly_airflow.emulator.worker.descriptor import Array
from lightly_airflow.emulator.worker.plan import Plan
from lightly_airflow.emulator.worker.selection_check import did_you_mean

Queries = Callable[[str, str], Array]
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "SMALLER": operator.lt, "SMALLER_EQUAL": operator.le, "BIGGER": operator.gt, "BIGGER_EQUAL": operator.ge,
}  # fmt: skip
# TYPICALITY's own default is not published; LightlyOne's examples lie between 10 and 50.
_NEIGHBOURS = 20
# RANDOM without a seed still has one, so that a run can be repeated.
_SEED = 1


@dataclass(frozen=True, slots=True)
class SampleTable:
    """What strategies look at, one row a sample.

    :param embeddings: of unit length, one row a sample.
    :param numbers: numeric metadata by key, such as ``lightly.luminance``; one value a sample.
    :param classes: categorical metadata by key; one text a sample.
    """

    embeddings: Array = field(repr=False)
    numbers: dict[str, Array] = field(repr=False)
    classes: dict[str, Array] = field(repr=False)

    def __len__(self) -> int:
        return len(self.embeddings)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows were selected, in the order of choice and without the preselected; and what the log should say."""

    indices: list[int]
    notes: list[str]


def select(config: SelectionConfig, table: SampleTable, preselected: Sequence[int], queries: Queries) -> Selection:
    """Select new samples.

    Of ``n_samples`` and ``proportion_samples`` the smaller result holds; with neither, or with ``n_samples`` -1, as
    many are selected as the strategies allow. Both count new samples alone, and so do the sums of WEIGHTS: the
    selection ends before the values of a key add up to more than ``stopping_condition_max_sum`` or
    ``target_range.max_sum``; a ``target_range.min_sum`` that is not reached is noted. LightlyOne does not publish
    these rules.

    :param config: what :func:`check_selection` has passed.
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
    return Selection(indices, [*notes, *_notes(config, table, indices)])


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


def _classes(entry: SelectionEntry, table: SampleTable) -> Array:
    return table.classes[entry.input.key or ""]


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
    plan = Plan(table.embeddings[rows])
    for entry in config.strategies:
        strategy = entry.strategy
        strength = 1.0 if strategy.strength is None else strategy.strength
        if strategy.type == "DIVERSITY":
            plan.diversity(strength, strategy.stopping_condition_minimum_distance)
        elif strategy.type == "TYPICALITY":
            neighbours = strategy.num_nearest_neighbors or _NEIGHBOURS
            plan.typicality(strength, neighbours, strategy.stopping_condition_minimum_typicality)
        elif strategy.type == "SIMILARITY":
            plan.similarity(strength, queries(entry.input.dataset_id or "", entry.input.tag_name or ""))
        elif strategy.type == "WEIGHTS":
            plan.weights(strength, _values(entry, table)[rows])
        elif strategy.type == "BALANCE":
            classes = _classes(entry, table)[rows]
            plan.balance(strength, *distributions(shares(strategy, classes), classes))
    return plan


def _cut_at_sum(config: SelectionConfig, table: SampleTable, indices: list[int]) -> list[int]:
    for entry in config.strategies:
        if entry.strategy.type == "WEIGHTS":
            over = np.cumsum(_values(entry, table)[indices]) > _max_sum(entry.strategy)
            indices = indices[: int(over.argmax())] if over.any() else indices
    return indices


def _max_sum(strategy: SelectionStrategy) -> float:
    in_range = strategy.target_range.max_sum if strategy.target_range else None
    limits = (strategy.stopping_condition_max_sum, in_range)
    return min((limit for limit in limits if limit is not None), default=math.inf)


def _notes(config: SelectionConfig, table: SampleTable, indices: list[int]) -> list[str]:
    """What an author may not expect of single strategies."""
    told: list[str] = []
    for entry in config.strategies:
        if entry.strategy.type == "BALANCE":
            told += _missing_classes(entry, _classes(entry, table))
        if entry.strategy.type == "WEIGHTS":
            told += _odd_weights(entry, _values(entry, table), indices)
    return told


def _missing_classes(entry: SelectionEntry, classes: Array) -> list[str]:
    known = sorted(set(classes.tolist()))
    missing = sorted(set(shares(entry.strategy, classes)) - set(known))
    key, told = entry.input.key, ", ".join(known)
    return [f"no image has {key} {name!r}{did_you_mean(name, known)}; there are {told}" for name in missing]


def _odd_weights(entry: SelectionEntry, values: Array, indices: list[int]) -> list[str]:
    name, wanted, total = entry.input.key or "chance", entry.strategy.target_range, values[indices].sum()
    told = [f"values of {name} below 0 count as 0 in WEIGHTS"] if (values < 0).any() else []
    if wanted and wanted.min_sum is not None and total < wanted.min_sum:
        told.append(f"the selected values of {name} add up to {total:g}, below target_range.min_sum {wanted.min_sum:g}")
    return told
