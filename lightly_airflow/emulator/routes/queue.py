"""What a worker may take: its labels cover the run's, most urgent first, one run of a dataset at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightly_airflow.contract.models.runs import ScheduledRun
from lightly_airflow.contract.operations import schedules
from lightly_airflow.emulator.records import ScheduleRecord
from lightly_airflow.emulator.routes.owned import the_worker
from lightly_airflow.emulator.routing import Ask, Routes

ROUTES = Routes()
# Priority before age: plausible, undocumented.
URGENCY = ("CRITICAL", "HIGH", "MID", "LOW")


@ROUTES.serves(schedules.LIST_FOR_WORKER)
def for_worker(ask: Ask[Any]) -> list[ScheduledRun]:
    """What this worker may take; with ``state=LOCKED`` what it has taken."""
    worker, state = the_worker(ask), ask.query.get("state", "OPEN")
    if state != "OPEN":
        return [*ask.world.find(ScheduleRecord, user_id=ask.user_id, state=state, worker_id=worker.id)]
    return _offered(ask, worker.labels)


@ROUTES.serves(schedules.LIST_FOR_WORKERS)
def for_labels(ask: Ask[Any]) -> list[ScheduledRun]:
    """What a worker of these labels may take; ``includeUnlockableRuns`` shows also what has to wait for another run."""
    state = ask.query.get("state", "OPEN")
    if ask.query.get("version", "V4") != "V4":
        return []
    if state != "OPEN":
        return [*ask.world.find(ScheduleRecord, user_id=ask.user_id, state=state)]
    return _offered(ask, ask.query.get("labels", []), include_unlockable=ask.query.get("includeUnlockableRuns", False))


def _offered(ask: Ask[Any], labels: Iterable[str], include_unlockable: bool = False) -> list[ScheduledRun]:
    unfinished = ask.world.find(ScheduleRecord, user_id=ask.user_id, state=["OPEN", "LOCKED"])
    busy = {record.dataset_id for record in unfinished if record.state == "LOCKED"}
    offered = [
        record
        for record in unfinished
        if record.state == "OPEN"
        and set(record.runs_on) <= set(labels)
        and (include_unlockable or record.dataset_id not in busy)
    ]
    # The sort is stable: among equals the older one stays first.
    return sorted(offered, key=lambda record: URGENCY.index(record.priority))
