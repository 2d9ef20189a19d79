"""Datasources: tried out on a real bucket, and their secrets seen nowhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import requests
from pydantic import SecretStr, TypeAdapter

from lightly_airflow.contract.errors import LightlyApiError, LightlyNotFound
from lightly_airflow.contract.models.datasources import (
    AzureConfig,
    DatasourceConfig,
    GcsConfig,
    ObsConfig,
    S3DelegatedAccessConfig,
)
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.emulator import page
from lightly_airflow.emulator.routes import listings
from lightly_airflow.emulator.serve import serve

from .conftest import BUCKET, SECRET, TOKEN, Desk, s3_config

KINDS = [
    s3_config("INPUT"),
    S3DelegatedAccessConfig(
        purpose="INPUT", full_path="s3://b/", s3_region="eu-west-1", s3_external_id=SECRET,
        s3_arn="arn:aws:iam::123456789012:role/cameras",
    ),
    AzureConfig(purpose="INPUT", full_path="container/", account_name="cameras", account_key=SecretStr(SECRET)),
    GcsConfig(purpose="INPUT", full_path="gs://b/", gcs_project_id="cameras", gcs_credentials=SecretStr(SECRET)),
    ObsConfig(
        purpose="INPUT", full_path="obs://b/", obs_endpoint="https://obs.example.com",
        obs_access_key_id=SecretStr("id"), obs_secret_access_key=SecretStr(SECRET),
    ),
]  # fmt: skip


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.type)
def test_a_secret_never_comes_back(desk: Desk, config: DatasourceConfig, caplog: pytest.LogCaptureFixture) -> None:
    """Answers carry a mask that the contract accepts in its place; neither log nor page shows more."""
    caplog.set_level(logging.DEBUG)
    dataset_id = desk.dataset(purposes=())
    with serve(desk.emulator.world, [TOKEN]) as server:
        url = f"{server.url}/v1/datasets/{dataset_id}/datasource"
        put = requests.put(f"{url}?token={TOKEN}", data=desk_body(config), timeout=10)
        assert put.status_code == 200
        answers = [requests.get(f"{url}{end}?token={TOKEN}", timeout=10) for end in ("", "/all")]
        shown = "".join([put.text, *(one.text for one in answers), requests.get(server.url, timeout=10).text])
    assert answers[0].json() == answers[1].json()[0]
    assert TypeAdapter(DatasourceConfig).validate_python(answers[0].json()).full_path == config.full_path
    assert SECRET not in shown
    told = [line for line in caplog.text.splitlines() if "lightly_airflow" in line]
    assert any("/v1/datasets/{datasetId}/datasource 200" in line for line in told)
    assert not any(word in line for line in told for word in (SECRET, TOKEN, dataset_id))
    assert page.render(desk.emulator).count(config.full_path) == 1


def desk_body(config: DatasourceConfig) -> bytes:
    return datasources.put_datasource("0" * 24, config).request.body or b""


def test_a_datasource_replaces_the_one_of_its_purpose(desk: Desk) -> None:
    """Its id stays, other purposes stay, and the newest credentials count."""
    dataset_id = desk.dataset()
    before = {one["purpose"]: one["id"] for one in desk.api(datasources.all_datasources(dataset_id))}
    desk.api(datasources.put_datasource(dataset_id, s3_config("INPUT", "s3://elsewhere/")))
    after = desk.api(datasources.all_datasources(dataset_id))
    assert {one["purpose"]: one["id"] for one in after} == before
    assert {one["fullPath"] for one in after} == {"s3://elsewhere/", f"s3://{BUCKET}/lightly/"}
    assert set(desk.api(datasets.get_dataset(dataset_id)).datasources) == set(before.values())


def test_the_old_way_to_ask_prefers_input(desk: Desk) -> None:
    """Without a purpose INPUT comes before LIGHTLY; what is not set is 404."""
    dataset_id = desk.dataset()
    path = f"/v1/datasets/{dataset_id}/datasource"
    assert desk.send("GET", path)[1]["purpose"] == "INPUT"
    assert desk.send("GET", f"{path}?purpose=LIGHTLY")[1]["purpose"] == "LIGHTLY"
    status, body = desk.send("GET", f"{path}?purpose=INPUT_OUTPUT")
    assert (status, body["code"]) == (404, "DATASET_DATASOURCE_UNKNOWN")


def test_a_path_has_to_go_with_its_kind(desk: Desk) -> None:
    """An S3 datasource whose path is none is refused."""
    with pytest.raises(LightlyApiError, match=r"DATASET_DATASOURCE_INVALID.*s3://"):
        desk.api(datasources.put_datasource(desk.dataset(), s3_config("INPUT", "cameras/input/")))


def test_verify_tries_the_bucket(desk: Desk, bucket: Any) -> None:
    """Good datasources have all four permissions, and the probe is gone again."""
    verdict = desk.api(datasources.verify_datasource(desk.dataset()))
    assert (verdict.can_list, verdict.can_read, verdict.can_write, verdict.can_overwrite) == (True,) * 4
    assert verdict.errors is None
    assert list(bucket.objects.all()) == []


def test_verify_names_the_purpose_that_fails(desk: Desk, bucket: Any) -> None:
    """What INPUT lacks takes nothing from LIGHTLY's writing, and the other way round."""
    dataset_id = desk.dataset()
    desk.api(datasources.put_datasource(dataset_id, s3_config("INPUT", "s3://no-such-bucket-here/")))
    verdict = desk.api(datasources.verify_datasource(dataset_id))
    assert (verdict.can_list, verdict.can_read, verdict.can_write, verdict.can_overwrite) == (False, False, True, True)
    assert verdict.errors.can_list.startswith("INPUT: ")
    assert verdict.errors.can_write is None
    assert SECRET not in repr(verdict)


