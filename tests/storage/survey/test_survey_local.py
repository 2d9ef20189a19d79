"""Surveys of local disks: everything stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightly_airflow.contract.models.datasources import LocalConfig
from tests.storage.survey.conftest import Look

CONFIG = LocalConfig(purpose="INPUT", full_path="raw/")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The datasource's directory on the mount of inputs."""
    monkeypatch.setenv("LIGHTLY_INPUT_MOUNT", str(tmp_path))
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def test_all_inputs_last(disk: Path, look: Look) -> None:
    """In all subdirectories, those of the dataset's type; others are counted, LightlyOne's own are not seen."""
    for name in ("a.jpg", "sub/b.PNG", "c.txt", ".lightly/d.jpg"):
        (disk / name).parent.mkdir(exist_ok=True)
        (disk / name).write_bytes(b"1")
    lasting: list[str] = []
    survey = look(CONFIG, lasting=lambda names: lasting.extend(names.tolist()))
    assert (survey.inputs, survey.permanent, survey.ignored, survey.expiring, survey.asked) == (2, 2, 1, 0, 0)
    assert sorted(lasting) == ["a.jpg", "sub/b.PNG"]
    assert (survey.earliest, survey.clear_at(), survey.days, survey.rules) == (None, survey.now, {}, {})


def test_an_empty_directory(disk: Path, look: Look) -> None:
    """Nothing there, nothing expires."""
    assert look(CONFIG).inputs == 0
