"""What the tests of LightlyCredentialExpirySensor share: the sensor in each mode, at a time that the test says."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from lightly_airflow.sensors import LightlyCredentialExpirySensor

MODES = ["poke", "reschedule", "deferrable"]
DAY, HOUR = 86_400.0, 3_600.0


def sensor(mode: str = "poke", now: float | None = None, **arguments: Any) -> LightlyCredentialExpirySensor:
    one = LightlyCredentialExpirySensor(
        task_id="expiry",
        mode="reschedule" if mode == "reschedule" else "poke",
        deferrable=mode == "deferrable",
        **{"datasource_conn_id": "cameras", **arguments},
    )
    if now is not None:
        one.clock = lambda: now
    return one


class TaskInstance:
    """What Airflow's loop asks for in reschedule mode; the answer stands in Airflow's database."""

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        return None


def execute(one: LightlyCredentialExpirySensor) -> Any:
    return one.execute({"ti": TaskInstance()})


def later(days: float) -> float:
    return time.time() + days * DAY
