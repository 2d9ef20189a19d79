"""When waiting for a run is over: decided look by look, the same for a worker that waits alone and for a shared loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.client.policy import passes
from lightly_airflow.contract.errors import LightlyError

Ending = Literal["ended", "not_picked_up", "timeout"]


@dataclass
class Vigil:
    """Waits for one run. Told each look, it says whether the wait is over; all times are seconds by one clock.

    :param began: when the wait began.
    :param patience: for how many seconds in a row faults that pass may last before the last of them is raised.
    :param pickup_deadline: when a run that still waits for a worker is given up; ``None``: never.
    :param deadline: when the wait ends however the run stands; a run that has ended by then counts as ended.
    :param tell: is told each time the state or message has changed.
    :param tell_trouble: is told each fault that is waited out.
    """

    began: float
    patience: float
    pickup_deadline: float | None
    deadline: float | None
    tell: Callable[[RunView], None]
    tell_trouble: Callable[[LightlyError], None]
    last: RunView | None = field(default=None, init=False)
    _well: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._well = self.began

    def saw(self, view: RunView, now: float) -> Ending | None:
        """A look has shown how the run stands."""
        self._well = now
        if view != self.last:
            self.tell(view)
        self.last = view
        if view.row.terminal:
            return "ended"
        if view.state == "OPEN" and self.pickup_deadline is not None and now >= self.pickup_deadline:
            return "not_picked_up"
        return self.late(now)

    def answered(self, at: float) -> None:
        """LightlyOne has answered by then, though perhaps with nothing new of this run: patience counts from there."""
        self._well = max(self._well, at)

    def troubled(self, error: LightlyError, now: float) -> Ending | None:
        """A look has failed; raises the error if it does not pass, or if such errors have lasted too long."""
        if not passes(error) or now - self._well > self.patience:
            raise error
        self.tell_trouble(error)
        return self.late(now)

    def late(self, now: float) -> Ending | None:
        """Whether the deadline has come."""
        return "timeout" if self.deadline is not None and now >= self.deadline else None
