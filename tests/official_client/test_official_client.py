"""LightlyOne's own Python client, unmodified, drives the emulator: what it does not notice, an author will not either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from lightly_airflow.demo.photos import PHOTOGRAPHS, photograph_of, photographs, upload
from lightly_airflow.testing import LightlyEmulator, emulator
from tests.official_client.client import ask_client, needs_client
from tests.s3_server import S3Server

SECRET = "a-secret-that-must-come-back-nowhere"

pytestmark = needs_client


@pytest.fixture(scope="module")
def lightly() -> Iterator[LightlyEmulator]:
    with emulator() as running, running.worker():
        yield running


@pytest.fixture(scope="module")
def bucket(running_s3: S3Server) -> Iterator[S3Server]:
    running_s3.reset()
    upload(photographs(), running_s3.client, "cameras")
    yield running_s3
    running_s3.reset()


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def told(lightly: LightlyEmulator, bucket: S3Server, downloads: Path) -> dict[str, Any]:
    """What the client returned on its way."""
    answer: dict[str, Any] = ask_client(lightly, "journey.py", "AKIAJOURNEY", SECRET, downloads, len(PHOTOGRAPHS))
    return answer


def test_verifies_the_datasources(told: dict[str, Any]) -> None:
    """All four permissions are there, and no errors."""
    assert told["permissions"] == {"can_list": True, "can_read": True, "can_write": True, "can_overwrite": True}


def test_finds_the_dataset_until_it_is_deleted(told: dict[str, Any]) -> None:
    """The dataset is there by id, by name and in the list, and gone once it is deleted."""
    assert (told["exists"], told["datasets"], told["by name"]) == (True, ["official-journey"], [True])
    assert told["exists after deletion"] is False


def test_lists_the_raw_samples(told: dict[str, Any]) -> None:
    """The datasource's listing has every photograph of the bucket with its near-duplicates."""
    assert {photograph_of(name) for name in told["raw samples"]} >= {Path(name).stem for name in PHOTOGRAPHS}


def test_follows_the_run_to_its_end(told: dict[str, Any]) -> None:
    """The run is queued, ends COMPLETED, and is found again by its dataset."""
    assert told["queue"] in ([True], [])  # a fast worker may have done it before it was looked for
    assert (told["states"], told["runs"]) == (["COMPLETED"], [True])
    assert told["message"] == "selected 8 of 32 images (1 corrupt, 1 of another type skipped)"


def test_exports_one_of_each_photograph(told: dict[str, Any]) -> None:
    """The run's tag holds one picture of each photograph, by every way of asking for its files."""
    assert sorted(map(photograph_of, told["selected"])) == sorted(Path(name).stem for name in PHOTOGRAPHS)
    assert told["in the tag"] == told["selected"] == told["filenames"]
    assert [entry["fileName"] for entry in told["with URLs"]] == told["selected"]
    assert [entry["datasourceUrl"] for entry in told["with URLs"]] == [
        f"s3://cameras/input/{name}" for name in told["selected"]
    ]


def test_downloads_what_the_run_made(told: dict[str, Any], downloads: Path) -> None:
    """The report is a PDF, the log has lines, and the corrupt image is named."""
    assert len(PdfReader(downloads / "report.pdf").pages) >= 1
    assert "selected 8 of" in (downloads / "log.txt").read_text()
    assert list(json.loads((downloads / "corrupt.json").read_text())["corrupt_samples"]) == ["broken/cut-off.jpg"]


def test_sees_the_workers(told: dict[str, Any]) -> None:
    """The worker that the client registered stands beside the emulator's own."""
    assert told["workers"] == {"emulator": [], "another worker": ["gpu"]}


def test_never_gets_the_secret_back(told: dict[str, Any]) -> None:
    """The datasource comes back masked."""
    assert SECRET not in json.dumps(told)
    assert told["datasource"]["s3SecretAccessKey"] == "****"
