"""A dataset with its purposes is rotated as one; and which datasets, out of all that there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import AzureConfig, GcsConfig, LocalConfig, ObsConfig
from lightly_airflow.contract.operations import datasets, datasources
from tests.airflow_faces.rotation_stage import ALL, LIST, PUT, QUEUE, VERIFY, WRONG, Stage, counts

BOTH = {"INPUT": "read", "LIGHTLY": "write"}


def test_both_together_where_the_old_key_is_gone_already(stage: Stage) -> None:
    """LightlyOne verifies both together, so one at a time would fail; the other one still has the key that is gone."""
    (dataset_id,) = stage.datasets(1)
    second = stage.second_key()
    stage.connect(second)
    stage.delete(stage.first)
    assert not stage.verified(dataset_id)
    assert stage.rotate(dataset_id, None)["counts"] == counts(rotated=2)
    assert stage.verified(dataset_id)


def test_one_at_a_time_where_the_old_key_is_gone_already(stage: Stage) -> None:
    """Why the test above says something: this is what LightlyOne answers then."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(stage.second_key())
    stage.delete(stage.first)
    assert f"- {dataset_id} (cameras-0): INPUT broken: no permission to list on INPUT" in stage.failing(dataset_id)


def test_a_connection_for_each_purpose(stage: Stage) -> None:
    """The mapping's keys are the purposes."""
    (dataset_id,) = stage.datasets(1)
    keys = stage.second_key(), stage.first
    for name, key in zip(("READ", "WRITE"), keys, strict=True):
        stage.connect(key, name)
    told = stage.rotate(dataset_id, None, datasource_conn_id=BOTH)
    assert told == {"counts": counts(rotated=2), "rotated": [dataset_id], "dry_run": False}
    assert (stage.key_of(dataset_id), stage.key_of(dataset_id, "LIGHTLY")) == (keys[0][0], keys[1][0])
    assert stage.verified(dataset_id)


def test_only_what_has_changed_is_sent(stage: Stage) -> None:
    """The other purpose is unchanged, and verified all the same."""
    (dataset_id,) = stage.datasets(1)
    for name in ("READ", "WRITE"):
        stage.connect(stage.first, name)
    stage.rotate(dataset_id, None, datasource_conn_id=BOTH)
    stage.connect(stage.second_key(), "WRITE")
    assert stage.rotate(dataset_id, None, datasource_conn_id=BOTH)["counts"] == counts(unchanged=1, rotated=1)
    assert stage.gate.operations == [ALL, QUEUE, PUT, VERIFY]


def test_all_purposes_are_put_back(stage: Stage) -> None:
    """One verification for both, one after both were put back."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(WRONG)
    told = stage.failing(dataset_id, purpose=None, preflight=False, previous_conn_id="previous")
    assert f"- {dataset_id}: INPUT and LIGHTLY rolled back: no permission to list on INPUT" in told
    assert [one for one in stage.gate.operations if one in (PUT, VERIFY)] == [PUT, PUT, VERIFY] * 2
    assert stage.key_of(dataset_id) == stage.key_of(dataset_id, "LIGHTLY") == stage.first[0]
    assert stage.verified(dataset_id)


def test_one_refused_purpose_keeps_the_other_from_being_sent(stage: Stage) -> None:
    """All of a dataset or nothing: half of it could be verified by nobody."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(WRONG, "READ")
    stage.connect(stage.second_key(), "WRITE")
    told = stage.failing(dataset_id, purpose=None, datasource_conn_id=BOTH)
    assert "do not have the credentials of connections 'read' (INPUT), 'write' (LIGHTLY)" in told
    assert f"- {dataset_id} (cameras-0): INPUT and LIGHTLY refused before: LightlyOne could not use INPUT s3" in told
    assert PUT not in stage.gate.operations
    assert stage.verified(dataset_id)


def test_only_one_has_a_way_back(stage: Stage) -> None:
    """What can be put back is; the other one is what LightlyOne has verified by then."""
    (dataset_id,) = stage.datasets(1)
    stage.connect(WRONG, "READ")
    stage.connect(stage.second_key(), "WRITE")
    told = stage.failing(
        dataset_id, purpose=None, datasource_conn_id=BOTH, previous_conn_id={"INPUT": "previous"}, preflight=False
    )
    assert f"- {dataset_id}: INPUT rolled back, LIGHTLY rotated: no permission to list on INPUT" in told
    left = (
        "those of connection 'previous', put back (INPUT), those of connection 'write' (LIGHTLY); LightlyOne can use it"
    )
    assert left in told
    stage.connect(stage.first, "READ")
    assert stage.rotate(dataset_id, None, datasource_conn_id=BOTH)["counts"] == counts(unchanged=1, rotated=1)


