"""Every pair of input and strategy: followed by the real engine in its own process, or refused for want of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.contract.rules import LEGAL_STRATEGIES
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.plan import Plan
from lightly_airflow.emulator.worker.selection import select
from lightly_airflow.emulator.worker.selection_check import check_selection
from tests.emulator.worker.circle import DEGREES, circle_table, on_circle

Entry = dict[str, dict[str, Any]]
NEEDS_PREDICTIONS = ("PREDICTIONS", "SCORES")


def pair(strategy: str, given: str, *, key: str | None = None, name: str | None = None, **options: Any) -> Entry:
    """One entry, with all that its input and strategy need."""
    needs: dict[str, dict[str, Any]] = {
        "SIMILARITY": {"dataset_id": "a" * 24, "tag_name": "initial-tag"},
        "SCORES": {"task": "cars", "score": "uncertainty"},
        "RANDOM": {"random_seed": 7},
    }
    options |= {"num_nearest_neighbors": 2} if strategy == "TYPICALITY" else {}
    chosen = {k: v for k, v in {"key": key, "name": name}.items() if v}
    given_input = {"type": given, **chosen, **needs.get(given, {}), **needs.get(strategy, {})}
    return {"input": given_input, "strategy": {"type": strategy, **options}}


def above(limit: float) -> dict[str, Any]:
    return {"threshold": limit, "operation": "BIGGER"}


LUCK = np.random.default_rng(7).random(len(DEGREES))
FOLLOWED = [
    # Farthest from what is selected: 180 from 0, then 90 before 270.
    (pair("DIVERSITY", "EMBEDDINGS"), 3, {0, 5, 3}),
    # Nearest to the query at 180: itself, then 95 and 90, which 275 and 270 do not beat.
    (pair("SIMILARITY", "EMBEDDINGS"), 2, {5, 4}),
    # All have two near neighbours before 180, which has none.
    (pair("TYPICALITY", "EMBEDDINGS"), 7, {0, 1, 2, 3, 4, 6, 7}),
    (pair("WEIGHTS", "METADATA", key="lightly.luminance"), 2, {7, 6}),
    (pair("WEIGHTS", "METADATA", key="celsius"), 3, {1, 6, 2}),
    (pair("WEIGHTS", "METADATA", key="lightly.luminance", strength=-1.0), 2, {0, 1}),
    (pair("THRESHOLD", "METADATA", key="lightly.luminance", **above(60)), 8, {6, 7}),
    (pair("THRESHOLD", "METADATA", key="celsius", threshold=0, operation="SMALLER_EQUAL"), 8, {0, 3, 4}),
    # Of four: half of 0.5 sunny, half rainy, no fog.
    (pair("BALANCE", "METADATA", key="weather", target={"sunny": 0.5, "rainy": 0.5}), 4, {0, 1, 4, 5}),
    # The two thirds that rain leaves go to the other classes, of which the engine takes the first.
    (pair("BALANCE", "METADATA", key="weather", distribution="TARGET", target={"rainy": 1 / 3}), 3, {0, 1, 4}),
    # One of each.
    (pair("BALANCE", "METADATA", key="weather", distribution="UNIFORM"), 3, {0, 4, 6}),
    # Half of the images are sunny, a quarter rainy, a quarter foggy.
    (pair("BALANCE", "METADATA", key="weather", distribution="INPUT"), 4, {0, 1, 4, 6}),
    (pair("WEIGHTS", "RANDOM"), 3, set(LUCK.argsort()[-3:].tolist())),
    (pair("THRESHOLD", "RANDOM", **above(0.5)), 8, set(np.flatnonzero(LUCK > 0.5).tolist())),
]


@pytest.mark.parametrize(("entry", "count", "expected"), FOLLOWED)
def test_a_pair_selects(entry: Entry, count: int, expected: set[int]) -> None:
    """Each pair selects what one finds by hand."""
    config = SelectionConfig.model_validate({"n_samples": count, "strategies": [entry]})
    check_selection(config)
    assert set(select(config, circle_table(), (), lambda dataset, tag: on_circle(180)).indices) == expected


def test_no_legal_pair_is_forgotten() -> None:
    """The contract's table of legal pairs has no pair without predictions that is not tried above."""
    tried = {(entry["input"]["type"], entry["strategy"]["type"]) for entry, _, _ in FOLLOWED}
    legal = {(given, strategy) for given, allowed in LEGAL_STRATEGIES.items() for strategy in allowed}
    assert tried == {one for one in legal if not one[0].startswith(NEEDS_PREDICTIONS)}


PREDICTED = [
    *(pair(strategy, "PREDICTIONS", name="CATEGORY_COUNT", **above(1)) for strategy in ("WEIGHTS", "THRESHOLD")),
    pair("BALANCE", "PREDICTIONS", name="CLASS_DISTRIBUTION", target={"car": 1}),
    *(pair(strategy, "SCORES", **above(1)) for strategy in ("WEIGHTS", "THRESHOLD")),
    *(pair(strategy, "EMBEDDINGS") for strategy in ("DIVERSITY", "SIMILARITY", "TYPICALITY")),
]


@pytest.mark.parametrize("entry", PREDICTED)
def test_a_pair_that_needs_predictions_is_refused(entry: Entry) -> None:
    """Each such pair is refused in words, EMBEDDINGS of a task's objects among them."""
    given = {**entry["input"], "task": "cars"}
    config = SelectionConfig.model_validate({"strategies": [{**entry, "input": given}]})
    with pytest.raises(
        RunFailed, match=rf"strategies\[0\]: {given['type']}.* needs predictions, which are not emulated"
    ):
        check_selection(config)


def test_strategies_work_together() -> None:
    """The product of all decides: far apart and balanced, among those that pass the threshold."""
    entries = [
        pair("DIVERSITY", "EMBEDDINGS"),
        pair("BALANCE", "METADATA", key="weather", distribution="UNIFORM"),
        pair("THRESHOLD", "METADATA", key="lightly.luminance", **above(10)),
    ]
    config = SelectionConfig.model_validate({"n_samples": 3, "strategies": entries})
    indices = select(config, circle_table(), (), lambda dataset, tag: on_circle(180)).indices
    assert sorted(circle_table().classes["weather"][indices]) == ["foggy", "rainy", "sunny"]
    assert 0 not in indices


def test_the_engine_failing_is_an_error_in_words(capfd: pytest.CaptureFixture[str]) -> None:
    """A panic of the engine neither kills this process nor writes to its terminal."""
    plan = Plan(on_circle(0, 90))
    plan.diversity(1.0, None)
    with pytest.raises(RunFailed, match="the selection engine failed"):
        plan.run(3, [], 2)
    assert capfd.readouterr().err == ""
