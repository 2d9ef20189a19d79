"""Every night: datasets in several clouds are curated by LightlyOne, each with its own directories and connections.

One entry of `CURATIONS` is one dataset. To curate another one, add an entry. Connections: `lightly_default` (type lightly: API
token) and those that the entries name, of the types `aws`, `wasb` and `google_cloud_platform`. Directories on disks that are
mounted into LightlyOne's worker need none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, TaskGroup, task

from lightly_airflow.operators import (
    LightlyCreateDatasetOperator,
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)

# Dataset -> purpose -> directory, and the connection with its credentials. INPUT has the images, LIGHTLY gets the results.
CURATIONS: dict[str, dict[str, tuple[str, str | None]]] = {
    "street-cameras": {
        "INPUT": ("s3://streets/input/", "streets_s3"),
        "LIGHTLY": ("s3://streets/lightly/", "streets_s3"),
    },
    "harbour-cameras": {
        "INPUT": ("s3://harbour/input/", "harbour_s3"),
        "LIGHTLY": ("harbour/lightly/", "harbour_azure"),
    },
    "factory-cameras": {
        "INPUT": ("factory/input/", "factory_azure"),
        "LIGHTLY": ("factory/lightly/", "factory_azure"),
    },
    "drone-flights": {
        "INPUT": ("gs://drones/input/", "drones_google"),
        "LIGHTLY": ("s3://drones/lightly/", "drones_s3"),
    },
    "railway-cameras": {
        "INPUT": ("obs://railway/input/", "railway_obs"),
        "LIGHTLY": ("obs://railway/lightly/", "railway_obs"),
    },
    "microscopes": {
        "INPUT": ("microscopes/", None),
        "LIGHTLY": ("microscopes/", None),
    },
}


@task
def report(result: dict[str, Any]) -> None:
    """Says in the log what came of the night; replace it with the start of your labelling."""
    counts = result["counts"]
    print(
        f"Selected {counts.get('selected')} of {counts.get('input')} images as tag {result['tag_name']!r}: {result['link']}"
    )


def curation(name: str, places: dict[str, tuple[str, str | None]]) -> None:
    """The tasks that curate one dataset."""
    dataset = LightlyCreateDatasetOperator(task_id="dataset", dataset_name=name, dataset_type="Images")

    datasources = [
        LightlySetDatasourceOperator(
            task_id=purpose.lower(),
            dataset_id=dataset.output,
            purpose=purpose,
            resource_path=path,
            datasource_conn_id=conn_id,
        )
        for purpose, (path, conn_id) in places.items()
    ]

    verify = LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset.output)

    curate = LightlyScheduleRunOperator(
        task_id="curate",
        dataset_id=dataset.output,
        worker_config={"use_datapool": True},
        selection_config={
            "n_samples": "{{ params.n_samples }}",
            "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}],
        },
        deferrable=True,  # waits in the triggerer, without a worker slot
        poll_interval="{{ params.poll_interval }}",
        execution_timeout=timedelta(hours=20),
    )

    datasources >> verify >> curate >> report(curate.output)


with DAG(
    "multi_cloud_curation",
    description="Curate the datasets of several clouds with LightlyOne",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow takes it in its own default time zone
    catchup=False,
    max_active_runs=1,  # LightlyOne processes the runs of one dataset one after another
    default_args={"retries": 2},  # a retry finds the run that exists
    params={
        "n_samples": Param(50, type="integer", minimum=1, description="How many images to select of each dataset"),
        "poll_interval": Param(30, type="number", minimum=1, description="Seconds between two looks at a run"),
    },
    doc_md=__doc__,
    tags=["lightly"],
):
    for name, places in CURATIONS.items():
        with TaskGroup(name):
            curation(name, places)
