"""The page on expiring inputs says what the code says: the log's table, the message of short retention, the rights."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightly_airflow.hooks.expiration_report import table
from lightly_airflow.sensors.expiration import LightlyInputExpirationSensor
from lightly_airflow.storage.lifecycle.columns import DAY
from lightly_airflow.storage.lifecycle.survey import Day, Survey
from lightly_airflow.storage.survey import azure, gcs, s3

PAGE = (Path(__file__).parents[2] / "docs" / "expiring-inputs.md").read_text()


def test_the_table_of_the_log() -> None:
    """As the sensor writes it, for the same inputs."""
    first = 20_783 * DAY  # 26 November 2026
    days = {20_783: Day(2, first, first), 20_789: Day(16, first + 6 * DAY, first + 6 * DAY)}
    survey = Survey(first - 2 * DAY, first + DAY, inputs=18, expiring=2, days=days)
    told = f"Inputs of INPUT s3://cameras/input/ by the day on which they expire:\n{table(survey)}"
    assert f"```text\n{told}\n```" in PAGE


@pytest.mark.parametrize(
    ("module", "right"),
    [
        (s3, "s3:GetLifecycleConfiguration"),
        (gcs, "storage.buckets.get"),
        (azure, "Microsoft.Storage/storageAccounts/managementPolicies"),
    ],
)
def test_rights(module: object, right: str) -> None:
    """What the page says to grant is what the refusal names."""
    assert right in PAGE
    assert right in Path(str(getattr(module, "__file__", ""))).read_text()


@pytest.mark.parametrize("name", ["on_unknown", "rules_conn_id", "lightly_resource_path", "expected_run_duration"])
def test_arguments(name: str) -> None:
    """Every argument that the page names is one."""
    assert f"`{name}" in PAGE
    assert name in LightlyInputExpirationSensor.template_fields
