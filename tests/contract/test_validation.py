"""Authors' mistakes become sentences: which path, what is wrong, what was probably meant."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.contract.models.worker_config import LightlyConfig, WorkerConfig
from lightly_airflow.contract.validation import find_problems, parse

ENTRY: dict[str, Any] = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
INPUT_KEYS = "type, task, score, key, name, dataset_id, tag_name, random_seed, categories"
INPUT, STRATEGY = "config.strategies[0].input", "config.strategies[0].strategy"
MODELS = "resnet-18, resnet-34, resnet-50, resnet-101, resnet-152"
INPUTS = "EMBEDDINGS, SCORES, METADATA, PREDICTIONS, RANDOM"
STRATEGIES = "DIVERSITY, WEIGHTS, THRESHOLD, BALANCE, SIMILARITY, TYPICALITY"
OPERATIONS = "SMALLER, SMALLER_EQUAL, BIGGER, BIGGER_EQUAL"
TILE = {"type": "TILING", "name": "t", "num_rows": 1, "num_cols": 1}


def is_template(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def selection(**members: Any) -> dict[str, Any]:
    return {"strategies": [ENTRY], **members}


def given(**members: Any) -> dict[str, Any]:
    return {"strategies": [{**ENTRY, "input": {**ENTRY["input"], **members}}]}


def strategy(**members: Any) -> dict[str, Any]:
    return {"strategies": [{**ENTRY, "strategy": {**ENTRY["strategy"], **members}}]}


def problems(value: Any, model: type[BaseModel] = SelectionConfig, *, strict: bool = True) -> list[str]:
    return find_problems(model, value, "config", strict=strict, unknown=is_template)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (selection(n_sample=5), "config.n_sample: unknown key; did you mean 'n_samples'?"),
        (selection(nSample=5), "config.nSample: unknown key; did you mean 'n_samples'?"),
        (
            selection(zzz=5),
            "config.zzz: unknown key; known are n_samples, proportion_samples, strategies, lightly_path_regex, auto_tasks",
        ),
        (selection(strategies=[ENTRY | {"Inputs": {}}]), "config.strategies[0].Inputs: unknown key; did you mean 'input'?"),
        (given(random_sed=1), f"{INPUT}.random_sed: unknown key; did you mean 'random_seed'?"),
        (given(q=1), f"{INPUT}.q: unknown key; known are {INPUT_KEYS}"),
        (strategy(treshold=1), f"{STRATEGY}.treshold: unknown key; did you mean 'threshold'?"),
        (
            strategy(target_range={"min_sun": 1}),
            f"{STRATEGY}.target_range.min_sun: unknown key; did you mean 'min_sum'?",
        ),
        (selection(auto_tasks=[TILE | {"num_row": 1}]), "config.auto_tasks[0].num_row: unknown key; did you mean 'num_rows'?"),
    ],
)  # fmt: skip
def test_unknown_keys_are_told_with_what_was_meant(value: Any, problem: str) -> None:
    """At every level the nearest known key is offered, else all of them."""
    assert problems(value) == [problem]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"use_datapol": True}, "config.use_datapol: unknown key; did you mean 'use_datapool'?"),
        ({"datasource": {"procces_all": True}}, "config.datasource.procces_all: unknown key; did you mean 'process_all'?"),
        ({"datasource": {"input_expiration": {"handling_strategy": "SKIP"}}},
         "config.datasource.input_expiration.min_days_to_expiration: is required"),
        ({"datasource": {"input_expiration": {"min_days_to_expiration": -1, "handling_strategy": "SKIP"}}},
         "config.datasource.input_expiration.min_days_to_expiration: -1 is out of range; it must be at least 0"),
        ({"datasource": {"input_expiration": {"min_days_to_expiration": 1, "handling_strategy": "skip"}}},
         "config.datasource.input_expiration.handling_strategy: 'skip' is not one of SKIP, ABORT; did you mean 'SKIP'?"),
        ({"checkpoint_run_id": "abc"}, "config.checkpoint_run_id: 'abc' does not match ^[a-f0-9]{24}$"),
        ({"corruptness_check": {"corruption_threshold": 1.1}},
         "config.corruptness_check.corruption_threshold: 1.1 is out of range; it must be at most 1"),
        ({"selected_sequence_length": 0}, "config.selected_sequence_length: 0 is out of range; it must be at least 1"),
        ({"training": {"task_name": "a b"}}, r"config.training.task_name: 'a b' does not match ^[a-zA-Z0-9_+=,.@:\/-]*$"),
    ],
)  # fmt: skip
def test_worker_configs_are_checked_alike(value: Any, problem: str) -> None:
    """The worker's configuration has its own keys, ranges and enums."""
    assert problems(value, WorkerConfig) == [problem]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"criterion": {"temperature": 0}}, "config.criterion.temperature: 0 is out of range; it must be greater than 0"),
        ({"trainer": {"precision": 8}}, "config.trainer.precision: 8 is not one of 16, 32"),
        ({"model": {"name": "resnet18"}}, f"config.model.name: 'resnet18' is not one of {MODELS}; did you mean 'resnet-18'?"),
        ({"collate": {"sigmas": [0.1]}}, "config.collate.sigmas: needs at least 2 of them, not 1"),
        ({"collate": {"sigmas": [0.1, 0]}}, "config.collate.sigmas[1]: 0 is out of range; it must be greater than 0"),
    ],
)  # fmt: skip
def test_lightly_configs_are_checked_alike(value: Any, problem: str) -> None:
    """So has the training's configuration."""
    assert problems(value, LightlyConfig) == [problem]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (selection(n_samples="50"), "config.n_samples: must be an integer, not the string '50'"),
        (selection(n_samples=5.0), "config.n_samples: must be an integer, not the number 5.0"),
        (selection(n_samples=True), "config.n_samples: must be an integer, not the boolean True"),
        (selection(n_samples=[5]), "config.n_samples: must be an integer, not a list"),
        (selection(proportion_samples="0.1"), "config.proportion_samples: must be a number, not the string '0.1'"),
        (selection(lightly_path_regex=7), "config.lightly_path_regex: must be a string, not the integer 7"),
        (selection(strategies={}), "config.strategies: must be a list, not a dict"),
        (selection(strategies=(ENTRY,)), "config.strategies: must be a list, not a tuple"),
        (selection(strategies="all"), "config.strategies: must be a list, not the string 'all'"),
        (selection(strategies=["all"]), "config.strategies[0]: must be a dict, not the string 'all'"),
        (strategy(target=[1]), f"{STRATEGY}.target: must be a dict, not a list"),
        (strategy(threshold=1j), f"{STRATEGY}.threshold: must be a number, not the complex 1j"),
        ([], "config: must be a dict, not a list"),
        (None, "config: must be a dict, not None"),
        (strategy(target="x" * 99), f"{STRATEGY}.target: must be a dict, not the string '{'x' * 56}..."),
    ],
)  # fmt: skip
def test_wrong_types_are_told(value: Any, problem: str) -> None:
    """A literal of the wrong type is refused, with what was found in its place."""
    assert problems(value) == [problem]


