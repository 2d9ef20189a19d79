"""How a run ends early, but not by accident."""

from __future__ import annotations

from lightly_airflow.contract.errors import LightlyError


class RunFailed(LightlyError):
    """The run cannot go on, for a reason that its author can mend; the message becomes the run's own. State FAILED."""


class RunAborted(LightlyError):
    """The worker was told to stop while it was at the run, or the run wants to stop over inputs that expire. State ABORTED,
    which is a guess for the latter: LightlyOne says that the run stops, not in which state."""
