"""Rules beyond types: legal inputs and strategies, dataset names."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.selection import SelectionConfig, SelectionEntry
from lightly_airflow.contract.models.worker_config import RunConfig
from lightly_airflow.contract.rules import check_dataset_name, config_problems, entry_problem, selection_problems

ID = "0123456789abcdef01234567"
INPUTS: dict[str, dict[str, Any]] = {
    "EMBEDDINGS": {"type": "EMBEDDINGS", "dataset_id": ID, "tag_name": "query"},
    "METADATA": {"type": "METADATA", "key": "lightly.sharpness"},
    "CATEGORY_COUNT": {"type": "PREDICTIONS", "task": "t", "name": "CATEGORY_COUNT"},
    "CLASS_DISTRIBUTION": {"type": "PREDICTIONS", "task": "t", "name": "CLASS_DISTRIBUTION"},
    "RANDOM": {"type": "RANDOM"},
    "SCORES": {"type": "SCORES", "task": "t", "score": "uncertainty_margin"},
}
STRATEGIES: dict[str, dict[str, Any]] = {
    "DIVERSITY": {"type": "DIVERSITY"},
    "SIMILARITY": {"type": "SIMILARITY"},
    "TYPICALITY": {"type": "TYPICALITY"},
    "WEIGHTS": {"type": "WEIGHTS"},
    "THRESHOLD": {"type": "THRESHOLD", "threshold": 0.5, "operation": "BIGGER"},
    "BALANCE": {"type": "BALANCE", "target": {"car": 0.5}},
}
# The table of https://docs.lightly.ai/docs/input-and-strategy-combinations, typed off by hand.
LEGAL = {
    "EMBEDDINGS": "DIVERSITY SIMILARITY TYPICALITY",
    "METADATA": "WEIGHTS THRESHOLD BALANCE",
    "CATEGORY_COUNT": "WEIGHTS THRESHOLD",
    "CLASS_DISTRIBUTION": "BALANCE",
    "RANDOM": "WEIGHTS THRESHOLD",
    "SCORES": "WEIGHTS THRESHOLD",
}


def entry(given: dict[str, Any], strategy: dict[str, Any]) -> SelectionEntry:
    return SelectionEntry.model_validate({"input": given, "strategy": strategy})


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("given", INPUTS)
def test_inputs_go_with_the_documented_strategies_only(given: str, strategy: str) -> None:
    """All pairs of the table, and the message names the strategies that would do."""
    problem = entry_problem(entry(INPUTS[given], STRATEGIES[strategy]))
    if strategy in LEGAL[given].split():
        assert problem is None
    else:
        kind = f"PREDICTIONS with name {given}" if given.startswith("C") else given
        assert problem is not None
        assert problem.startswith(f"strategy {strategy} does not go with input {kind}; use ")
        assert set(problem.partition("; use ")[2].split(" or ")) == set(LEGAL[given].split())


@pytest.mark.parametrize(
    ("given", "strategy", "problem"),
    [
        ({"type": "PREDICTIONS"}, {"type": "BALANCE"}, "input PREDICTIONS needs a name: CLASS_DISTRIBUTION or CATEGORY_COUNT"),
        ({"type": "EMBEDDINGS"}, {"type": "SIMILARITY"},
         "EMBEDDINGS with SIMILARITY needs input.dataset_id and input.tag_name"),
        ({"type": "EMBEDDINGS", "dataset_id": ID}, {"type": "SIMILARITY"}, "EMBEDDINGS with SIMILARITY needs input.tag_name"),
        ({"type": "METADATA"}, {"type": "WEIGHTS"}, "METADATA with WEIGHTS needs input.key"),
        ({"type": "SCORES", "score": "s"}, {"type": "WEIGHTS"}, "SCORES with WEIGHTS needs input.task"),
        ({"type": "RANDOM"}, {"type": "THRESHOLD"}, "RANDOM with THRESHOLD needs strategy.threshold and strategy.operation"),
        (
            {"type": "METADATA"},
            {"type": "THRESHOLD", "threshold": 0},
            "METADATA with THRESHOLD needs input.key and strategy.operation",
        ),
        (INPUTS["METADATA"], {"type": "BALANCE"}, "METADATA with BALANCE needs strategy.target"),
        (INPUTS["METADATA"], {"type": "BALANCE", "distribution": "TARGET"}, "METADATA with BALANCE needs strategy.target"),
        (INPUTS["METADATA"], {"type": "BALANCE", "distribution": "UNIFORM"}, None),
        (INPUTS["METADATA"], {"type": "BALANCE", "distribution": "INPUT"}, None),
        ({"type": "SCORES", "task": "", "score": "s"}, {"type": "WEIGHTS"}, None),
    ],
)  # fmt: skip
def test_pairs_need_their_members(given: dict[str, Any], strategy: dict[str, Any], problem: str | None) -> None:
    """What a pair cannot do without is asked for by its path."""
    assert entry_problem(entry(given, strategy)) == problem


def test_problems_tell_their_place() -> None:
    """Of several entries the wrong ones are named by their index."""
    good, bad = entry(INPUTS["RANDOM"], STRATEGIES["WEIGHTS"]), entry(INPUTS["RANDOM"], STRATEGIES["DIVERSITY"])
    selection = SelectionConfig(strategies=[good, bad])
    problem = "strategies[1]: strategy DIVERSITY does not go with input RANDOM; use WEIGHTS or THRESHOLD"
    assert selection_problems(selection) == config_problems(RunConfig(selection=selection)) == [problem]
    assert config_problems(RunConfig()) == []


@pytest.mark.parametrize("name", ["abc", "a-b", "A 1", "0__", "city cameras 2026-05", "a" * 300])
def test_legal_dataset_names_pass(name: str) -> None:
    """The name comes back as it is."""
    assert check_dataset_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a", "ab", "-ab", "_ab", " ab", "a.b", "a/b", "a:b", "füße", "abc\n", "ab\t", "../x", "{{ x }}"]
)
def test_illegal_dataset_names_are_refused_with_the_rule(name: str) -> None:
    """LightlyOne would refuse them too, only later."""
    with pytest.raises(LightlyConfigError) as caught:
        check_dataset_name(name)
    assert str(caught.value) == (
        f"{name!r} is no dataset name: use at least 3 characters, only letters, digits, blanks, '_' and '-',"
        " and begin with a letter or digit"
    )