def test_a_wrong_type_is_told_for_true_and_false_too() -> None:
    """The worker's switches take booleans alone."""
    assert problems({"use_datapool": "yes"}, WorkerConfig) == [
        "config.use_datapool: must be true or false, not the string 'yes'"
    ]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (selection(n_samples=-2), "config.n_samples: -2 is out of range; it must be at least -1"),
        (selection(proportion_samples=1.5), "config.proportion_samples: 1.5 is out of range; it must be at most 1"),
        (selection(proportion_samples=-0.1), "config.proportion_samples: -0.1 is out of range; it must be at least 0"),
        (selection(proportion_samples=math.nan), "config.proportion_samples: must be a finite number, not the number nan"),
        (strategy(strength=2e9), f"{STRATEGY}.strength: 2000000000.0 is out of range; it must be at most 1e+09"),
        (strategy(strength=math.inf), f"{STRATEGY}.strength: must be a finite number, not the number inf"),
        (strategy(num_nearest_neighbors=1), f"{STRATEGY}.num_nearest_neighbors: 1 is out of range; it must be at least 2"),
        (strategy(stopping_condition_minimum_typicality=0),
         f"{STRATEGY}.stopping_condition_minimum_typicality: 0 is out of range; it must be greater than 0"),
        (selection(strategies=[]), "config.strategies: needs at least 1 of them, not 0"),
        ({"n_samples": 5}, "config.strategies: is required"),
        (selection(strategies=[{"input": ENTRY["input"]}]), f"{STRATEGY}: is required"),
        (given(categories=[]), f"{INPUT}.categories: needs at least 1 of them, not 0"),
        (given(key=""), f"{INPUT}.key: string should have at least 1 character"),
        (given(dataset_id="ABC"), f"{INPUT}.dataset_id: 'ABC' does not match ^[a-f0-9]{{24}}$"),
    ],
)  # fmt: skip
def test_values_out_of_bounds_are_told(value: Any, problem: str) -> None:
    """Ranges, lengths and patterns are the API's; the bound is named."""
    assert problems(value) == [problem]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (strategy(type="DIVERSE"), f"{STRATEGY}.type: 'DIVERSE' is not one of {STRATEGIES}; did you mean 'DIVERSITY'?"),
        (given(type="embedding"), f"{INPUT}.type: 'embedding' is not one of {INPUTS}; did you mean 'EMBEDDINGS'?"),
        (given(type=3), f"{INPUT}.type: 3 is not one of {INPUTS}"),
        (strategy(operation="LESS"), f"{STRATEGY}.operation: 'LESS' is not one of {OPERATIONS}"),
        (selection(auto_tasks=[TILE | {"type": "TILES"}]), "config.auto_tasks[0]: type 'TILES' is not one of 'TILING', 'CROP'"),
        (selection(auto_tasks=[{"name": "t"}]), "config.auto_tasks[0]: needs the key 'type'"),
        (selection(auto_tasks=[TILE | {"num_rows": 0}]),
         "config.auto_tasks[0].num_rows: 0 is out of range; it must be at least 1"),
    ],
)  # fmt: skip
def test_unknown_choices_are_told_with_what_was_meant(value: Any, problem: str) -> None:
    """All choices are listed, and a near one is offered."""
    assert problems(value) == [problem]