def test_verify_misses_a_datasource(desk: Desk, bucket: Any) -> None:
    """Without LIGHTLY there is no writing, without INPUT no reading, and without any there is nothing to verify."""
    verdict = desk.api(datasources.verify_datasource(desk.dataset("input-only", purposes=("INPUT",))))
    assert (verdict.can_list, verdict.can_read, verdict.can_write, verdict.can_overwrite) == (True, True, False, False)
    assert verdict.errors.can_write == "LIGHTLY: the dataset has no LIGHTLY datasource"
    verdict = desk.api(datasources.verify_datasource(desk.dataset("lightly-only", purposes=("LIGHTLY",))))
    assert (verdict.can_list, verdict.can_read, verdict.can_write, verdict.can_overwrite) == (False, False, True, True)
    assert verdict.errors.can_read == "INPUT: the dataset has no INPUT datasource"
    with pytest.raises(LightlyNotFound, match="DATASET_DATASOURCE_UNKNOWN"):
        desk.api(datasources.verify_datasource(desk.dataset("nothing", purposes=())))


def test_processed_until_is_kept_in_seconds(desk: Desk) -> None:
    """0 at first, then what was put, in the dataset as well."""
    dataset_id = desk.dataset()
    assert desk.api(datasources.get_processed_until(dataset_id)).processed_until_timestamp == 0
    desk.api(datasources.put_processed_until(dataset_id, 1_700_000_000))
    assert desk.api(datasources.get_processed_until(dataset_id)).processed_until_timestamp == 1_700_000_000
    assert desk.api(datasets.get_dataset(dataset_id)).datasource_processed_until_timestamp == 1_700_000_000


def test_a_listing_comes_in_pages_that_can_be_read(desk: Desk, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The divided listing's cursor leads through all images once, each with a URL that gives its bytes."""
    monkeypatch.setattr(listings, "PAGE", 2)
    names = ["a.jpg", "b c.jpg", "dir/d.jpg"]
    for name in [*names, ".lightly/own.jpg", "notes.txt"]:
        bucket.put_object(Key=f"input/{name}", Body=name.encode())
    dataset_id = desk.dataset()
    with serve(desk.emulator.world, [TOKEN]) as server:
        base = f"{server.url}/v1/datasets/{dataset_id}/datasource/list"
        divided = requests.get(f"{base}/dnc?dncShards=4&from=0&token={TOKEN}", timeout=10).json()
        cursor, pages = divided["cursors"][0], 0
        found: dict[str, str] = {}
        while cursor:
            page_ = requests.get(base, params={"cursor": cursor, "token": TOKEN}, timeout=10).json()
            found |= {row["fileName"]: requests.get(row["readUrl"], timeout=10).text for row in page_["data"]}
            cursor, pages = page_["cursor"] if page_["hasMore"] else "", pages + 1
    assert found == {name: name for name in names}
    assert pages == 2


def test_a_listing_keeps_to_its_times(desk: Desk, bucket: Any) -> None:
    """``from`` and ``to`` are both included; before and after there is nothing."""
    changed = bucket.put_object(Key="input/a.jpg", Body=b"a").last_modified
    second = int(changed.timestamp())
    path = f"/v1/datasets/{desk.dataset()}/datasource/list"

    def names(times: str) -> list[str]:
        return [row["fileName"] for row in desk.send("GET", f"{path}?{times}")[1]["data"]]

    assert names(f"from={second}&to={second}") == ["a.jpg"]
    assert names(f"from={second + 1}") == []
    assert names(f"to={second - 1}") == []
    assert desk.send("GET", f"{path}?cursor=nonsense")[0] == 400
    assert desk.send("GET", f"{path}?relevantFilenamesFileName=a.txt")[0] == 501
