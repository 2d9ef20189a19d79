"""Which options of a run the emulator follows, and what it says of the others."""

from __future__ import annotations

from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.worker_config import RunConfig, WorkerConfig
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.selection_check import check_selection


def check_options(dataset: DatasetData, config: RunConfig) -> list[str]:
    """Refuse what would give another result than asked for; return a note on each option that is passed over.

    :raises RunFailed: the dataset's type, a strategy or an option is not emulated.
    """
    if dataset.type != "Images":
        raise RunFailed(f"the emulator works on image datasets, and this one's type is {dataset.type}")
    if config.selection:
        check_selection(config.selection)
    worker = config.docker or WorkerConfig()
    for name in _refused(worker):
        raise RunFailed(f"worker_config.{name} is not emulated; leave it out")
    return [f"worker_config.{name} is not emulated and was passed over" for name in _passed_over(worker)]


def _refused(worker: WorkerConfig) -> list[str]:
    given = {
        "embeddings": worker.embeddings,
        "pretagging": worker.pretagging,
        "selected_sequence_length above 1": (worker.selected_sequence_length or 1) > 1,
    }
    return [name for name, value in given.items() if value]


def _passed_over(worker: WorkerConfig) -> list[str]:
    given = {
        "enable_training": worker.enable_training,
        "checkpoint": worker.checkpoint,
        "checkpoint_run_id": worker.checkpoint_run_id,
        "normalize_embeddings false": worker.normalize_embeddings is False,
        "shutdown_when_job_finished": worker.shutdown_when_job_finished,
    }
    return [name for name, value in given.items() if value]
