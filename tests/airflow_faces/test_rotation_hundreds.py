"""Many datasets on one connection: requests linear, one preflight for each place, progress in the log."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.operators.rotation.result import Ledger, Result, Target
from tests.airflow_faces.rotation_stage import ALL, GET, LIST, PUT, QUEUE, VERIFY, WRONG, Stage, counts
from tests.airflow_faces.variables import Variables

BOTH = ("INPUT", "LIGHTLY")


def many(stage: Stage, count: int, type_: Any = "Images", **paths: str) -> list[str]:
    """So many datasets whose datasources have the first key, set without the operator, which takes longer."""
    return [_one(stage, f"{type_}-{number}", type_, paths) for number in range(count)]


def _one(stage: Stage, name: str, type_: Any, paths: dict[str, str]) -> str:
    dataset_id = stage.api.call(datasets.create_dataset(name, type_)).id
    for purpose in BOTH:
        told = {
            "purpose": purpose,
            "full_path": paths.get(purpose, f"s3://cameras/{purpose.lower()}/"),
            "s3_region": "us-east-1",
            "s3_access_key_id": stage.first[0],
            "s3_secret_access_key": stage.first[1],
        }
        stage.api.call(datasources.put_datasource(dataset_id, S3Config.model_validate(told)))
    return dataset_id


def preflights(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [told for one in caplog.records if (told := one.getMessage().splitlines()[0]).startswith("Preflight of ")]


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_requests_are_linear(stage: Stage, count: int, caplog: pytest.LogCaptureFixture) -> None:
    """Three lists; one request for a dataset that is unchanged, four more for one that has changed; two preflights."""
    ids = many(stage, count)
    stage.connect(stage.second_key())
    first = ids[: count // 10]
    stage.rotate(first, None)
    caplog.clear()
    caplog.set_level("INFO")
    told = stage.rotate(None, None)
    changed, unchanged = count - len(first), len(first)
    assert told == {
        "counts": counts(rotated=2 * changed, unchanged=2 * unchanged),
        "rotated": ids[unchanged:],
        "dry_run": False,
    }
    asked = {LIST: 3, ALL: count, QUEUE: changed, PUT: 2 * changed, VERIFY: changed}
    assert Counter(stage.gate.operations) == asked
    assert preflights(caplog) == [f"Preflight of {one} s3://cameras/{one.lower()}/:" for one in BOTH]
    progress = [one for one in caplog.messages if f" of {count} datasets: " in one]
    tenths = range(1, 10)
    assert progress == [f"{count // 10 * n} of {count} datasets: {_told(count // 10 * n, unchanged)}" for n in tenths]
    assert not [one for one in caplog.messages if one.startswith("Dataset ")]
    stage.delete(stage.first)
    assert all(stage.verified(one) for one in (ids[0], ids[-1]))


def _told(done: int, unchanged: int) -> str:
    rotated = done - unchanged
    return (f"{rotated} rotated, " if rotated else "") + f"{unchanged} unchanged"


def test_a_line_a_dataset_at_debug(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """For whoever looks for one."""
    caplog.set_level("DEBUG", logger="lightly_airflow")
    (dataset_id,) = many(stage, 1)
    stage.rotate(None, None)
    assert f"Dataset {dataset_id} (Images-0): INPUT and LIGHTLY rotated" in caplog.messages


def test_one_preflight_a_place(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Another path, other credentials or, where files are counted, another type of dataset is another place."""
    caplog.set_level("INFO")
    many(stage, 3)
    many(stage, 2, "Videos")
    _one(stage, "elsewhere", "Images", {"LIGHTLY": "s3://cameras/"})
    assert "holds nothing for a dataset of type Videos" in stage.failing(None, purpose=None)
    assert Counter(preflights(caplog)) == {
        "Preflight of INPUT s3://cameras/input/:": 2,
        "Preflight of LIGHTLY s3://cameras/lightly/:": 1,
        "Preflight of LIGHTLY s3://cameras/:": 1,
    }


def test_a_wrong_key_for_many(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """One preflight, nothing sent, and an error that names as many as anybody reads."""
    caplog.set_level("INFO")
    many(stage, 25)
    stage.connect(WRONG)
    told = stage.failing(None, purpose=None)
    assert told.startswith("25 of 25 datasets do not have the credentials of connection 'cameras'")
    assert told.count("INPUT and LIGHTLY refused before: ") == 20
    assert told.endswith("\n- and 5 more, which the table in the log names")
    assert len(preflights(caplog)) == 1
    assert Counter(stage.gate.operations) == {LIST: 3, ALL: 25, VERIFY: 25}


def test_a_dry_run_of_many(stage: Stage, variables: Variables) -> None:
    """Nothing is sent, nothing is kept, and it is told what would be."""
    ids = many(stage, 20)
    stage.connect(stage.second_key())
    told = stage.rotate(None, None, dry_run=True)
    assert told == {"counts": counts(would=40), "rotated": ids, "dry_run": True}
    assert Counter(stage.gate.operations) == {LIST: 3, ALL: 20}
    assert variables == {}
    assert {stage.key_of(one) for one in ids} == {stage.first[0]}


def test_ids_cost_a_request_more(stage: Stage) -> None:
    """The type of each is asked for, if an INPUT has changed."""
    ids = many(stage, 5)
    stage.connect(stage.second_key())
    stage.rotate(ids, None)
    assert Counter(stage.gate.operations) == {ALL: 5, GET: 5, QUEUE: 5, PUT: 10, VERIFY: 5}
    stage.connect(stage.first)
    stage.rotate(ids, "LIGHTLY")
    assert Counter(stage.gate.operations) == {ALL: 5, QUEUE: 5, PUT: 5, VERIFY: 5}


def test_progress_by_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    """Few datasets that take long are told every half minute, many every tenth, and the last one is told by the table."""
    caplog.set_level("INFO")
    now = [0.0]
    ledger = Ledger(4, clock=lambda: now[0])
    for number, (seconds, outcome) in enumerate([(10, "rotated"), (31, "unchanged"), (40, None), (90, "rotated")]):
        now[0] = seconds
        outcomes: Any = {"INPUT": outcome} if outcome else {}
        ledger.add(Result(Target(str(number)), outcomes))
        ledger.progress()
    ledger = Ledger(4, clock=lambda: now[0])
    ledger.wait(1)
    now[0] += 30
    ledger.progress()
    assert caplog.messages == ["2 of 4 datasets: 1 rotated, 1 unchanged", "1 of 4 datasets: 1 waiting for a run"]
