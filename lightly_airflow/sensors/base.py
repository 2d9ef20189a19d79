"""What the sensors share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import BaseSensorOperator
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
