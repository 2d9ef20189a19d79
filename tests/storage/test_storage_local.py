"""Local datasources on real directories."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import LocalConfig, Purpose
from lightly_airflow.storage.access import Access, check_access
from lightly_airflow.storage.clouds.local import mount
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.listing import list_objects
from lightly_airflow.storage.objects import read_object, write_object
from lightly_airflow.storage.stores import open_store


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that has ``input`` and ``lightly``, the two mounts."""
    for name in ("input", "lightly"):
        (tmp_path / name / "raw").mkdir(parents=True)
        monkeypatch.setenv(f"LIGHTLY_{name.upper()}_MOUNT", str(tmp_path / name))
    return tmp_path


def config(path: str = "raw/", purpose: Purpose = "INPUT") -> LocalConfig:
    return LocalConfig(purpose=purpose, full_path=path)


def test_mounts_of_the_worker_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without variables, disks lie where LightlyOne's container has them; only INPUT reads the input mount."""
    monkeypatch.delenv("LIGHTLY_INPUT_MOUNT", raising=False)
    monkeypatch.delenv("LIGHTLY_LIGHTLY_MOUNT", raising=False)
    purposes: tuple[Purpose, ...] = ("INPUT", "LIGHTLY", "INPUT_OUTPUT")
    assert [str(mount(purpose)) for purpose in purposes] == ["/input_mount", "/lightly_mount", "/lightly_mount"]


def test_each_purpose_has_its_mount(mounts: Path) -> None:
    """The same path is another directory for another purpose."""
    (mounts / "input/raw/a.jpg").write_bytes(b"of input")
    write_object(open_store(config(purpose="LIGHTLY")), "a.jpg", b"of lightly")
    assert read_object(open_store(config()), "a.jpg") == b"of input"
    assert (mounts / "lightly/raw/a.jpg").read_bytes() == b"of lightly"


def test_the_whole_mount(mounts: Path) -> None:
    """An empty path is all of the mount, and messages call it ./"""
    (mounts / "input/raw/ü b%20.jpg").write_bytes(b"12")
    store = open_store(config(""))
    assert [(item.path, item.size) for item in list_objects(store)] == [("raw/ü b%20.jpg", 2)]
    assert str(store) == "./"


def test_lists_by_name(mounts: Path) -> None:
    """A disk has no order of its own, but a listing has, so that one can go on after any name."""
    names = [f"{number % 7}/{number:03}.jpg" for number in range(100)]
    for name in names:
        file = mounts / "input/raw" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"1")
    assert [item.path for item in list_objects(open_store(config()))] == sorted(names)
    assert [item.path for item in list_objects(open_store(config()), "3/")] == sorted(
        name for name in names if name.startswith("3/")
    )


def test_permissions_are_proven(mounts: Path) -> None:
    """All four, and the probe is gone afterwards."""
    assert check_access(open_store(config(purpose="LIGHTLY")), "LIGHTLY") == Access(True, True, True, True)
    assert not [path for path in (mounts / "lightly").rglob("*") if path.is_file()]


def test_missing_directory(mounts: Path) -> None:
    """A directory that is not there is named with its mount."""
    with pytest.raises(LightlyConfigError) as caught:
        open_store(config("gone/"))
    place = mounts / "input/gone"
    assert str(caught.value) == f"there is no directory {place}; create it, or mount the disk that has it"


def test_empty_directory_is_there(mounts: Path) -> None:
    """Other than in object stores, a directory without files exists."""
    present = open_store(config()).present
    assert present is not None
    assert present()


def test_missing_file(mounts: Path) -> None:
    """The message names path and cause, and nothing of the machine."""
    with pytest.raises(StorageError, match=r"^cannot read raw/gone.jpg: the file does not exist$"):
        read_object(open_store(config()), "gone.jpg")


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory whose path every user may walk, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


# As a process of its own that is not root's, whom no mode stops.
AS_NOBODY = """
import os, obstore.exceptions
from lightly_airflow.contract.models.datasources import LocalConfig
from lightly_airflow.storage.access import check_access
from lightly_airflow.storage.clouds.local import open_store
from lightly_airflow.storage.reach import HERE
store = open_store(LocalConfig(purpose="LIGHTLY", full_path=""), HERE)
os.getuid() or os.setuid(65534)
for permission, problem in check_access(store, "LIGHTLY").errors.items():
    print(permission, problem.partition(": ")[2])
"""


def test_directory_that_may_not_be_written(open_to_all: Path) -> None:
    """A worker whose user may only read is told what to look at."""
    (open_to_all / "a.jpg").write_bytes(b"a")
    open_to_all.chmod(0o555)
    environment = {**os.environ, "LIGHTLY_LIGHTLY_MOUNT": str(open_to_all)}
    told = subprocess.run(
        [sys.executable, "-c", AS_NOBODY], env=environment, capture_output=True, text=True, timeout=30
    )
    denied = "the file system denies it; check owner and mode of the directory, and its mount's flags"
    assert told.stdout.splitlines() == [f"can_write {denied}", f"can_overwrite {denied}"], told.stderr
