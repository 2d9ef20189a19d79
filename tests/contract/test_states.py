"""The table of run states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from lightly_airflow.contract.states import (
    MISSING,
    RUN_STATES,
    SCHEDULED_STATES,
    UNKNOWN,
    RunState,
    ScheduledState,
    is_known,
    meaning,
)

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "facts" / "schemas.json").read_text())
ENDED = {
    "COMPLETED": "succeeded", "FAILED": "failed", "CRASHED": "failed", "ABORTED": "failed",
    "DONE": "failed", "CANCELED": "cancelled",
}  # fmt: skip
WAITING = ("OPEN", "LOCKED")


def test_run_states_are_the_apis_in_its_order() -> None:
    """The emulator's worker and the documentation walk the table in the API's order."""
    wanted = FACTS["DockerRunState"]["enum"]
    assert [list(RUN_STATES), list(get_args(RunState)), len(wanted)] == [wanted, wanted, 26]


def test_scheduled_states_are_the_apis() -> None:
    """Four states of a place in the queue, each in the table."""
    wanted = set(FACTS["DockerRunScheduledState"]["enum"])
    assert set(SCHEDULED_STATES) == set(get_args(ScheduledState)) == wanted


@pytest.mark.parametrize("state", [*RUN_STATES, *SCHEDULED_STATES])
def test_every_state_has_one_meaning(state: str) -> None:
    """A state ends the wait exactly where nothing can follow it."""
    row = meaning(state)
    assert row.outcome == ENDED.get(state, "waiting" if state in WAITING else "running")
    assert row.terminal == (state in ENDED)
    assert row.says
    assert is_known(state)


@pytest.mark.parametrize("state", ["DREAMING", "", "completed"])
def test_a_new_state_reads_as_still_running(state: str) -> None:
    """LightlyOne may add states; a running task must not break because of that."""
    assert meaning(state) is UNKNOWN
    assert (UNKNOWN.outcome, UNKNOWN.terminal, is_known(state)) == ("running", False, False)


def test_no_state_at_all_ends_the_wait() -> None:
    """A run that LightlyOne does not know will not come back."""
    assert meaning(None) is MISSING
    assert MISSING.terminal
