"""Datasources in every cloud, a DAG a cloud: some are set, some fail, and no secret may show either way."""

from __future__ import annotations

from airflow.sdk import DAG

from lightly_airflow.client.flows.datasources import PERMISSIONS
from lightly_airflow.operators import (
    LightlyCreateDatasetOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)

CLOUDS = {
    "google": ("gs://cameras/input/", ["google_newlines", "google_revoked", "google_broken", "google_damaged"]),
    "roles": ("s3://cameras/input/", ["role_wrong"]),
    "azure": ("cameras/input/", ["azure_raw", "azure_expired", "azure_letters", "azure_wrong_key"]),
}
# What LightlyOne itself is to try with its credentials: purpose -> connection.
VERIFIED = {
    "google": {"INPUT": "google_escaped"},
    "roles": {"INPUT": "role"},
    "azure": {"INPUT": "azure_sas", "LIGHTLY": "azure_account_key"},
}

for cloud, (place, connections) in CLOUDS.items():
    with DAG(f"secrets_of_{cloud}"):
        dataset = LightlyCreateDatasetOperator(task_id="dataset", dataset_name=f"secrets of {cloud}")
        others = [
            LightlySetDatasourceOperator(
                task_id=connection,
                dataset_id=dataset.output,
                resource_path=place,
                datasource_conn_id=connection,
                purpose="INPUT_OUTPUT" if connection == "azure_wrong_key" else "INPUT",
            )
            for connection in connections
        ]
        verified = [
            LightlySetDatasourceOperator(
                task_id=connection,
                dataset_id=dataset.output,
                resource_path=place.replace("input", purpose.lower()),
                datasource_conn_id=connection,
                purpose=purpose,
                trigger_rule="all_done",  # the last word on the dataset's datasources
            )
            for purpose, connection in VERIFIED[cloud].items()
        ]
        permissions = PERMISSIONS[: 2 * len(verified)]  # INPUT alone has to grant two
        verify = LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset.output, permissions=permissions)
        for one in verified:
            others >> one >> verify
