"""Every night: what is new in the cameras' bucket is curated by LightlyOne, and the best images are tagged for labelling.

Three connections: `lightly_default` (type lightly: API token), `cameras_read` and `cameras_write` (type aws: access keys
for the raw images and for LightlyOne's results). To run it against another account or store, change a connection.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from lightly_airflow.operators import (
    LightlyCreateDatasetOperator,
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)

DATASOURCES = {"INPUT": "cameras_read", "LIGHTLY": "cameras_write"}


@task
def report(result: dict[str, Any]) -> None:
    """Says in the log what came of the night; replace it with the start of your labelling."""
    counts = result["counts"]
    print(
        f"Selected {counts.get('selected')} of {counts.get('input')} images as tag {result['tag_name']!r}: {result['link']}"
    )


with DAG(
    "nightly_curation",
    description="Curate new camera images with LightlyOne",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow takes it in its own default time zone
    catchup=False,
    max_active_runs=1,  # LightlyOne processes the runs of one dataset one after another
    default_args={"retries": 2},  # a retry finds the run that exists
    params={
        "n_samples": Param(50, type="integer", minimum=1, description="How many images to select each night"),
        "poll_interval": Param(30, type="number", minimum=1, description="Seconds between two looks at the run"),
    },
    doc_md=__doc__,
    tags=["lightly"],
):
    dataset = LightlyCreateDatasetOperator(task_id="dataset", dataset_name="city-cameras", dataset_type="Images")

    datasources = [
        LightlySetDatasourceOperator(
            task_id=purpose.lower(),
            dataset_id=dataset.output,
            purpose=purpose,
            resource_path=f"s3://cameras/{purpose.lower()}/",
            datasource_conn_id=conn_id,
        )
        for purpose, conn_id in DATASOURCES.items()
    ]

    verify = LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset.output)

    curate = LightlyScheduleRunOperator(
        task_id="curate",
        dataset_id=dataset.output,
        # The datapool remembers what earlier nights selected: tonight's images must differ from those, too.
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