def others(stage: Stage) -> None:
    """Datasets that a key of S3 is not for: on other storages, on a disk, and one without datasources."""
    secret: Any = {"purpose": "INPUT"}
    configs: list[Any] = [
        AzureConfig(full_path="cameras/input/", account_name="one", account_key="sas", **secret),
        GcsConfig(full_path="gs://cameras/", gcs_project_id="one", gcs_credentials="{}", **secret),
        ObsConfig(
            full_path="obs://cameras/", obs_endpoint="https://obs.eu-de.example", obs_access_key_id="a",
            obs_secret_access_key="b", **secret,
        ),
        LocalConfig(full_path="", **secret),
    ]  # fmt: skip
    for number, config in enumerate(configs):
        dataset_id = stage.api.call(datasets.create_dataset(f"other-{number}", "Images")).id
        stage.api.call(datasources.put_datasource(dataset_id, config))
    stage.api.call(datasets.create_dataset("unset", "Images"))


def test_all_datasets(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Three lists, no question for a type; what the connection is not for is left out, and counted."""
    ids = stage.datasets(2)
    others(stage)
    stage.connect(stage.second_key())
    assert stage.rotate(None, None) == {"counts": counts(rotated=4), "rotated": ids, "dry_run": False}
    assert stage.gate.operations == [LIST] * 3 + [ALL, QUEUE, PUT, PUT, VERIFY] * 2 + [ALL] * 5
    assert (
        "Datasources that were left out: 6 without such a datasource, 3 on another storage than the connection's,"
        " 1 without credentials"
    ) in capsys.readouterr().out
    assert stage.rotate(None, None)["counts"] == counts(unchanged=4)


def test_with_ids_what_is_not_meant_is_refused(stage: Stage) -> None:
    """Who names a dataset means it."""
    ids = stage.datasets(1)
    others(stage)
    everything = [one.id for one in stage.api.call(datasets.list_datasets(100))]
    told = stage.failing(everything)
    assert told.startswith("5 of 6 datasets do not have")
    assert "INPUT refused before: a datasource of type LOCAL has no credentials; leave the dataset out" in told
    assert ids[0] not in told


def test_by_name(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A shell pattern; one that fits nothing is told."""
    ids = stage.datasets(12)
    assert stage.rotate(None, dataset_name="cameras-1*")["rotated"] == [ids[1], ids[10], ids[11]]
    assert stage.rotate(None, dataset_name="city-*") == {"counts": counts(), "rotated": [], "dry_run": False}
    assert "no name matches dataset_name" in capsys.readouterr().out


def test_below_a_path(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Only one bucket's or directory's datasources; elsewhere they are left out, or refused where the dataset is named."""
    ids = stage.datasets(2)
    told = stage.rotate(None, None, resource_path="s3://cameras/lightly")
    assert (told["counts"], told["rotated"]) == (counts(rotated=2), ids)
    assert "Datasources that were left out: 2 outside resource_path" in capsys.readouterr().out
    assert stage.rotate(None, None, resource_path="s3://cam/")["counts"] == counts()
    why = "INPUT refused before: its INPUT datasource s3://cameras/input/ does not lie in s3://cameras/lightly/"
    assert why in stage.failing(ids, resource_path="s3://cameras/lightly/")


def test_whose_datasets(stage: Stage) -> None:
    """Own ones, shared ones and the team's: the lists that LightlyOne's own client asks for. The emulator knows no others."""
    asked: list[Any] = []
    passed_on = stage.gate.server.emulator.send

    def listen(request: Any, token: Any) -> Any:
        asked.append(dict(request.query))
        return passed_on(request, token)

    stage.gate.server.emulator.send = listen  # type: ignore[method-assign]
    stage.rotate(None)
    page = {"pageSize": "5000", "pageOffset": "0"}
    whose = [{"shared": "False"}, {"shared": "True"}, {"getAssetsOfTeam": "True"}]
    assert asked == [{**one, **page} for one in whose]


def test_a_wrong_type_of_connection_is_no_reason_to_leave_out(stage: Stage) -> None:
    """Else a mistake would look like a success."""
    stage.datasets(1)
    stage.monkeypatch.setenv("AIRFLOW_CONN_WEB", json.dumps({"conn_type": "http"}))
    told = stage.failing(None, datasource_conn_id="web")
    assert "connection 'web' has type 'http'; a datasource needs one of: aws, wasb, google_cloud_platform" in told


def test_pages(stage: Stage) -> None:
    """A full page asks for the next one; each dataset once."""
    from lightly_airflow.client.flows.visible import visible_datasets

    ids = stage.datasets(4)
    hook = stage.operator(dataset_id=None).hook
    stage.gate.operations.clear()
    assert [one.id for one in hook.run(visible_datasets(2))] == ids
    assert stage.gate.operations == [LIST] * 5
