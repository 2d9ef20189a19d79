"""Datasets whose runs are waited for: in a worker, or in the triggerer, until the first of the runs has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowTaskTimeout

from lightly_airflow.client.flows.rounds import Watched
from lightly_airflow.client.flows.under_way import until_one_ended
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.hooks.outcome import new_vigil, tell_nothing
from lightly_airflow.operators.rotation.dataset import Busy
from lightly_airflow.operators.rotation.result import Target
from lightly_airflow.triggers.any_run import LightlyAnyRunTrigger

log = logging.getLogger(__name__)
_GRACE = timedelta(minutes=2)
_NAMED = 10
_TIME_IS_UP = "; it had not ended when the task's execution_timeout was over, so the dataset keeps what it has"
Event = Mapping[str, Any]


def tell_waiting(busy: Sequence[Busy]) -> None:
    """Logs what is waited for."""
    named = "\n".join(f"  {one}" for one in busy[:_NAMED])
    more = f"\n  and {len(busy) - _NAMED} more" if len(busy) > _NAMED else ""
    log.info("Datasets with a run under way, which are rotated when it has ended: %d\n%s%s", len(busy), named, more)


def wait_here(hook: LightlyHook, busy: Sequence[Busy], poll_interval: float, deadline: float | None) -> Event:
    """Waits in a worker; the event is that of the trigger."""
    watched = [Watched(one.target.dataset_id, one.scheduled_run_id) for one in busy]

    def begin() -> Any:
        vigils = {one.scheduled_run_id: new_vigil(None, deadline) for one in watched}
        for vigil in list(vigils.values())[1:]:
            vigil.tell_trouble = tell_nothing
        return until_one_ended(watched, vigils, poll_interval=poll_interval, now=time.time)

    try:
        name, ending = hook.run_long(begin)
    except LightlyError as error:
        return {"status": "trouble", "message": str(error)}
    except AirflowTaskTimeout:
        return {"status": "timeout"}
    return {"status": ending, "scheduled_run_id": name}


def trigger_for(
    lightly_conn_id: str, busy: Sequence[Busy], poll_interval: float, deadline: float | None
) -> LightlyAnyRunTrigger:
    """What waits in the triggerer."""
    return LightlyAnyRunTrigger(
        lightly_conn_id=lightly_conn_id,
        runs=[[one.target.dataset_id, one.scheduled_run_id] for one in busy],
        poll_interval=poll_interval,
        deadline=deadline,
    )


def airflows_timeout(poll_interval: float, deadline: float | None) -> timedelta | None:
    """The trigger keeps the deadline itself; Airflow's own is there in case that no triggerer runs."""
    return None if deadline is None else timedelta(seconds=deadline - time.time() + 2 * poll_interval) + _GRACE


def turns(busy: Sequence[Busy], event: Event) -> list[Busy]:
    """Whose turn it is: that of the dataset whose run has ended, or of all, if the wait as a whole has."""
    now = [one for one in busy if one.scheduled_run_id == event.get("scheduled_run_id")]
    return now if now and event.get("status") == "ended" else list(busy)


def over(event: Event) -> str:
    """Why runs are not waited for any longer, as the rest of a sentence; ``""`` if they are."""
    if event.get("status") == "timeout":
        return _TIME_IS_UP
    if event.get("status") == "ended":
        return ""
    return f", and cannot be watched: {event.get('message') or f'the trigger fired with {dict(event)}'}"


def may_pass(event: Event) -> bool:
    """Whether what has ended the wait may concern one run alone, or be gone by now."""
    return event.get("status") not in ("ended", "timeout")


def plain(busy: Iterable[Busy]) -> list[list[str]]:
    """As plain JSON."""
    return [[one.target.dataset_id, one.target.name, one.target.type, one.scheduled_run_id] for one in busy]


def from_plain(told: Iterable[Sequence[str]]) -> list[Busy]:
    """What was told as plain JSON."""
    return [Busy(Target(*one[:3]), one[3]) for one in told]
