"""LightlyScheduleRunOperator killed at each request of its life, before the effect and after it, in both modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lightly_airflow.testing import Fault, Faults, LightlyEmulator, emulator, faulty
from tests.airflow_faces.conftest import PlayedWorker, ready_dataset
from tests.airflow_faces.killing import Life, Tries, forked_tries, killed_after, killed_before
from tests.airflow_faces.run_life import (
    CANCEL,
    CONFIG,
    DATASET,
    FILE,
    LOGS,
    LOOK,
    QUEUE,
    READ_URL,
    SCHEDULE,
    TAGS,
    WORKERS,
    check,
    working,
)

pytestmark = pytest.mark.slow
# What is asked for, and the how-manieth of its operation within its process it is: to schedule, while waiting (the first
# look, one on the way, one when a worker may have the run), and for the result.
SCHEDULING = [(WORKERS, 0), (DATASET, 0), (QUEUE, 0), (CONFIG, 0), (SCHEDULE, 0)]
WAITING = [(LOOK, 0), (LOOK, 2), (LOOK, 5)]
RESULT = [(LOGS, 0), (TAGS, 0), (READ_URL, 0), (FILE, 0)]
STEPS = {
    "synchronous": {"execute": [*SCHEDULING, *WAITING, (QUEUE, 1), *RESULT]},
    "deferred": {"execute": SCHEDULING, "trigger": [*WAITING, (QUEUE, 0)], "resume": [(LOOK, 0), *RESULT]},
}
POINTS = [(mode, step, *point) for mode, steps in STEPS.items() for step, points in steps.items() for point in points]


@pytest.fixture(scope="module")
def api() -> Iterator[LightlyEmulator]:
    with emulator() as running:
        yield running


@pytest.fixture(scope="module")
def tries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tries]:
    with forked_tries(tmp_path_factory.mktemp("tries")) as running:
        yield running


@pytest.mark.parametrize("kill", [killed_before, killed_after])
@pytest.mark.parametrize(("mode", "step", "operation", "after"), POINTS)
def test_killed_at(
    api: LightlyEmulator,
    tries: Tries,
    tmp_path: Path,
    mode: str,
    step: str,
    operation: str,
    after: int,
    kill: Callable[[Tries], Fault],
) -> None:
    """One process is killed at that request; the one after it takes up what there is: one run, and the whole result."""
    with faulty(api) as faults:
        life = new_life(api, tries, faults, tmp_path, mode)

        def begins(what: str) -> None:
            if what == step and not any(told.startswith(step) for told in life.told):
                faults.on(operation, kill(tries), after=after)

        life.begins = begins
        lived(api, life)
        assert faults.count(CANCEL) == 0
    assert life.told.count(f"{step}: killed") == 1


@pytest.mark.parametrize("mode", STEPS)
def test_no_request_is_left_out(api: LightlyEmulator, tries: Tries, tmp_path: Path, mode: str) -> None:
    """The table above has every request that a life without faults makes."""
    begun: list[tuple[int, str]] = []
    with faulty(api) as faults:
        life = new_life(api, tries, faults, tmp_path, mode)
        life.begins = lambda step: begun.append((faults.count(), step))
        lived(api, life)
        asked = [one.operation for one in faults.requests]
    ends = [at for at, _ in begun[1:]] + [len(asked)]
    made = {step: set(asked[at:end]) for (at, step), end in zip(begun, ends, strict=True)}
    assert made == {step: {operation for operation, _ in points} for step, points in STEPS[mode].items()}


def new_life(api: LightlyEmulator, tries: Tries, faults: Faults, folder: Path, mode: str) -> Life:
    return Life(tries, faults, folder, ready_dataset(api, folder.name), mode == "deferred")


def lived(api: LightlyEmulator, life: Life) -> None:
    with working(life.faults, PlayedWorker(api), life.dataset_id):
        result = life.result()
    check(api, life.dataset_id, result)
