"""Strategies on made-up samples, and what becomes of their options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.plan import Plan
from lightly_airflow.emulator.worker.selection import SampleTable, Selection, select
from lightly_airflow.emulator.worker.selection_check import check_selection
from tests.emulator.worker.circle import circle_table, on_circle

pytestmark = pytest.mark.usefixtures("engine_in_process")
DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def run(*strategies: dict[str, Any], preselected: tuple[int, ...] = (), **options: Any) -> Selection:
    config = SelectionConfig.model_validate({"strategies": list(strategies), **options})
    check_selection(config)
    return select(config, circle_table(), preselected, lambda dataset, tag: on_circle(180))


def on_luminance(kind: str, **options: Any) -> dict[str, Any]:
    return {"input": {"type": "METADATA", "key": "lightly.luminance"}, "strategy": {"type": kind, **options}}


def on_weather(**options: Any) -> dict[str, Any]:
    return {"input": {"type": "METADATA", "key": "weather"}, "strategy": {"type": "BALANCE", **options}}


def test_diversity_spreads() -> None:
    """Far from each other, and the first for want of a reason."""
    assert run(DIVERSITY, n_samples=3).indices == [0, 5, 3]


def test_preselected_stay_and_do_not_count() -> None:
    """``n_samples`` counts new samples, which keep away from the preselected ones."""
    assert run(DIVERSITY, n_samples=2, preselected=(3,)).indices == [6, 0]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 8),
        ({"n_samples": -1}, 8),
        ({"n_samples": 50}, 8),
        ({"n_samples": 0}, 0),
        ({"proportion_samples": 0.5}, 4),
        ({"n_samples": 3, "proportion_samples": 0.5}, 3),
        ({"n_samples": 6, "proportion_samples": 0.5}, 4),
        ({"n_samples": -1, "proportion_samples": 0.25}, 2),
    ],
)
def test_counts(options: dict[str, Any], count: int) -> None:
    """The smaller of both limits holds, and there are never more than there are, nor any twice."""
    indices = run(DIVERSITY, **options).indices
    assert len(indices) == len(set(indices)) == count


def test_too_many_wanted_is_said() -> None:
    """Asking for more than there is gives all, with a note."""
    assert run(DIVERSITY, n_samples=50).notes == ["50 images were asked for, and only 8 can be selected"]


@pytest.mark.parametrize(("distance", "count"), [(0.2, 4), (1.5, 2), (-1, 8)])
def test_minimum_distance_ends_diversity(distance: float, count: int) -> None:
    """The selection ends where the next would be too near; -1 means no limit."""
    strategy = {"type": "DIVERSITY", "stopping_condition_minimum_distance": distance}
    assert len(run({"input": {"type": "EMBEDDINGS"}, "strategy": strategy}).indices) == count


def test_thresholds_come_first() -> None:
    """What does not pass is never selected, whatever the order of the strategies."""
    threshold = on_luminance("THRESHOLD", threshold=40, operation="BIGGER")
    selection = run(DIVERSITY, threshold, n_samples=8)
    assert sorted(selection.indices) == [4, 5, 6, 7]
    assert "4 of 8 images do not pass the thresholds" in selection.notes


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("SMALLER", [0, 1]),
        ("SMALLER_EQUAL", [0, 1, 2]),
        ("BIGGER", [3, 4, 5, 6, 7]),
        ("BIGGER_EQUAL", [2, 3, 4, 5, 6, 7]),
    ],
)
def test_operations(operation: str, expected: list[int]) -> None:
    """Each of the four comparisons, at its edge."""
    assert sorted(run(on_luminance("THRESHOLD", threshold=30, operation=operation)).indices) == expected


@pytest.mark.parametrize("distribution", ["UNIFORM", "INPUT"])
def test_nothing_passes(distribution: str) -> None:
    """An empty result is a result, also where there are no classes left to balance."""
    none = on_luminance("THRESHOLD", threshold=99, operation="BIGGER")
    assert run(DIVERSITY, on_weather(distribution=distribution), none).indices == []


@pytest.mark.parametrize(("strength", "expected"), [(1.0, [7, 6]), (-1.0, [0, 1]), (None, [7, 6])])
def test_weights_take_the_largest(strength: float | None, expected: list[int]) -> None:
    """Large values first; below 0, strength inverts."""
    assert run(on_luminance("WEIGHTS", strength=strength), n_samples=2).indices == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"stopping_condition_max_sum": 160}, [7, 6]),
        ({"stopping_condition_max_sum": 150}, [7, 6]),
        ({"stopping_condition_max_sum": 0}, []),
        ({"target_range": {"max_sum": 100}}, [7]),
        ({"target_range": {"max_sum": 220}, "stopping_condition_max_sum": 160}, [7, 6]),
        ({"target_range": {"min_sum": 1000}}, [7, 6, 5]),
    ],
)
def test_weights_end_at_their_sum(options: dict[str, Any], expected: list[int]) -> None:
    """The selected values never add up to more than the lowest limit."""
    assert run(on_luminance("WEIGHTS", **options), n_samples=3).indices == expected


def test_a_sum_that_is_not_reached_is_said() -> None:
    """The lower end of a range cannot be forced, and the author hears of it."""
    notes = run(on_luminance("WEIGHTS", target_range={"min_sum": 1000}), n_samples=3).notes
    assert notes == ["the selected values of lightly.luminance add up to 210, below target_range.min_sum 1000"]


def test_negative_weights_count_as_none() -> None:
    """Below 0 there is no weight to have less of; the author hears of that, too."""
    cold = {"input": {"type": "METADATA", "key": "celsius"}, "strategy": {"type": "WEIGHTS"}}
    selection = run(cold, n_samples=6)
    assert selection.indices == [1, 6, 2, 5, 7, 0]
    assert selection.notes == ["values of celsius below 0 count as 0 in WEIGHTS"]


def test_balance_counts_what_is_there() -> None:
    """Earlier selections count for the shares, so the others catch up."""
    assert sorted(run(on_weather(distribution="UNIFORM"), preselected=(0, 1), n_samples=2).indices) == [4, 6]


def test_balance_leaves_the_rest_to_others() -> None:
    """Targets below 1 give the rest to all other classes together; at 1 the others come last."""
    rest = run(on_weather(target={"rainy": 0.5}), n_samples=4).indices
    assert sorted(rest)[2:] == [4, 5]
    full = run(on_weather(target={"rainy": 0.5, "foggy": 0.5}), n_samples=4).indices
    assert sorted(full) == [4, 5, 6, 7]


def test_a_class_that_no_image_has_is_said() -> None:
    """The run goes on without it, with a guess at what was meant."""
    notes = run(on_weather(target={"rainy": 0.5, "suny": 0.5}), n_samples=2).notes
    assert notes == ["no image has weather 'suny' (did you mean 'sunny'?); there are foggy, rainy, sunny"]


def test_similarity_comes_near_the_query() -> None:
    """The sample that equals the query is the first."""
    given = {"type": "EMBEDDINGS", "dataset_id": "a" * 24, "tag_name": "initial-tag"}
    assert run({"input": given, "strategy": {"type": "SIMILARITY"}}, n_samples=2).indices[0] == 5


def test_typicality_takes_the_crowd() -> None:
    """Samples with near neighbours come before the one that stands alone."""
    strategy = {"type": "TYPICALITY", "num_nearest_neighbors": 2}
    assert run({"input": {"type": "EMBEDDINGS"}, "strategy": strategy}).indices[-1] == 5


def test_typicality_of_a_single_sample() -> None:
    """One sample has no neighbours and is selected all the same."""
    table = SampleTable(on_circle(0), {}, {})
    config = SelectionConfig.model_validate(
        {"strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "TYPICALITY"}}]}
    )
    assert select(config, table, (), lambda dataset, tag: on_circle(0)).indices == [0]


def test_chance_follows_its_seed() -> None:
    """The same seed selects the same; another one something else."""
    picks = [
        run({"input": {"type": "RANDOM", "random_seed": seed}, "strategy": {"type": "WEIGHTS"}}).indices
        for seed in (7, 7, 8)
    ]
    assert picks[0] == picks[1] != picks[2]


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "WEIGHTS"}}, "does not go with"),
        (
            on_luminance("BALANCE", target={"a": 1}),
            r"BALANCE needs categorical metadata, and 'lightly.luminance' is num",
        ),
        (on_luminance("WEIGHTS", target_range={"min_sum": 2, "max_sum": 1}), "max_sum 1 is below min_sum 2"),
        (
            on_luminance("THRESHOLD", threshold=1, operation="BIGGER", stopping_condition_max_sum=1),
            "stopping_condition_max_sum goes with WEIGHTS alone",
        ),
        (on_weather(target={"sunny": 0.8, "rainy": 0.3}), "target adds up to 1.1; it must be 1 at most"),
        (
            {"input": {"type": "METADATA", "key": "lightly.luminence"}, "strategy": {"type": "WEIGHTS"}},
            r"is unknown \(did you mean 'lightly.luminance'\?\); known are lightly.sharpness",
        ),
    ],
)
def test_what_cannot_be_followed_is_said(strategy: dict[str, Any], words: str) -> None:
    """A strategy that cannot be followed ends the run in words, never in another selection."""
    with pytest.raises(RunFailed, match=words):
        run(strategy)


@pytest.mark.parametrize(
    "options", [{"lightly_path_regex": ".*"}, {"auto_tasks": [{"type": "CROP", "name": "c", "bboxs": [[0, 0, 1, 1]]}]}]
)
def test_options_that_are_not_emulated(options: dict[str, Any]) -> None:
    """So does an option."""
    with pytest.raises(RunFailed, match="is not emulated; leave it out"):
        run(DIVERSITY, **options)


def test_numbers_must_be_finite() -> None:
    """The engine would select on NaN without a word."""
    plan = Plan(np.full((2, 2), np.nan, np.float32))
    with pytest.raises(RunFailed, match="not a finite number"):
        plan.run(2, [], 1)
