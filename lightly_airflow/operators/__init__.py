"""The operators that DAG authors use."""

from __future__ import annotations

from lightly_airflow.operators.dataset import LightlyCreateDatasetOperator
from lightly_airflow.operators.datasource import LightlySetDatasourceOperator, LightlyVerifyDatasourceOperator
from lightly_airflow.operators.retention import LightlyRetentionCheckOperator
from lightly_airflow.operators.rotation import LightlyRotateCredentialsOperator
from lightly_airflow.operators.run import LightlyScheduleRunOperator

__all__ = [
    "LightlyCreateDatasetOperator",
    "LightlyRetentionCheckOperator",
    "LightlyRotateCredentialsOperator",
    "LightlyScheduleRunOperator",
    "LightlySetDatasourceOperator",
    "LightlyVerifyDatasourceOperator",
]
