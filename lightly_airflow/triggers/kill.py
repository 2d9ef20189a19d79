"""A task that waits in the triggerer is killed: its run is cancelled, once, and only if somebody really killed the task.

Airflow 3.3.2 calls a trigger's ``on_kill`` also when the trigger moves to another triggerer, and cancels ``on_kill`` itself
after about a second. So the work is done by a task of its own that outlives the call, and that asks Airflow first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from lightly_airflow.client.flows.runs import cancel
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.outcome import tell_cancelled, tell_uncancelled
from lightly_airflow.hooks.session import LightlySession

log = logging.getLogger(__name__)
# An event loop holds tasks weakly: without these, one may vanish before it has ended.
_AT_WORK: set[asyncio.Task[None]] = set()


async def cancel_if_killed(task_instance: Any, lightly_conn_id: str, dataset_id: str, scheduled_run_id: str) -> None:
    """Cancel a run unless its task still waits; goes on in the background if the caller is cancelled."""
    work = asyncio.create_task(_cancel(task_instance, lightly_conn_id, dataset_id, scheduled_run_id))
    _AT_WORK.add(work)
    work.add_done_callback(_AT_WORK.discard)
    await asyncio.shield(work)


async def _cancel(task_instance: Any, lightly_conn_id: str, dataset_id: str, scheduled_run_id: str) -> None:
    if task_instance is not None and await _waits_on(task_instance, scheduled_run_id):
        return
    try:
        async with LightlySession(lightly_conn_id) as session:
            still = await session.run(lambda: cancel(dataset_id, scheduled_run_id))
    except LightlyError as error:
        tell_uncancelled(scheduled_run_id, error)
    else:
        tell_cancelled(scheduled_run_id, still)


async def _waits_on(task_instance: Any, scheduled_run_id: str) -> bool:
    try:
        waits = await asyncio.to_thread(_still_waits, task_instance)
    except Exception:
        # A run too many is cheaper than one that is taken from a task that waits for it.
        log.warning(
            "Did not cancel LightlyOne run %s: Airflow does not say how its task stands",
            scheduled_run_id,
            exc_info=True,
        )
        return True
    if waits:
        log.info("LightlyOne run %s: its task waits on, in another triggerer or another try", scheduled_run_id)
    return waits


def _still_waits(task_instance: Any) -> bool:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(
        dag_id=task_instance.dag_id,
        task_ids=[task_instance.task_id],
        run_ids=[task_instance.run_id],
        map_index=task_instance.map_index,
    )
    # A mapped task instance stands under a key of its own, which has the map index.
    return "deferred" in (states.get(task_instance.run_id) or {}).values()
