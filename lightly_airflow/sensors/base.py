"""What the sensors share."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException


class LightlySensor(BaseSensorOperator):
    """Base of the sensors: what fails before a task defers is treated as in the other modes."""

    ui_color = "#e8f1fb"

    @contextmanager
    def skipping(self) -> Iterator[None]:
        """``soft_fail`` and ``never_fail`` for a look outside Airflow's own loop, which honours them for the others."""
        try:
            yield
        except AirflowSkipException:
            raise
        except Exception as error:
            final = isinstance(error, (AirflowFailException, AirflowSensorTimeout))
            if self.never_fail or (self.soft_fail and final):
                raise AirflowSkipException(str(error)) from None
            raise


class LightlyTimedSensor(LightlySensor):
    """Base of the sensors that know when the answer can change: every mode looks again then, and sleeps in between."""

    deferrable: bool
    # In seconds since 1970; tests set another.
    clock: Callable[[], float] = staticmethod(time.time)
    # Of the moment at which the answer can change and the end of the poke interval, the one at which to look again.
    choose: Callable[[float, float], float] = staticmethod(max)
    _next_look = 0.0

    @abstractmethod
    def look(self) -> Any:
        """What the task returns; ``None`` where it has to wait, after :meth:`wait_for` was called."""

    @abstractmethod
    def still(self) -> str:
        """What has not come true when the timeout is over, as half a sentence."""

    def wait_for(self, moment: float, told: str) -> None:
        """Notes the moment at which the answer can change, in seconds since 1970, and says when the next look is."""
        self._next_look = self.choose(moment, self.clock() + self.poke_interval)
        self.log.info("%s. Looking again at %s", told, f"{_time(self._next_look):%Y-%m-%d %H:%M} UTC")

    def execute(self, context: Any) -> Any:
        if not self.deferrable:
            return super().execute(context)
        return self._look_or_defer(context, self.clock() + self.timeout)

    def execute_complete(self, context: Any, event: Any = None, deadline: float | None = None) -> Any:
        """Called when the time of the next look has come.

        :param deadline: when the sensor's timeout is over, in seconds since 1970; the first look sets it.
        """
        return self._look_or_defer(context, self.clock() + self.timeout if deadline is None else deadline)

    def poke(self, context: Any) -> PokeReturnValue:
        found = None if self.clock() < self._next_look else self.look()
        return PokeReturnValue(is_done=found is not None, xcom_value=found)

    def _get_next_poke_interval(self, started_at: Any, run_duration: Callable[[], float], poke_count: int) -> float:
        """Airflow's loop asks how long to sleep: until the next look, and no longer than its timeout."""
        left = max(self.timeout - run_duration(), 0.0) + 1  # a moment later, so that the loop sees its timeout
        ahead = self._next_look - self.clock()
        # A look that fails under silent_fail notes no time for the next one.
        usual = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        return min(ahead if ahead > 0 else usual, left)

    def _look_or_defer(self, context: Any, deadline: float) -> Any:
        with self.skipping():
            looked = self._poke_silently(context) if self.silent_fail else self.poke(context)
            if looked.is_done:
                return looked.xcom_value
            if self.clock() >= deadline:
                raise AirflowSensorTimeout(f"{self.still()} after {self.timeout} s")
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        self.defer(
            trigger=DateTimeTrigger(moment=_time(min(self._next_look, deadline))),
            method_name="execute_complete",
            kwargs={"deadline": deadline},
            timeout=timedelta(seconds=deadline - self.clock() + 60),  # the deadline itself is kept here
        )
        raise AssertionError("defer() raises")

    def _poke_silently(self, context: Any) -> PokeReturnValue:
        """``silent_fail``: a look that fails is told and made again after the poke interval, unless it can only fail again."""
        try:
            return self.poke(context)
        except (AirflowSkipException, AirflowFailException):
            raise
        except Exception as error:
            self.log.error("The look failed: %s: %s", type(error).__name__, error)  # noqa: TRY400 - as the other modes
            self._next_look = self.clock() + self.poke_interval
            return PokeReturnValue(is_done=False)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
