"""How a task fails: stable classes for retry policies and callbacks to name.

Errors of the conversation itself (no answer, a refused request) stand in ``lightly_airflow.contract.errors``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from lightly_airflow.contract.errors import LightlyConfigError


class LightlyInputError(AirflowFailException):
    """A value of the DAG or of a connection that cannot be right. Never retried: it would be as wrong again."""


class LightlyPermissionError(AirflowException):
    """LightlyOne lacks permissions on a dataset's datasources."""


class LightlyRotationFailed(AirflowException):
    """Datasources do not have their connection's credentials: LightlyOne was not told, or could not use them."""


class LightlyInputsExpire(AirflowFailException):
    """Inputs may be gone before the run has ended. Never retried: they would expire no later."""


class LightlyRetentionTooShort(AirflowFailException):
    """A bucket's rules remove objects sooner than LightlyOne advises. Never retried: the rules stay as they are."""


class LightlyRunError(AirflowException):
    """A run that did not end well."""


class LightlyRunFailed(LightlyRunError):
    """The run ended FAILED, CRASHED or ABORTED."""


class LightlyRunCancelled(LightlyRunError):
    """The run was cancelled before a worker picked it up."""


class LightlyRunNotFound(LightlyRunError):
    """LightlyOne does not know the run (any more)."""


class LightlyRunNotPickedUp(LightlyRunError):
    """No worker picked the run up in time."""


class LightlyRunNotReady(LightlyRunError):
    """The look ahead found something in the run's way, and nothing was scheduled."""


class LightlyRunTimedOut(LightlyRunError):
    """The run had not ended when the task's ``execution_timeout`` was over."""


class LightlyWatchedRunError(AirflowFailException):
    """A sensor's run did not end well. Never retried: watching it again gives the same answer."""


@contextmanager
def input_errors() -> Iterator[None]:
    """Turns a :class:`LightlyConfigError` into one that Airflow does not retry."""
    try:
        yield
    except LightlyConfigError as error:
        raise LightlyInputError(str(error)) from None
