"""The life of a run as one table. Client, emulator, sensor and documentation all read it.

LightlyOne keeps two records of a run: the scheduled run (``OPEN -> LOCKED -> DONE``, or ``OPEN -> CANCELED``), and the
run itself, which exists only once a worker has picked the schedule up. States and order: DockerRunScheduledState and
DockerRunState of LightlyOne's API. A state that is not in the table reads as "still running": LightlyOne may add
states, and a running task must not break because of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ScheduledState = Literal["OPEN", "LOCKED", "DONE", "CANCELED"]
RunState = Literal[
    "STARTED",
    "INITIALIZING",
    "LOADING_DATASET",
    "LOADING_METADATA",
    "LOADING_PREDICTION",
    "CHECKING_CORRUPTNESS",
    "INITIALIZING_OBJECT_CROPS",
    "COMPUTING_METADATA",
    "TRAINING",
    "EMBEDDING",
    "EMBEDDING_OBJECT_CROPS",
    "PRETAGGING",
    "COMPUTING_ACTIVE_LEARNING_SCORES",
    "SAMPLING",
    "EMBEDDING_FULL_IMAGES",
    "SAVING_RESULTS",
    "UPLOADING_DATASET",
    "GENERATING_REPORT",
    "UPLOADING_REPORT",
    "UPLOADED_REPORT",
    "UPLOADING_ARTIFACTS",
    "UPLOADED_ARTIFACTS",
    "COMPLETED",
    "FAILED",
    "CRASHED",
    "ABORTED",
]
Outcome = Literal["waiting", "running", "succeeded", "failed", "cancelled", "missing"]


@dataclass(frozen=True, slots=True)
class StateRow:
    """What a state means to somebody who waits.

    :param outcome: how the run stands.
    :param says: the state in plain words, for logs and messages.
    """

    outcome: Outcome
    says: str

    @property
    def terminal(self) -> bool:
        return self.outcome not in ("waiting", "running")


SCHEDULED_STATES: dict[ScheduledState, StateRow] = {
    "OPEN": StateRow("waiting", "waiting for a worker"),
    "LOCKED": StateRow("waiting", "picked up by a worker, about to start"),
    # Asked for only where there is no run: a run's own state says how it ended.
    "DONE": StateRow("failed", "closed by a worker that left no run"),
    "CANCELED": StateRow("cancelled", "cancelled before a worker picked it up"),
}

RUN_STATES: dict[RunState, StateRow] = {
    "STARTED": StateRow("running", "started"),
    "INITIALIZING": StateRow("running", "initialising"),
    "LOADING_DATASET": StateRow("running", "loading the dataset"),
    "LOADING_METADATA": StateRow("running", "loading metadata"),
    "LOADING_PREDICTION": StateRow("running", "loading predictions"),
    "CHECKING_CORRUPTNESS": StateRow("running", "checking for corrupt files"),
    "INITIALIZING_OBJECT_CROPS": StateRow("running", "initialising object crops"),
    "COMPUTING_METADATA": StateRow("running", "computing metadata"),
    "TRAINING": StateRow("running", "training"),
    "EMBEDDING": StateRow("running", "embedding"),
    "EMBEDDING_OBJECT_CROPS": StateRow("running", "embedding object crops"),
    "PRETAGGING": StateRow("running", "pretagging"),
    "COMPUTING_ACTIVE_LEARNING_SCORES": StateRow("running", "computing active learning scores"),
    "SAMPLING": StateRow("running", "selecting"),
    "EMBEDDING_FULL_IMAGES": StateRow("running", "embedding full images"),
    "SAVING_RESULTS": StateRow("running", "saving results"),
    "UPLOADING_DATASET": StateRow("running", "uploading the dataset"),
    "GENERATING_REPORT": StateRow("running", "generating the report"),
    "UPLOADING_REPORT": StateRow("running", "uploading the report"),
    "UPLOADED_REPORT": StateRow("running", "report uploaded"),
    "UPLOADING_ARTIFACTS": StateRow("running", "uploading artifacts"),
    "UPLOADED_ARTIFACTS": StateRow("running", "artifacts uploaded"),
    "COMPLETED": StateRow("succeeded", "completed"),
    "FAILED": StateRow("failed", "failed"),
    "CRASHED": StateRow("failed", "crashed"),
    "ABORTED": StateRow("failed", "aborted"),
}

UNKNOWN = StateRow("running", "in a state that this version does not know; counted as running")
MISSING = StateRow("missing", "unknown to LightlyOne")
_ROWS: dict[str, StateRow] = {str(state): row for state, row in (SCHEDULED_STATES | RUN_STATES).items()}


def meaning(state: str | None) -> StateRow:
    """The row of a run state or scheduled state; :data:`UNKNOWN` for a new one, :data:`MISSING` for none at all."""
    if state is None:
        return MISSING
    return _ROWS.get(state, UNKNOWN)


def is_known(state: str) -> bool:
    """Whether the table has the state; the faces warn once where it has not."""
    return meaning(state) is not UNKNOWN
