"""Whether a datasource's credentials suffice: tried out, not guessed.

INPUT has to list and read; LIGHTLY and INPUT_OUTPUT have to list, read, write and overwrite
(https://docs.lightly.ai/docs/cloud-storage). Which object LightlyOne itself writes as a probe is not known.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.storage.directory import Directory, StorageError
from lightly_airflow.storage.listing import LIGHTLY_DIRECTORY, list_objects
from lightly_airflow.storage.objects import try_reading, write_object

_PROBE = f"{LIGHTLY_DIRECTORY}access-check-"
Permission = Literal["can_list", "can_read", "can_write", "can_overwrite"]


@dataclass(frozen=True, slots=True)
class Access:
    """What credentials may do in a directory. A permission that the purpose does not need is not tried and ``False``.

    :param errors: why a needed permission is missing; empty when all is well.
    """

    can_list: bool = False
    can_read: bool = False
    can_write: bool = False
    can_overwrite: bool = False
    errors: dict[Permission, str] = field(default_factory=dict)


def check_access(store: Directory, purpose: Purpose) -> Access:
    """Try what the purpose needs, and say what is missing.

    INPUT is only read: the first object that is listed, if there is one. Elsewhere a small object under ``.lightly/``
    is written, read, overwritten and deleted again, and an object that was there before is read, if there is one. That the
    small one cannot be deleted is no fault.

    :param store: the datasource's directory, as :func:`open_store` gives it.
    :param purpose: what the datasource is for.
    """
    steps = _reading(store) if purpose == "INPUT" else _writing(store)
    errors = {permission: problem for permission, step in steps.items() if (problem := _problem(step))}
    return Access(**{permission: permission not in errors for permission in steps}, errors=errors)


def _reading(store: Directory) -> dict[Permission, Callable[[], object]]:
    return {"can_list": lambda: _first(store), "can_read": lambda: _read_first(store)}


def _writing(store: Directory) -> dict[Permission, Callable[[], object]]:
    # In the order in which they are tried.
    probe = f"{_PROBE}{uuid.uuid4().hex}"
    return {
        "can_list": lambda: _first(store),
        "can_write": lambda: write_object(store, probe, b"first"),
        "can_read": lambda: _read_probe(store, probe),
        "can_overwrite": lambda: _overwrite(store, probe),
    }


def _first(store: Directory) -> str | None:
    return next((found.path for found in list_objects(store, own=True)), None)


def _read_first(store: Directory) -> None:
    path = _first(store)
    if path is not None:
        try_reading(store, path)


def _read_probe(store: Directory, probe: str) -> None:
    try:
        try_reading(store, probe)
    except StorageError:
        _read_first(store)  # where the probe could not be written, any other object shows whether reading is allowed
    else:
        _read_other(store)


def _read_other(store: Directory) -> None:
    """Some storages let whoever wrote an object read it, and nothing else: what others wrote has to be readable as well."""
    try:
        # Probes of other tasks are gone any moment.
        other = next((one.path for one in list_objects(store, own=True) if not one.path.startswith(_PROBE)), None)
    except StorageError:
        return  # told as a missing permission to list
    if other is not None:
        try_reading(store, other)


def _overwrite(store: Directory, probe: str) -> None:
    try:
        write_object(store, probe, b"second")
    finally:
        _delete(store, probe)


def _delete(store: Directory, probe: str) -> None:
    from obstore.exceptions import BaseError

    try:
        store.store.delete(probe)
    except (BaseError, FileNotFoundError):
        return  # deleting is none of the four permissions; the probe stays, a few bytes under .lightly/


def _problem(step: Callable[[], object]) -> str | None:
    try:
        step()
    except StorageError as error:
        return str(error)
    return None
