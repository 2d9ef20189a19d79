"""Runs of a dataset that a worker has begun, and waiting until one of several has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from lightly_airflow.client.flows.rounds import Round, Watched, look_at_all
from lightly_airflow.client.flows.runs import RunView, look
from lightly_airflow.client.flows.vigil import Ending, Vigil
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.contract.operations.schedules import scheduled_runs
from lightly_airflow.contract.wire import Flow, Pause


def run_under_way(dataset_id: str) -> Flow[RunView | None]:
    """A run of the dataset that a worker has begun and not ended, if there is one.

    A run that still waits in the queue (OPEN) is none. A worker locks the scheduled run when it begins and closes it some
    time after the run has ended, if it does not die before: so the run itself decides.
    """
    locked = yield from scheduled_runs(dataset_id, ["LOCKED"])
    for entry in locked:
        view = yield from look(dataset_id, entry.id)
        if not view.row.terminal:
            return view
    return None


def until_one_ended(
    watched: Sequence[Watched],
    vigils: Mapping[str, Vigil],
    *,
    poll_interval: float,
    now: Callable[[], float],
) -> Flow[tuple[str, Ending]]:
    """Waits in a worker until one of several runs has ended, or a deadline has come: which, and how its wait ended.

    It waits before it looks: whoever begins to wait has just looked.

    :param watched: the runs.
    :param vigils: by the scheduled run's id, who decides when the wait for it is over.
    :param poll_interval: seconds before each look.
    :param now: the clock.
    :raises LightlyError: a fault that does not pass, or lasted too long.
    """
    for turn in count():
        yield from Pause(poll_interval)
        try:
            told = yield from look_at_all(watched, turn)
        except LightlyError as error:
            told = Round(errors={one.scheduled_run_id: error for one in watched})
        for name, vigil in vigils.items():
            if ending := _judge(told, name, vigil, now()):
                return name, ending
    raise AssertionError("count() does not end")


def _judge(told: Round, name: str, vigil: Vigil, now: float) -> Ending | None:
    if name in told.errors:
        return vigil.troubled(told.errors[name], now)
    return vigil.saw(told.views[name], now) if name in told.views else vigil.late(now)
