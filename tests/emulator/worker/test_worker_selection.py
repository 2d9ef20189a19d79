"""Strategies on made-up samples, through the real engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.plan import Plan
from lightly_airflow.emulator.worker.selection import SampleTable, Selection, check_selection, select

DEGREES = (0, 5, 10, 90, 95, 180, 270, 275)
DIVERSITY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def on_circle(*degrees: float) -> Any:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def run(*strategies: dict[str, Any], preselected: tuple[int, ...] = (), **options: Any) -> Selection:
    luminance = np.array([10.0, 20, 30, 40, 50, 60, 70, 80])
    table = SampleTable(on_circle(*DEGREES), {"lightly.luminance": luminance})
    config = SelectionConfig.model_validate({"strategies": list(strategies), **options})
    check_selection(config)
    return select(config, table, preselected, lambda dataset, tag: on_circle(180))


def on_luminance(kind: str, **options: Any) -> dict[str, Any]:
    return {"input": {"type": "METADATA", "key": "lightly.luminance"}, "strategy": {"type": kind, **options}}


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


def test_nothing_passes() -> None:
    """An empty result is a result."""
    assert run(DIVERSITY, on_luminance("THRESHOLD", threshold=99, operation="BIGGER")).indices == []


@pytest.mark.parametrize(("strength", "expected"), [(1.0, [7, 6]), (-1.0, [0, 1]), (None, [7, 6])])
def test_weights_take_the_largest(strength: float | None, expected: list[int]) -> None:
    """Large values first; below 0, strength inverts."""
    assert run(on_luminance("WEIGHTS", strength=strength), n_samples=2).indices == expected


def test_weights_end_at_their_sum() -> None:
    """The selected values never add up to more than the stopping condition."""
    assert run(on_luminance("WEIGHTS", stopping_condition_max_sum=160)).indices == [7, 6]


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
    table = SampleTable(on_circle(0), {})
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
        ({"input": {"type": "EMBEDDINGS", "task": "cars"}, "strategy": {"type": "DIVERSITY"}}, "needs predictions"),
        (
            {"input": {"type": "SCORES", "task": "t", "score": "s"}, "strategy": {"type": "WEIGHTS"}},
            "needs predictions",
        ),
        ({"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "WEIGHTS"}}, "does not go with"),
        (on_luminance("BALANCE", target={"a": 1}), "categorical metadata"),
        (on_luminance("WEIGHTS", target_range={"min_sum": 1}), "target_range is not emulated"),
        (
            {"input": {"type": "METADATA", "key": "weather"}, "strategy": {"type": "WEIGHTS"}},
            "known are lightly.sharpness",
        ),
    ],
)
def test_what_is_not_emulated_is_said(strategy: dict[str, Any], words: str) -> None:
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


def test_the_engine_failing_is_an_error_in_words(capfd: pytest.CaptureFixture[str]) -> None:
    """A panic of the engine neither kills this process nor writes to its terminal."""
    plan = Plan(on_circle(0, 90))
    plan.diversity(1.0, None)
    with pytest.raises(RunFailed, match="the selection engine failed"):
        plan.run(3, [], 2)
    assert capfd.readouterr().err == ""
