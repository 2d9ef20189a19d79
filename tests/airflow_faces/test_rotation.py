"""LightlyRotateCredentialsOperator, on an S3 server that enforces policies, with LightlyOne's own verification."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.contract.wire import Response
from lightly_airflow.exceptions import LightlyInputError
from lightly_airflow.operators import LightlyRotateCredentialsOperator
from tests.airflow_faces.rotation_stage import ALL, GET, PUT, QUEUE, VERIFY, WRONG, Stage, counts
from tests.airflow_faces.variables import Variables


def test_the_whole_story(stage: Stage) -> None:
    """A second key, the connection switched, both purposes rotated, the first key deleted: LightlyOne still gets in."""
    (dataset_id,) = stage.datasets(1)
    before = stage.api.call(datasources.all_datasources(dataset_id))
    second = stage.second_key()
    stage.connect(second)
    assert stage.rotate(dataset_id, None) == {"counts": counts(rotated=2), "rotated": [dataset_id], "dry_run": False}
    assert stage.gate.operations == [ALL, GET, QUEUE, PUT, PUT, VERIFY]
    stage.delete(stage.first)
    assert stage.verified(dataset_id)
    assert stage.key_of(dataset_id) == stage.key_of(dataset_id, "LIGHTLY") == second[0]
    # Path, region and thumbnails are as they were; the connection names another region.
    assert stage.api.call(datasources.all_datasources(dataset_id)) == before


def test_unchanged_the_second_time(stage: Stage) -> None:
    """One question for each dataset, and nothing is set."""
    ids = stage.datasets(2)
    stage.rotate(ids)
    assert stage.rotate(ids)["counts"] == counts(unchanged=2)
    assert stage.gate.operations == [ALL] * 2


def test_a_wrong_key_is_refused_before_anything_is_sent(stage: Stage) -> None:
    """The old one still works, and the error names the dataset and the reason."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(WRONG)
    told = stage.failing(dataset_id)
    assert told.startswith(
        "1 of 1 datasets do not have the credentials of connection 'cameras' or cannot be used with them:\n"
        f"- {dataset_id} (cameras-0): INPUT refused before: LightlyOne could not use INPUT s3://cameras/input/:\n- list: "
    )
    assert "the access key id is unknown" in told
    assert PUT not in stage.gate.operations
    assert stage.verified(dataset_id)


def test_a_failed_verification_is_rolled_back(stage: Stage) -> None:
    """The previous key is set again, and LightlyOne gets in."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(WRONG)
    told = stage.failing(dataset_id, preflight=False, previous_conn_id="previous")
    assert f"- {dataset_id}: INPUT rolled back: no permission to list on INPUT s3://cameras/input/" in told
    assert "\n  It is left with those of connection 'previous', put back; LightlyOne can use it" in told
    assert [one for one in stage.gate.operations if one in (PUT, VERIFY)] == [PUT, VERIFY, PUT, VERIFY]
    assert stage.verified(dataset_id)
    assert stage.key_of(dataset_id) == stage.first[0]


def test_a_failed_verification_without_a_way_back(stage: Stage) -> None:
    """The error says what the dataset is left with; the next one there is spared; switching back mends the first."""
    ids = stage.datasets(2)
    stage.rotate(ids)
    stage.connect(WRONG)
    told = stage.failing(ids, preflight=False)
    assert f"- {ids[0]}: INPUT broken: no permission to list on INPUT s3://cameras/input/" in told
    assert "\n  It is left with those of connection 'cameras'\n" in told
    assert (
        f"- {ids[1]}: INPUT refused before: LightlyOne could not use the credentials there for dataset {ids[0]}" in told
    )
    assert [stage.key_of(one) for one in ids] == [WRONG[0], stage.first[0]]
    stage.connect(stage.first)
    again = stage.rotate(ids)
    assert (again["counts"], again["rotated"]) == (counts(rotated=1, unchanged=1), [ids[0]])
    assert stage.verified(ids[0])


def test_previous_credentials_that_do_no_better(stage: Stage) -> None:
    """Broken, and the error says with what."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(WRONG)
    stage.connect(WRONG, "PREVIOUS")
    told = stage.failing(dataset_id, preflight=False, previous_conn_id="previous")
    assert f"- {dataset_id}: INPUT broken: " in told
    left = "It is left with those of connection 'previous', put back; LightlyOne cannot use it: no permission to list"
    assert left in told


