"""LightlyScheduleRunOperator in processes that are killed at any moment: one run, and the right answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightly_airflow.testing import LightlyEmulator, emulator, every_kind, faulty
from tests.airflow_faces.conftest import PlayedWorker, ready_dataset
from tests.airflow_faces.killing import Life, Tries, forked_tries, killed_after, killed_before, killed_later
from tests.airflow_faces.run_life import CANCEL, check, working

SEEDS = [("synchronous", seed) for seed in range(250)] + [("deferred", seed) for seed in range(130)]
# No life of a run has fewer requests, whatever befalls it: one config, one schedule, six looks, three for the result.
SHORTEST_LIFE = 11


@pytest.fixture(scope="module")
def api() -> Iterator[LightlyEmulator]:
    with emulator() as running:
        yield running


@pytest.fixture(scope="module")
def tries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tries]:
    with forked_tries(tmp_path_factory.mktemp("tries")) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "seed"), SEEDS)
def test_killed_at_any_moment(api: LightlyEmulator, tries: Tries, tmp_path: Path, mode: str, seed: int) -> None:
    """However often task and triggerer are killed, and whatever else goes wrong: one run, and the whole result."""
    chance = random.Random(seed)
    kills = [killed_before(tries), killed_after(tries), killed_later(tries, chance.uniform(0, 0.01))]
    dataset_id = ready_dataset(api, f"cameras {mode} {seed}")
    with faulty(api) as faults:
        faults.on("*", chance.choice(kills), after=chance.randrange(SHORTEST_LIFE))
        more = faults.random(seed, chance.uniform(0, 0.3), [*kills, *every_kind()])
        dies_with = [kind for kind in ("result", "deferred") if chance.random() < 0.2]
        life = Life(tries, faults, tmp_path, dataset_id, mode == "deferred", dies_with=tuple(dies_with))
        life.alone, life.fires_twice = chance.random() < 0.3, chance.random() < 0.3
        try:
            with working(faults, PlayedWorker(api), dataset_id):
                result = life.result()
        finally:
            print(mode, seed, life.told, more, *faults.requests, sep="\n")
        assert faults.count(CANCEL) == 0
    check(api, dataset_id, result)
