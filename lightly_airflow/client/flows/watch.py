"""Waiting for one run, as a conversation of its own."""

from __future__ import annotations

from collections.abc import Callable

from lightly_airflow.client.flows.runs import RunView, look
from lightly_airflow.client.flows.vigil import Vigil
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.wire import Flow, Pause


def watch(
    dataset_id: str,
    scheduled_run_id: str,
    vigil: Vigil,
    *,
    poll_interval: float,
    now: Callable[[], float],
    while_running: Callable[[RunView], None] = lambda _: None,
) -> Flow[RunView]:
    """Waits until the run has ended, or was not picked up in time; returns how it stood at last.

    It waits before it looks: whoever begins to wait has just scheduled the run or looked at it.

    :param vigil: decides when the wait is over.
    :param poll_interval: seconds before each look.
    :param now: the clock.
    :param while_running: is called after each look that does not end the wait (default: nothing).
    :raises LightlyError: a fault that does not pass (a rejected token, a dataset that is gone), or lasted too long.
    """
    while True:
        yield from Pause(poll_interval)
        try:
            view = yield from look(dataset_id, scheduled_run_id)
        except LightlyError as error:
            vigil.troubled(error, now())
        else:
            if vigil.saw(view, now()):
                return view
            while_running(view)
