"""A dataset is made once, whatever happens on the way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lightly_airflow.client.drive import drive
from lightly_airflow.client.flows.datasets import DatasetOutcome, IfExists, ensure_dataset, whoami
from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.client.transports import RequestsTransport
from lightly_airflow.contract.errors import LightlyConfigError, LightlyError, LightlyForbidden, LightlyServerError
from lightly_airflow.contract.operations import datasets, workers
from lightly_airflow.contract.wire import Response
from lightly_airflow.emulator.serve import serve
from lightly_airflow.emulator.world import World
from tests.client.flows.conftest import TOKEN, Fault, Lightly
from tests.client.script import Script, lost, no, ok

ID, OTHER = "0123456789abcdef01234567", "f" * 24
LOOK, MAKE = datasets.QUERY_BY_NAME.operation, datasets.CREATE.operation
NONE = ok([])
MADE = ok({"id": ID}, 201)


def listed(name: str = "cars", dataset_type: str = "Images", dataset_id: str = ID) -> Response:
    return ok(
        [
            {
                "id": dataset_id, "name": name, "userId": "u", "type": dataset_type, "nSamples": 0, "sizeInBytes": 0,
                "createdAt": 1, "lastModifiedAt": 1,
            }
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("if_exists", "steps", "outcome", "trace"),
    [
        ("return", [NONE, MADE], DatasetOutcome(ID, "cars", created=True), [LOOK, MAKE]),
        ("fail", [NONE, MADE], DatasetOutcome(ID, "cars", created=True), [LOOK, MAKE]),
        ("skip", [NONE, MADE], DatasetOutcome(ID, "cars", created=True), [LOOK, MAKE]),
        ("unique", [NONE, MADE], DatasetOutcome(ID, "cars", created=True), [LOOK, MAKE]),
        ("return", [listed()], DatasetOutcome(ID, "cars", created=False), [LOOK]),
        ("skip", [listed()], DatasetOutcome(ID, "cars", created=False), [LOOK]),
        (
            "unique",
            [listed(), listed("cars_1"), NONE, MADE],
            DatasetOutcome(ID, "cars_2", created=True),
            [LOOK, LOOK, LOOK, MAKE],
        ),
    ],
)
def test_a_name_that_exists_is_treated_as_asked(
    if_exists: IfExists, steps: list[Response | LightlyError], outcome: DatasetOutcome, trace: list[str | float]
) -> None:
    """Each of the four ways, with the name free and taken."""
    script = Script([*steps])
    assert script.play(ensure_dataset("cars", "Images", if_exists)) == outcome
    assert script.trace == trace


@pytest.mark.parametrize(
    ("steps", "created", "trace"),
    [
        # the first request did arrive
        ([NONE, lost(), listed()], True, [LOOK, MAKE, LOOK]),
        ([NONE, lost("timeout"), listed()], True, [LOOK, MAKE, LOOK]),
        ([NONE, no(502), listed()], True, [LOOK, MAKE, LOOK]),
        ([NONE, Response(200, b"<html>"), listed()], True, [LOOK, MAKE, LOOK]),
        # it did not
        ([NONE, lost(), NONE, MADE], True, [LOOK, MAKE, LOOK, 1.0, MAKE]),
        ([NONE, no(500), NONE, lost(), NONE, MADE], True, [LOOK, MAKE, LOOK, 1.0, MAKE, LOOK, 2.0, MAKE]),
        # it certainly did not, and so nobody needs to look
        ([NONE, lost("refused"), MADE], True, [LOOK, MAKE, 1.0, MAKE]),
        ([NONE, no(429), MADE], True, [LOOK, MAKE, 10.0, MAKE]),
        # somebody else was faster
        ([NONE, no(409), listed()], False, [LOOK, MAKE, LOOK]),
        ([NONE, no(400, "DATASET_NAME_EXISTS"), listed()], False, [LOOK, MAKE, LOOK]),
        ([NONE, lost(), NONE, no(409), listed()], False, [LOOK, MAKE, LOOK, 1.0, MAKE, LOOK]),
    ],
)
def test_faults_and_neighbours_make_no_second_dataset(
    steps: list[Response | LightlyError], created: bool, trace: list[str | float]
) -> None:
    """After a lost answer the name is looked up before anything is sent again."""
    script = Script([*steps])
    assert script.play(ensure_dataset("cars", "Images", "return")) == DatasetOutcome(ID, "cars", created=created)
    assert script.trace == trace


@pytest.mark.parametrize(
    ("if_exists", "steps", "message"),
    [
        (
            "fail",
            [listed()],
            "dataset 'cars' exists already; choose another name, or if_exists='return', 'skip' or 'unique'",
        ),
        (
            "fail",
            [NONE, no(409)],
            "dataset 'cars' exists already; choose another name, or if_exists='return', 'skip' or 'unique'",
        ),
        (
            "return",
            [listed(dataset_type="Videos")],
            "dataset 'cars' exists with type Videos, not Images; choose another name or that type",
        ),
        (
            "return",
            [NONE, lost(), listed(dataset_type="Videos")],
            "dataset 'cars' exists with type Videos, not Images; choose another name or that type",
        ),
        (
            "skip",
            [NONE, no(409), NONE],
            (
                "LightlyOne says that a dataset 'cars' exists but does not list it;"
                " it may belong to a team: choose another name"
            ),
        ),
    ],
)
def test_what_cannot_be_is_told(if_exists: IfExists, steps: list[Response | LightlyError], message: str) -> None:
    """One sentence, with what the author can do."""
    script = Script([*steps])
    with pytest.raises(LightlyConfigError) as caught:
        script.play(ensure_dataset("cars", "Images", if_exists))
    assert (str(caught.value), script.steps) == (message, [])


@pytest.mark.parametrize("if_exists", ["return", "fail", "skip", "unique"])
def test_an_illegal_name_sends_nothing(if_exists: IfExists) -> None:
    """The rule is known here; nobody needs to be asked."""
    script = Script([])
    with pytest.raises(LightlyConfigError, match="is no dataset name"):
        script.play(ensure_dataset("a/b", "Images", if_exists))
    assert script.trace == []


def test_only_the_exact_name_counts() -> None:
    """What a server lists beside it is another dataset."""
    script = Script([listed("cars2", dataset_id=OTHER), MADE])
    assert script.play(ensure_dataset("cars", "Images", "return")).dataset_id == ID


def test_trying_ends() -> None:
    """A server that is down for good is told, after four tries that each were looked after."""
    script = Script([NONE, *[no(500), NONE] * 3, no(500)])
    with pytest.raises(LightlyServerError):
        script.play(ensure_dataset("cars", "Images", "return"))
    assert script.trace == [LOOK, MAKE, LOOK, 1.0, MAKE, LOOK, 2.0, MAKE, LOOK, 4.0, MAKE]


def test_a_refusal_is_final() -> None:
    """A plan that does not cover a dataset does not cover it a second later."""
    script = Script([NONE, no(402, "ACCOUNT_SUBSCRIPTION_INSUFFICIENT")])
    with pytest.raises(LightlyForbidden):
        script.play(ensure_dataset("cars", "Images", "return"))
    assert script.trace == [LOOK, MAKE]


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_leaves_one_dataset(lightly: Lightly, arrives: bool) -> None:
    """At the emulator, with the answer lost after the effect or the request lost before it."""
    lightly.faults = [Fault(datasets.CREATE, lost(), arrives)]
    outcome = lightly.play(ensure_dataset("cars", "Images", "return"))
    assert [one.id for one in lightly.call(datasets.list_datasets(100))] == [outcome.dataset_id]
    assert lightly.count(datasets.CREATE) == (1 if arrives else 2)


def test_twenty_at_once_make_one_dataset() -> None:
    """Mapped tasks start together; all get the same dataset, and one of them has made it."""
    world, together = World(), threading.Barrier(20)

    def make(url: str) -> DatasetOutcome:
        with RequestsTransport(ApiSettings(TOKEN, url)) as transport:
            together.wait()
            return drive(ensure_dataset("cars", "Images", "return"), transport.send)

    with serve(world, [TOKEN]) as server, ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(make, [server.url] * 20))
        (made,) = server.emulator.api(TOKEN)(datasets.list_datasets(100))
    world.close()
    assert {outcome.dataset_id for outcome in outcomes} == {made.id}
    assert sum(outcome.created for outcome in outcomes) == 1


def test_unique_names_count_up(lightly: Lightly) -> None:
    """Every call gets a dataset of its own."""
    outcomes = [lightly.play(ensure_dataset("cars", "Images", "unique")) for _ in range(3)]
    assert [outcome.name for outcome in outcomes] == ["cars", "cars_1", "cars_2"]


def test_a_name_that_is_grabbed_meanwhile_is_passed_over() -> None:
    """Unique goes on to the next name when somebody else was faster."""
    script = Script([NONE, no(409), NONE, MADE])
    assert script.play(ensure_dataset("cars", "Images", "unique")).name == "cars_1"


def test_datasets_and_workers_tell_whose_token_it_is(lightly: Lightly) -> None:
    """Nobody, the owner of a worker, the owner of a dataset: all the same user."""

    def user(talk: Any) -> str:
        return str(lightly.play(talk))

    assert lightly.play(whoami()) is None
    lightly.call(workers.register_worker("worker", []))
    by_worker = user(whoami())
    lightly.dataset()
    assert user(whoami()) == by_worker
