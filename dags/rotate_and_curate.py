"""Every night: the cameras' datasources are given their connections' credentials of by now, and then the images are curated.

The nightly curation for datasets whose datasources were set once (`nightly_curation` sets them anew each night). Changed
credentials are proven on the bucket before LightlyOne is told of them, and verified by LightlyOne itself afterwards.

A new key that does not work spoils no night: `rotate` fails and says why, LightlyOne keeps the old key, `verify` proves that
this one still works, and the curation runs. The DAG run is failed all the same, because `rotated` is one of its last tasks:
somebody has to mend the connection before the old key is revoked.

Three connections: `lightly_default` (type lightly: API token), `cameras_read` and `cameras_write` (type aws: access keys
for the raw images and for LightlyOne's results).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from lightly_airflow.operators import (
    LightlyCreateDatasetOperator,
    LightlyRotateCredentialsOperator,
    LightlyScheduleRunOperator,
    LightlyVerifyDatasourceOperator,
)

CONNECTIONS = {"INPUT": "cameras_read", "LIGHTLY": "cameras_write"}


@task
def rotated(counts: dict[str, int]) -> None:
    """Says in the log what came of the rotation. It does not run where `rotate` has failed, and so fails the DAG run."""
    print(f"The datasources have their connections' credentials: {counts}")


@task
def report(result: dict[str, Any]) -> None:
    """Says in the log what came of the night; replace it with the start of your labelling."""
    counts = result["counts"]
    print(
        f"Selected {counts.get('selected')} of {counts.get('input')} images as tag {result['tag_name']!r}: {result['link']}"
    )


with DAG(
    "rotate_and_curate",
    description="Rotate a dataset's credentials where they have changed, and curate its new images",
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

    rotate = LightlyRotateCredentialsOperator(
        task_id="rotate",
        dataset_id=dataset.output,
        datasource_conn_id=CONNECTIONS,
        deferrable=True,  # waits for a run that is under way, in the triggerer
        retries=0,  # a key that does not work does not work in five minutes either, and the curation waits
    )

    verify = LightlyVerifyDatasourceOperator(
        task_id="verify",
        dataset_id=dataset.output,
        # Also after a failed rotation: what LightlyOne has then is what it had, and here is proven that it works.
        trigger_rule="all_done_min_one_success",
    )

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

    rotate >> verify >> curate >> report(curate.output)
    rotated(rotate.output["counts"])
