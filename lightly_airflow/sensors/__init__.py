"""The sensors that DAG authors use."""

from __future__ import annotations

from lightly_airflow.sensors.credentials import LightlyCredentialExpirySensor
from lightly_airflow.sensors.expiration import LightlyInputExpirationSensor
from lightly_airflow.sensors.run import LightlyRunSensor

__all__ = ["LightlyCredentialExpirySensor", "LightlyInputExpirationSensor", "LightlyRunSensor"]
