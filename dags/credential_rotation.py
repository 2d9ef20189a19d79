"""Every hour: datasets are given the credentials that the cameras' connections hold by now, proven before and after.

Rotate a key in three steps: make the new one, write it into the connection, and let this DAG run; then revoke the old one.
Where a connection has not changed, LightlyOne is asked one question a dataset and told nothing. Started by hand, the DAG
takes names or shell patterns of datasets, and a dry run.

Three connections: `lightly_default` (type lightly: API token), `cameras_read` and `cameras_write` (type aws: access keys
for INPUT and LIGHTLY). Datasets that lie in other buckets are left alone. There is a task a dataset, so that each is seen
and retried by itself; for many hundreds, one task with `dataset_name="*"` is better, which tries each path once.
"""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase

from airflow.sdk import DAG, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from lightly_airflow.operators import LightlyRotateCredentialsOperator

CONNECTIONS = {"INPUT": "cameras_read", "LIGHTLY": "cameras_write"}
BUCKET = "s3://cameras/"


@task
def names() -> list[str]:
    """The datasets that the run is about: all that the token can see and whose names are asked for."""
    from lightly_airflow.client.flows.visible import visible_datasets
    from lightly_airflow.hooks import LightlyHook

    wanted = get_current_context()["params"]["datasets"]
    seen = sorted({dataset.name for dataset in LightlyHook().run_long(visible_datasets)})
    for pattern in wanted:
        if pattern != "*" and not any(fnmatchcase(name, pattern) for name in seen):
            raise AirflowFailException(f"no dataset is named {pattern!r}; there are: {', '.join(seen) or 'none'}")
    return [name for name in seen if any(fnmatchcase(name, pattern) for pattern in wanted)]


with DAG(
    "credential_rotation",
    description="Give datasets the credentials that Airflow's connections hold by now",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow takes it in its own default time zone
    catchup=False,
    max_active_runs=1,  # two rotations of one dataset at a time would be in each other's way
    default_args={"retries": 1},  # what was rotated already is then unchanged
    params={
        "datasets": Param(
            ["*"], type="array", items={"type": "string"}, description="Names or shell patterns of datasets, one a line"
        ),
        "dry_run": Param(False, type="boolean", description="Tell what would be done, and tell LightlyOne nothing"),
    },
    doc_md=__doc__,
    tags=["lightly"],
):
    LightlyRotateCredentialsOperator.partial(
        task_id="rotate",
        datasource_conn_id=CONNECTIONS,
        resource_path=BUCKET,
        dry_run="{{ params.dry_run }}",
        on_active_run="wait",  # a run under way keeps the credentials that it began with: they must not be revoked before
        deferrable=True,  # waits in the triggerer, without a worker slot
        max_active_tis_per_dag=4,  # each proves credentials on the bucket: not all at once
        map_index_template="{{ task.dataset_name }}",
    ).expand(dataset_name=names())
