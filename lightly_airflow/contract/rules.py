"""Rules that the wire models do not hold: which selection input goes with which strategy, and what each pair needs.

Also which datasources go with ``input_expiration``.

Source: https://docs.lightly.ai/docs/input-and-strategy-combinations and .../docs/selection. The API's models accept
every pair; LightlyOne's server and worker do not, so a wrong one is found here before it waits in a queue for a GPU.
"""

from __future__ import annotations

import re

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import DATASET_NAME_PATTERN
from lightly_airflow.contract.models.selection import SelectionConfig, SelectionEntry, SelectionStrategy
from lightly_airflow.contract.models.worker_config import RunConfig

MOST_TARGETS = 1.001
_CATEGORY_COUNT, _CLASS_DISTRIBUTION = (
    "PREDICTIONS with name CATEGORY_COUNT",
    "PREDICTIONS with name CLASS_DISTRIBUTION",
)
# The datasources whose lifecycle rules LightlyOne knows: https://docs.lightly.ai/docs/cloud-storage.
EXPIRATION_TYPES = ("S3", "S3DelegatedAccess")
LEGAL_STRATEGIES: dict[str, tuple[str, ...]] = {
    "EMBEDDINGS": ("DIVERSITY", "SIMILARITY", "TYPICALITY"),
    "METADATA": ("WEIGHTS", "THRESHOLD", "BALANCE"),
    _CATEGORY_COUNT: ("WEIGHTS", "THRESHOLD"),
    _CLASS_DISTRIBUTION: ("BALANCE",),
    "RANDOM": ("WEIGHTS", "THRESHOLD"),
    "SCORES": ("WEIGHTS", "THRESHOLD"),
}


def entry_problem(entry: SelectionEntry) -> str | None:
    """What is wrong with one input and strategy, in one sentence; ``None`` if nothing is."""
    given, strategy = entry.input, entry.strategy
    kind = f"PREDICTIONS with name {given.name or 'missing'}" if given.type == "PREDICTIONS" else given.type
    if kind not in LEGAL_STRATEGIES:
        return "input PREDICTIONS needs a name: CLASS_DISTRIBUTION or CATEGORY_COUNT"
    if strategy.type not in LEGAL_STRATEGIES[kind]:
        allowed = " or ".join(LEGAL_STRATEGIES[kind])
        return f"strategy {strategy.type} does not go with input {kind}; use {allowed}"
    needs = [(f"input.{name}", getattr(given, name)) for name in _input_needs(entry)]
    needs += [(f"strategy.{name}", getattr(strategy, name)) for name in _strategy_needs(entry)]
    missing = [name for name, value in needs if value is None]
    if missing:
        return f"{given.type} with {strategy.type} needs {' and '.join(missing)}"
    return _target_problem(strategy) or _sum_problem(strategy)


def _input_needs(entry: SelectionEntry) -> tuple[str, ...]:
    if entry.input.type == "METADATA":
        return ("key",)
    if entry.input.type == "SCORES":
        return ("task", "score")
    return ("dataset_id", "tag_name") if entry.strategy.type == "SIMILARITY" else ()


def _strategy_needs(entry: SelectionEntry) -> tuple[str, ...]:
    if entry.strategy.type == "THRESHOLD":
        return ("threshold", "operation")
    targeted = entry.strategy.distribution in (None, "TARGET")
    return ("target",) if entry.strategy.type == "BALANCE" and targeted else ()


def _target_problem(strategy: SelectionStrategy) -> str | None:
    total = sum((strategy.target or {}).values())
    # Thirds, written with a few digits, may add up to a little more.
    return f"strategy.target adds up to {total:g}; it must be 1 at most" if total > MOST_TARGETS else None


def _sum_problem(strategy: SelectionStrategy) -> str | None:
    """Both sum options go with WEIGHTS alone, says the API's own description of them."""
    given = [name for name in ("stopping_condition_max_sum", "target_range") if getattr(strategy, name) is not None]
    if given and strategy.type != "WEIGHTS":
        return f"strategy.{given[0]} goes with WEIGHTS alone; leave it out of {strategy.type}"
    wanted = strategy.target_range
    if wanted is None or wanted.min_sum is None or wanted.max_sum is None or wanted.min_sum <= wanted.max_sum:
        return None
    return f"strategy.target_range: max_sum {wanted.max_sum:g} is below min_sum {wanted.min_sum:g}"


def selection_problems(selection: SelectionConfig) -> list[str]:
    """All that is wrong with a selection, each with its place in it."""
    told = [(f"strategies[{i}]", entry_problem(entry)) for i, entry in enumerate(selection.strategies)]
    return [f"{place}: {problem}" for place, problem in told if problem]


def config_problems(config: RunConfig) -> list[str]:
    """All that is wrong with a run's configuration beyond its types and ranges."""
    return selection_problems(config.selection) if config.selection else []


def expiration_problem(config: RunConfig, input_type: str) -> str | None:
    """Why ``input_expiration`` does not go with the INPUT datasource, in one sentence; ``None`` if it does.

    LightlyOne applies it to S3 alone: https://docs.lightly.ai/docs/cloud-storage.

    :param input_type: the type of the INPUT datasource.
    """
    datasource = config.docker.datasource if config.docker else None
    if datasource is None or datasource.input_expiration is None or input_type in EXPIRATION_TYPES:
        return None
    return f"worker_config.datasource.input_expiration is for S3 alone and the INPUT datasource is {input_type}; leave it out"


def check_dataset_name(name: str) -> str:
    """The name itself, if LightlyOne takes it; raises :class:`LightlyConfigError` with the rule if not."""
    if len(name) >= 3 and re.fullmatch(DATASET_NAME_PATTERN, name):
        return name
    raise LightlyConfigError(
        f"{name!r} is no dataset name: use at least 3 characters, only letters, digits, blanks, '_' and '-',"
        " and begin with a letter or digit"
    )