def test_a_failed_dataset_does_not_stop_the_others(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has them all."""
    ids = stage.datasets(1)
    unset = stage.api.call(datasets.create_dataset("unset", "Images")).id
    told = stage.failing([unset, *ids])
    assert f"- {unset}: INPUT refused before: it has no INPUT datasource; LightlySetDatasourceOperator sets one" in told
    assert told.startswith("1 of 2 ")
    assert (
        "The credentials of connection 'cameras':\n"
        "  dataset                               purpose       outcome\n"
        f"  {unset}              INPUT         refused before\n"
        f"  {ids[0]} (cameras-0)  INPUT         rotated"
    ) in capsys.readouterr().out


def test_twenty_datasets_on_one_connection(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """One preflight, and five requests a dataset: two of them for its type and for its runs."""
    caplog.set_level("INFO")
    ids = stage.datasets(20)
    stage.connect(stage.second_key())
    assert stage.rotate(ids)["counts"] == counts(rotated=20)
    assert len([one for one in caplog.records if one.getMessage().startswith("Preflight of ")]) == 1
    assert stage.gate.operations == [ALL, GET, QUEUE, PUT, VERIFY] * 20


def test_a_dry_run_changes_nothing(stage: Stage, variables: Variables) -> None:
    """It says what would be done, and what would be refused."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(stage.second_key())
    would = {"counts": counts(would=1), "rotated": [dataset_id], "dry_run": True}
    assert stage.rotate(dataset_id, dry_run="True") == would
    stage.connect(WRONG)
    assert "refused before" in stage.failing(dataset_id, dry_run=True)
    assert {PUT, VERIFY}.isdisjoint(stage.gate.operations)
    assert (stage.key_of(dataset_id), variables) == (stage.first[0], {})


def test_without_a_fernet_key(stage: Stage, variables: Variables, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is kept, everything is set anew, and the log says so."""
    stage.monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "{FERNET_KEY}")  # what an Airflow without one answers
    ids = stage.datasets(1)
    assert [stage.rotate(ids)["counts"] for _ in range(2)] == [counts(rotated=1)] * 2
    assert variables == {}
    assert "Airflow has no [core] fernet_key here" in caplog.text


def test_no_secret_is_told(
    stage: Stage, variables: Variables, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither in log, result, error or Variable, whatever the outcome."""
    caplog.set_level("DEBUG", logger="lightly_airflow")
    (dataset_id,) = stage.datasets(1)
    second = stage.second_key()
    stage.connect(second)
    told = [json.dumps(stage.rotate(dataset_id)), json.dumps(variables)]
    stage.connect(WRONG)
    told += [stage.failing(dataset_id), stage.failing(dataset_id, preflight=False, previous_conn_id="previous")]
    told += [stage.failing(dataset_id, preflight=False), json.dumps(variables), caplog.text, *capsys.readouterr()]
    for secret in (*stage.first, *second, *WRONG):
        assert secret not in "\n".join(told)


def test_what_lightlyone_itself_refuses(stage: Stage) -> None:
    """Nothing was replaced, so nothing is put back."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(stage.second_key())
    refused = Response(400, b'{"code": "DATASET_DATASOURCE_INVALID", "error": "not today"}')
    stage.gate.answers = lambda operation: refused if operation == PUT else None
    told = stage.failing(dataset_id, previous_conn_id="previous")
    assert f"- {dataset_id} (cameras-0): INPUT refused before: " in told
    assert "not today" in told
    assert told.endswith("\n  What LightlyOne has still works")
    assert stage.gate.operations.count(PUT) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dry_run": "perhaps"}, "dry_run: 'perhaps' is neither true nor false"),
        (
            {"dataset_id": "['a', 'b']"},
            "is neither an id nor a list of ids; a template renders a list as text: take another",
        ),
        ({"dataset_id": 7}, "dataset_id: 7 is neither an id nor a list of ids"),
    ],
)
def test_arguments_that_cannot_be_right(stage: Stage, arguments: dict[str, Any], message: str) -> None:
    """Found before the first request, and not retried."""
    with pytest.raises(LightlyInputError) as caught:
        stage.rotate(**{"dataset_id": "x", **arguments})
    assert message in str(caught.value)
    assert stage.gate.operations == []


def test_unknown_purpose_is_found_when_the_dag_is_parsed() -> None:
    """A literal that is none of the purposes."""
    with pytest.raises(LightlyConfigError, match="purpose: 'OUTPUT' is not one of INPUT, LIGHTLY, INPUT_OUTPUT"):
        LightlyRotateCredentialsOperator(task_id="t", dataset_id="x", datasource_conn_id="c", purpose="OUTPUT")