@pytest.mark.parametrize(
    "value",
    [
        selection(n_samples="{{ x }}", proportion_samples="{{ y }}"),
        selection(strategies="{{ x }}"),
        selection(strategies=["{{ x }}"]),
        selection(auto_tasks=["{{ x }}"]),
        selection(auto_tasks=[TILE | {"type": "{{ x }}"}]),
        given(type="{{ x }}", dataset_id="{{ y }}"),
        strategy(target="{{ x }}", threshold="{{ y }}", operation="{{ z }}"),
    ],
)
def test_templates_are_judged_later(value: Any) -> None:
    """What only Jinja will know is not wrong yet."""
    assert problems(value) == []


def test_a_template_hides_no_other_mistake() -> None:
    """Wrong keys and wrong neighbours are found beside a template, all of them at once."""
    value = selection(n_samples="{{ x }}", n_sample="{{ x }}", proportion_samples=2)
    assert problems(value) == [
        "config.proportion_samples: 2 is out of range; it must be at most 1",
        "config.n_sample: unknown key; did you mean 'n_samples'?",
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"nSamples": 5, "strategies": [ENTRY]},
        {"strategies": [ENTRY], "autoTasks": [{"type": "TILING", "name": "t", "numRows": 1, "numCols": 1}]},
        strategy(stoppingConditionMaxSum=3, targetRange={"minSum": 1, "maxSum": 2}),
        strategy(threshold=5),
    ],
)
def test_good_values_have_no_problems(value: Any) -> None:
    """Wire names are as good as Python names, and an integer is a number."""
    assert problems(value) == []


@pytest.mark.parametrize("text", ["50", " 50 ", "5e1", "50.0"])
def test_rendered_strings_may_be_numbers(text: str) -> None:
    """Jinja makes strings, so a literal "50" is refused and a rendered one is read where it is an integer."""
    value = selection(n_samples=text)
    assert problems(value, strict=True) == [f"config.n_samples: must be an integer, not the string {text!r}"]
    if "e" in text:
        assert problems(value, strict=False) == [f"config.n_samples: must be an integer, not the string {text!r}"]
    else:
        assert parse(SelectionConfig, value, "config").n_samples == 50


def test_rendered_switches_are_read() -> None:
    """A rendered True is a string too."""
    assert parse(WorkerConfig, {"use_datapool": "True"}, "config").use_datapool is True


def test_all_problems_are_raised_at_once() -> None:
    """The author corrects a config once, not once a mistake."""
    with pytest.raises(LightlyConfigError) as caught:
        parse(SelectionConfig, {"n_samples": "many", "strategies": []}, "selection_config")
    assert str(caught.value).splitlines() == [
        "selection_config.n_samples: must be an integer, not the string 'many'",
        "selection_config.strategies: needs at least 1 of them, not 0",
    ]
    assert caught.value.__context__ is None
