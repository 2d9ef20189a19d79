"""Disks that are mounted into the worker."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import LocalConfig, Purpose
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import parse_local_path
from lightly_airflow.storage.reach import Reach

if TYPE_CHECKING:
    from obstore.store import LocalStore

INPUT_MOUNT, LIGHTLY_MOUNT = "LIGHTLY_INPUT_MOUNT", "LIGHTLY_LIGHTLY_MOUNT"
# Where LightlyOne's worker container has them: https://docs.lightly.ai/docs/local-storage
_MOUNTS = {INPUT_MOUNT: "/input_mount", LIGHTLY_MOUNT: "/lightly_mount"}
# Codes of the operating system, as obstore passes them on.
CAUSES = (
    (
        r"kind: PermissionDenied",
        "the file system denies it; check owner and mode of the directory, and its mount's flags",
    ),
    (r"kind: ReadOnlyFilesystem", "the file system is mounted read-only"),
    (r"kind: StorageFull", "the disk is full"),
    (r"kind: NotFound", "the file does not exist"),
)


def mount(purpose: Purpose) -> Path:
    """Where the worker finds the disk of a purpose. Only INPUT's may be read-only.

    The worker container's ``/input_mount`` and ``/lightly_mount``, unless the environment names other directories in
    LIGHTLY_INPUT_MOUNT and LIGHTLY_LIGHTLY_MOUNT.
    """
    name = INPUT_MOUNT if purpose == "INPUT" else LIGHTLY_MOUNT
    return Path(os.environ.get(name) or _MOUNTS[name])


def open_store(config: LocalConfig, reach: Reach) -> Directory:
    """The directory of a local datasource under its mount."""
    path = parse_local_path(config.full_path)
    root = mount(config.purpose) / path.prefix
    if not root.is_dir():
        raise LightlyConfigError(f"there is no directory {root}; create it, or mount the disk that has it")
    return Directory(_store(root), path, CAUSES, root.is_dir)


def _store(root: Path) -> LocalStore:
    from obstore.store import LocalStore

    class InOrder(LocalStore):
        """Lists by name, as object stores do and those who page through a listing rely on; disks have no order."""

        def list(self, prefix: str | None = None, **options: Any) -> Any:
            return iter([sorted(super().list(prefix).collect(), key=lambda item: item["path"])])

    return InOrder(root)
