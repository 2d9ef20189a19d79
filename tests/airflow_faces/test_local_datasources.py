"""Local disks: no connection, a path under the worker's mount, and a night's curation from disk to disk."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.contract.operations import datasets
from lightly_airflow.exceptions import LightlyInputError
from lightly_airflow.hooks.datasource import CannotTry, DatasourceOptions, datasource_hook
from lightly_airflow.operators import (
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)
from lightly_airflow.storage.reach import HERE
from lightly_airflow.testing import LightlyEmulator
from tests.pictures import pictures

SELECTION = {"n_samples": 3, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}
PURPOSES: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that has ``input`` and ``lightly``, the two mounts, each with an empty ``cameras/``."""
    for name in ("input", "lightly"):
        (tmp_path / name / "cameras").mkdir(parents=True)
        monkeypatch.setenv(f"LIGHTLY_{name.upper()}_MOUNT", str(tmp_path / name))
    return tmp_path


def config(path: str, location: str | None = None) -> dict[str, Any]:
    options = DatasourceOptions(web_server_location=location)
    return wire(datasource_hook(None, path).config(path, "INPUT", options))


def set_datasource(dataset_id: str, path: str, purpose: str, **options: Any) -> LightlySetDatasourceOperator:
    return LightlySetDatasourceOperator(
        task_id="t", dataset_id=dataset_id, resource_path=path, purpose=purpose, **options
    )


@pytest.mark.parametrize(
    ("path", "sent"), [("cameras/day/", "cameras/day/"), ("cameras/day", "cameras/day/"), ("", "")]
)
def test_wire_body(path: str, sent: str) -> None:
    """A relative path, and where the browser finds the files."""
    assert config(path) == {
        "type": "LOCAL",
        "purpose": "INPUT",
        "fullPath": sent,
        "thumbSuffix": ".lightly/thumbnails/[filename]_thumb.[extension]",
        "webServerLocation": "http://localhost:3456",
    }


def test_web_server_location() -> None:
    """The author may serve the files elsewhere; what is no URL is refused."""
    assert config("cameras/", "https://files.example.com")["webServerLocation"] == "https://files.example.com"
    with pytest.raises(LightlyConfigError) as caught:
        config("cameras/", "files.example.com")
    assert str(caught.value) == (
        "local disk: web_server_location is a URL such as http://localhost:3456, not 'files.example.com'"
    )


@pytest.mark.parametrize("path", ["/cameras/", "cameras//day/", "cameras/../day/", "./cameras/", "cameras/ day/", ".."])
def test_refused_paths(path: str) -> None:
    """A path is relative and stays inside its mount."""
    with pytest.raises(LightlyConfigError) as caught:
        config(path)
    assert str(caught.value) == f"{path!r} is no local path; write dir/, relative to the worker's mount"


def test_forgotten_connection() -> None:
    """A bucket's path without a connection is not taken for a directory."""
    with pytest.raises(LightlyConfigError) as caught:
        config("s3://cameras/day/")
    assert str(caught.value) == "the resource path is no local one; name its storage's connection: datasource_conn_id"


def test_only_the_worker_can_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mounts: Path) -> None:
    """Airflow tries a disk that it has itself, and says so of another."""
    hook = datasource_hook(None, "cameras/")
    source = hook.config("cameras/", "INPUT", DatasourceOptions())
    assert hook.reach(source) == HERE
    monkeypatch.setenv("LIGHTLY_INPUT_MOUNT", str(tmp_path / "gone"))
    with pytest.raises(CannotTry) as caught:
        hook.reach(source)
    assert str(caught.value) == f"this machine has no {tmp_path / 'gone'}, so only the worker can tell"


def test_disk_that_airflow_lacks_is_set_untried(
    lightly_api: LightlyEmulator, context: dict[str, Any], dataset_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the mount on this machine, the datasource is set with a warning."""
    caplog.set_level(logging.WARNING)
    told = set_datasource(dataset_id, "cameras/", "INPUT").execute(context)
    assert told == {"dataset_id": dataset_id, "purpose": "INPUT", "type": "LOCAL", "resource_path": "cameras/"}
    assert "only the worker can tell" in caplog.text


def test_web_server_location_is_local_alone(
    context: dict[str, Any], dataset_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other storages are shown by signed URLs, so the option would do nothing."""
    aws = {"conn_type": "aws", "login": "AKIAKEY", "password": "secret", "extra": {"region_name": "eu-central-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(aws))
    options = {"datasource_conn_id": "cameras", "web_server_location": "http://localhost:3456"}
    with pytest.raises(LightlyInputError, match="^web_server_location: S3 datasources have none; remove it$"):
        set_datasource(dataset_id, "s3://cameras/day/", "INPUT", **options).execute(context)


def test_a_night_from_disk_to_disk(lightly_emulator: LightlyEmulator, context: dict[str, Any], mounts: Path) -> None:
    """Images are read under the input mount, results are written under the other."""
    for name, content in pictures().items():
        file = mounts / "input/cameras" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    dataset_id = lightly_emulator.call(datasets.create_dataset("cameras", "Images")).id
    for purpose in PURPOSES:
        set_datasource(dataset_id, "cameras/", purpose).execute(context)
    LightlyVerifyDatasourceOperator(task_id="t", dataset_id=dataset_id).execute(context)
    summary = LightlyScheduleRunOperator(
        task_id="t", dataset_id=dataset_id, selection_config=SELECTION, poll_interval=0.1, deferrable=False
    ).execute(context)
    assert (summary["state"], summary["counts"]["selected"]) == ("COMPLETED", 3)
    thumbnails = (mounts / "lightly/cameras/.lightly/thumbnails").rglob("*_thumb.*")
    assert len(list(thumbnails)) == 3
