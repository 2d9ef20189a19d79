"""Tasks that fail, each for another reason, with secrets in every connection: none may show."""

from __future__ import annotations

from airflow.sdk import DAG

from lightly_airflow.operators import (
    LightlyCreateDatasetOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)
from lightly_airflow.sensors import LightlyRunSensor

with DAG("what_goes_wrong"):
    LightlyCreateDatasetOperator(task_id="wrong_token", dataset_name="abc", lightly_conn_id="lightly_wrong_token")
    LightlyCreateDatasetOperator(task_id="unreachable", dataset_name="abc", lightly_conn_id="lightly_unreachable")
    LightlyRunSensor(
        task_id="sensor",
        dataset_id="0" * 24,
        scheduled_run_id="1" * 24,
        lightly_conn_id="lightly_wrong_token",
        deferrable=True,
    )
    dataset = LightlyCreateDatasetOperator(task_id="dataset", dataset_name="what goes wrong")
    LightlySetDatasourceOperator(
        task_id="temporary",
        dataset_id=dataset.output,
        resource_path="s3://cameras/input/",
        datasource_conn_id="cameras_temporary",
        purpose="INPUT",
    )
    wrong_keys = LightlySetDatasourceOperator(
        task_id="wrong_keys",
        dataset_id=dataset.output,
        resource_path="s3://cameras/input/",
        datasource_conn_id="cameras_wrong",
        purpose="INPUT_OUTPUT",
        preflight=False,  # verification has to find out
    )
    wrong_keys >> LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset.output)
