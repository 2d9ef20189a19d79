"""Setting datasources and asking LightlyOne whether it can use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from lightly_airflow.contract.models.datasources import Purpose, VerifyData
from lightly_airflow.contract.operations import datasources
from lightly_airflow.contract.wire import Flow

Permission = Literal["list", "read", "write", "overwrite"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
# Raw data is listed and read; results are written. INPUT_OUTPUT serves as both.
_PURPOSES: dict[Permission, tuple[str, ...]] = {
    "list": ("INPUT", "LIGHTLY", "INPUT_OUTPUT"),
    "read": ("INPUT", "LIGHTLY", "INPUT_OUTPUT"),
    "write": ("LIGHTLY", "INPUT_OUTPUT"),
    "overwrite": ("LIGHTLY", "INPUT_OUTPUT"),
}


def needed_for(purpose: Purpose) -> tuple[Permission, ...]:
    """The permissions that a datasource of this purpose has to have: https://docs.lightly.ai/docs/cloud-storage."""
    return tuple(permission for permission, purposes in _PURPOSES.items() if purpose in purposes)


@dataclass(frozen=True, slots=True)
class Verification:
    """LightlyOne's own check of a dataset's datasources.

    :param granted: permission -> whether LightlyOne has it.
    :param problems: one sentence a missing permission: which, on which datasources, and LightlyOne's reason.
    """

    granted: dict[Permission, bool]
    problems: list[str]


def verify(dataset_id: str, needed: tuple[Permission, ...] = PERMISSIONS) -> Flow[Verification]:
    """Asks LightlyOne to try the dataset's datasources. It answers for all of a dataset's datasources together.

    :param dataset_id: the dataset.
    :param needed: the permissions whose absence is a problem.
    """
    answer = yield from datasources.verify_datasource(dataset_id)
    granted = {permission: bool(getattr(answer, f"can_{permission}")) for permission in PERMISSIONS}
    missing = [permission for permission in needed if not granted[permission]]
    if not missing:
        return Verification(granted, [])
    paths = yield from _paths(dataset_id)
    return Verification(granted, [_problem(permission, answer, paths) for permission in missing])


def _paths(dataset_id: str) -> Flow[dict[str, str]]:
    found = yield from datasources.all_datasources(dataset_id)
    return {str(one.get("purpose")): str(one.get("fullPath")) for one in found}


def _problem(permission: Permission, answer: VerifyData, paths: dict[str, str]) -> str:
    reason = getattr(answer.errors, f"can_{permission}", None) if answer.errors else None
    concerned = [f"{purpose} {paths[purpose]}" for purpose in _PURPOSES[permission] if purpose in paths]
    where = " or ".join(concerned) or "a LIGHTLY datasource, which is not set"
    return f"no permission to {permission} on {where}: {reason or 'LightlyOne gives no reason'}"
