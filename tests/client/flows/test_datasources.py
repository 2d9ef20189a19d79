"""LightlyOne's own check of a dataset's datasources, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.client.flows.datasources import PERMISSIONS, Permission, Verification, verify
from lightly_airflow.contract.operations import datasources
from lightly_airflow.contract.wire import Response
from tests.client.script import Script, ok

ID = "0123456789abcdef01234567"
BOTH = [{"purpose": "INPUT", "fullPath": "s3://cameras/in/"}, {"purpose": "LIGHTLY", "fullPath": "s3://cameras/out/"}]


def verified(errors: dict[str, str] | None = None, **members: bool) -> Response:
    told: dict[str, Any] = {f"can{one.capitalize()}": members.get(one, True) for one in PERMISSIONS}
    return ok(told | ({"errors": errors} if errors else {}))


def granted(**members: bool) -> dict[Permission, bool]:
    return {permission: members.get(permission, True) for permission in PERMISSIONS}


def test_where_nothing_is_missing_one_question_suffices() -> None:
    """All four permissions, no problem, one request."""
    script = Script([verified()])
    assert script.play(verify(ID)) == Verification(granted(), [])
    assert script.trace == [datasources.VERIFY.operation]


@pytest.mark.parametrize(
    ("answer", "paths", "needed", "problems"),
    [
        (
            verified({"canWrite": "AccessDenied"}, write=False),
            BOTH,
            PERMISSIONS,
            ["no permission to write on LIGHTLY s3://cameras/out/: AccessDenied"],
        ),
        (
            verified(list=False, read=False),
            BOTH,
            PERMISSIONS,
            [
                "no permission to list on INPUT s3://cameras/in/ or LIGHTLY s3://cameras/out/: LightlyOne gives no reason",
                "no permission to read on INPUT s3://cameras/in/ or LIGHTLY s3://cameras/out/: LightlyOne gives no reason",
            ],
        ),
        (
            verified(overwrite=False),
            BOTH[:1],
            ("overwrite",),
            ["no permission to overwrite on a LIGHTLY datasource, which is not set: LightlyOne gives no reason"],
        ),
        (
            verified({"canRead": "no"}, read=False),
            [{"purpose": "INPUT_OUTPUT", "fullPath": "p"}],
            ("read",),
            ["no permission to read on INPUT_OUTPUT p: no"],
        ),
    ],
)
def test_a_missing_permission_is_told_with_its_place(
    answer: Response, paths: list[dict[str, str]], needed: tuple[Permission, ...], problems: list[str]
) -> None:
    """Which permission, on which datasources, and LightlyOne's reason."""
    assert Script([answer, ok(paths)]).play(verify(ID, needed)).problems == problems


def test_only_what_is_needed_is_a_problem() -> None:
    """A datasource that is only read need not be writable; what is granted is told all the same."""
    script = Script([verified(write=False, overwrite=False)])
    assert script.play(verify(ID, ("list", "read"))) == Verification(granted(write=False, overwrite=False), [])
