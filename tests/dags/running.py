"""Runs an example DAG whole in this process, and looks at what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightly_airflow.contract.operations import runs, tags
from lightly_airflow.testing import LightlyEmulator
from tests.pictures import FAMILIES

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[2]


def load(name: str) -> DAG:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(ROOT / "dags" / f"{name}.py", bundle_name="dags-folder")
    assert bag.import_errors == {}
    return bag.dags[name]


def run(name: str, conf: dict[str, Any], skipped: str | None = None) -> dict[str, str]:
    """Runs a DAG to its end, but for the tasks whose ids match ``skipped``; task id -> state."""
    finished = load(name).test(run_conf=conf, mark_success_pattern=skipped)
    return {one.task_id: str(one.state) for one in finished.get_task_instances()}


def selected(api: LightlyEmulator, dataset_id: str) -> set[str]:
    """The scenes that the newest run has selected from."""
    newest = api.call(runs.runs_of_dataset(dataset_id))[0]
    tag = api.call(runs.run_tags(newest.id))[0]
    names = api.call(tags.EXPORT_FILENAMES.call(datasetId=dataset_id, tagId=tag.id)).splitlines()
    assert len(names) == FAMILIES
    return {name.split("/")[0] for name in names}
