"""Every night: images of a bucket whose lifecycle rules remove them are curated, without those that would vanish meanwhile.

`expiration` finds out before anything is scheduled, from the bucket's own rules; `curate` leaves out what it found. That works
on every cloud: where LightlyOne's worker cannot skip inputs itself, the names of the others are written into the LIGHTLY
directory. `keeps_input` and `keeps_lightly` check once a night that the buckets keep what LightlyOne advises.

Three connections: `lightly_default` (type lightly: API token), and `events_read` and `events_write` for the bucket; the
first of these two also needs the right to read the bucket's lifecycle rules.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from lightly_airflow.operators import (
    LightlyCreateDatasetOperator,
    LightlyRetentionCheckOperator,
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)
from lightly_airflow.sensors import LightlyInputExpirationSensor

# Purpose -> directory, and the connection with its credentials.
PLACES = {"INPUT": ("s3://events/input/", "events_read"), "LIGHTLY": ("s3://events/lightly/", "events_write")}


@task
def report(expiration: dict[str, Any], result: dict[str, Any]) -> None:
    """Says in the log what came of the night; replace it with the start of your labelling."""
    counts = result["counts"]
    print(f"{expiration['expiring']} of {expiration['inputs']} images would have vanished too soon and were left out")
    print(f"Selected {counts.get('selected')} of {counts.get('input')} images as tag {result['tag_name']!r}")


with DAG(
    "expiring_inputs",
    description="Curate images that a bucket's rules remove, and leave out those that would vanish too soon",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow takes it in its own default time zone
    catchup=False,
    max_active_runs=1,  # LightlyOne processes the runs of one dataset one after another
    default_args={"retries": 2},  # a retry finds the run that exists
    params={
        "n_samples": Param(50, type="integer", minimum=1, description="How many images to select each night"),
        "min_days": Param(1, type="number", minimum=0, description="For how many days images have to last"),
        "strategy": Param("SKIP", enum=["ABORT", "SKIP", "WAIT"], description="What to do if some do not"),
        "poll_interval": Param(30, type="number", minimum=1, description="Seconds between two looks at the run"),
    },
    doc_md=__doc__,
    tags=["lightly"],
):
    dataset = LightlyCreateDatasetOperator(task_id="dataset", dataset_name="traffic-events", dataset_type="Images")

    datasources = [
        LightlySetDatasourceOperator(
            task_id=purpose.lower(),
            dataset_id=dataset.output,
            purpose=purpose,
            resource_path=path,
            datasource_conn_id=conn_id,
        )
        for purpose, (path, conn_id) in PLACES.items()
    ]

    verify = LightlyVerifyDatasourceOperator(task_id="verify", dataset_id=dataset.output)

    for purpose, (path, _) in PLACES.items():
        LightlyRetentionCheckOperator(
            task_id=f"keeps_{purpose.lower()}",
            purpose=purpose,
            resource_path=path,
            datasource_conn_id=PLACES["INPUT"][1],  # which may read the rules
            on_short="warn",  # a warning in the log; "fail" is the default
        )

    expiration = LightlyInputExpirationSensor(
        task_id="expiration",
        resource_path=PLACES["INPUT"][0],
        datasource_conn_id=PLACES["INPUT"][1],
        min_days_to_expiration="{{ params.min_days }}",
        handling_strategy="{{ params.strategy }}",
        lightly_resource_path=PLACES["LIGHTLY"][0],
        lightly_datasource_conn_id=PLACES["LIGHTLY"][1],
        deferrable=True,  # WAIT waits in the triggerer, until the moment at which the answer can change
        timeout=timedelta(hours=20),
    )

    curate = LightlyScheduleRunOperator(
        task_id="curate",
        dataset_id=dataset.output,
        worker_config={
            "use_datapool": True,
            # One of the two is None, whichever the storage does not need.
            "datasource": {"input_expiration": expiration.output["input_expiration"]},
            "relevant_filenames_file": expiration.output["relevant_filenames_file"],
        },
        selection_config={
            "n_samples": "{{ params.n_samples }}",
            "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}],
        },
        deferrable=True,  # waits in the triggerer, without a worker slot
        poll_interval="{{ params.poll_interval }}",
        execution_timeout=timedelta(hours=20),
    )

    datasources >> verify >> expiration >> curate >> report(expiration.output, curate.output)
