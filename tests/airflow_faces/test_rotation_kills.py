"""LightlyRotateCredentialsOperator in processes that are killed at any moment: good credentials, or the task says which not."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lightly_airflow.testing import (
    Fault,
    Faults,
    emulator,
    every_kind,
    faulty,
    request_lost,
    reset,
    response_lost,
    status,
    truncated,
)
from tests.airflow_faces.killing import Tries, forked_tries, killed_after, killed_before, killed_later
from tests.airflow_faces.rotation_night import Ended, Night, Story
from tests.airflow_faces.rotation_place import Place, faulty_s3, place
from tests.airflow_faces.rotation_tries import AT_VARIABLE
from tests.s3_server import S3Server

SEEDS = range(150)
ROUGH = 3  # tries of a seed that may meet faults; what comes after them meets none
TRIES = 12
# Three tries that do not succeed have at least as many requests to LightlyOne.
SHORTEST = 3
STORIES = {
    "good": Story(preflight=False),
    "refused": Story("unknown key", purposes=("INPUT",)),
    "put back": Story("of use to Airflow alone", preflight=False, previous=True),
    "left": Story("wrong secret", preflight=False),
    "deleted": Story(purposes=("INPUT",), meanwhile="the new key is deleted"),
}
# What may happen at each point: to a request, and to one for a Variable.
KINDS: dict[str, tuple[Callable[[Tries], Fault], str]] = {
    "killed before": (killed_before, "killed before the effect"),
    "killed after": (killed_after, "killed after the effect"),
    "answer lost": (lambda _: response_lost(), "answer lost"),
}
_PROBE = re.compile(r"access-check-\w+")  # another name in each try


@pytest.fixture(scope="module")
def stage(running_s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    tries = forked_tries(tmp_path_factory.mktemp("tries"), "tests.airflow_faces.rotation_tries")
    with tries as running, emulator() as api, place(api, running_s3, running) as made:
        yield made


def until_over(night: Night, rough: list[Callable[[], Ended]], same: int = 1) -> None:
    """Retries as Airflow does: until success, or until the task has failed so often in the same way without a fault."""
    errors: list[str] = []
    for number in range(TRIES):
        calm = number >= len(rough)
        ended = night.calm() if calm else rough[number]()
        print(ended)
        errors += [_PROBE.sub("", ended.error)] if calm else []
        if ended.result or (len(errors) >= same and len(set(errors[-same:])) == 1):
            return
        if number == 0:
            night.happens()
    raise AssertionError(f"not over after {TRIES} tries")


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("what", KINDS)
def test_every_point(stage: Place, tmp_path: Path, story: Story, what: str) -> None:
    """The task is killed at each request and each one for a Variable in turn, before or after it, or hears nothing of it."""
    requests, variables = points(stage, story, folder(tmp_path, "counted"))
    for number in range(variables):
        print("Variable", number)
        at_variable(Night(stage, story, folder(tmp_path, f"Variable {number}")), number + 1, what)
    for server, count in requests.items():
        for number in range(count):
            print("request", number, "to", server)
            at_request(Night(stage, story, folder(tmp_path, f"{server} {number}")), server, number, what)


def points(stage: Place, story: Story, path: Path) -> tuple[dict[str, int], int]:
    """How many requests a first try makes to each server, and how many for Variables, if nothing goes wrong."""
    with faulty(stage.api) as api, faulty_s3(stage.s3) as s3:
        ended = Night(stage, story, path).attempt(api, s3)
        return {"LightlyOne": api.count(), "S3": s3.count()}, ended.variables


def at_variable(night: Night, number: int, what: str) -> None:
    """A story whose first try is struck at a request for a Variable."""
    calm = (night.place.calm_api, night.place.calm_s3)
    until_over(night, [partial(night.attempt, *calm, (number, KINDS[what][1]))])
    night.check_unharmed()
    assert (night.folder / "struck").exists(), "a fault that never fired proves nothing"


def at_request(night: Night, server: str, number: int, what: str) -> None:
    """A story whose first try is struck at a request."""
    with faulty(night.place.api) as api, faulty_s3(night.place.s3) as s3:
        {"LightlyOne": api, "S3": s3}[server].on("*", KINDS[what][0](night.place.tries), after=number)
        until_over(night, [partial(night.attempt, api, s3)])
        night.check_unharmed()


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment(stage: Place, tmp_path: Path, seed: int) -> None:
    """However often the task is killed, whatever else goes wrong, and whatever the author has done."""
    chance = random.Random(seed)
    night = Night(stage, Story.drawn(chance), tmp_path)
    kills = [killed_before(stage.tries), killed_after(stage.tries), killed_later(stage.tries, chance.uniform(0, 0.02))]
    with faulty(stage.api) as api, faulty_s3(stage.s3) as s3:
        api.on("*", chance.choice([*kills, response_lost()]), after=chance.randrange(SHORTEST))
        more = [api.random(seed, chance.uniform(0, 0.2), [*kills, *every_kind()])]
        more += [s3.random(seed, chance.uniform(0, 0.1), [*kills, *of_s3()])]
        try:
            until_over(night, [partial(rough, night, api, s3, chance)] * ROUGH, same=2)
            night.check_mended()
            night.check_unharmed()
        finally:
            print(night.story, *more, *api.requests, *s3.requests, sep="\n")


def rough(night: Night, api: Faults, s3: Faults, chance: random.Random) -> Ended:
    """A try that may be struck at requests, also at one for a Variable, and at its end."""
    at_variable = (chance.randint(1, 4), chance.choice(AT_VARIABLE)) if chance.random() < 0.3 else None
    return night.attempt(api, s3, at_variable, dies_with_result=chance.random() < 0.2)


def of_s3() -> list[Fault]:
    """What obstore, which asks again after tenths of a second, may meet."""
    cut = [reset(), truncated(length_fits=False)]
    return [response_lost(), request_lost(), status(500, json_body=False), status(503, json_body=False), *cut]
