"""What awaits a run that is about to be scheduled: a worker, an empty dataset, its turn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from lightly_airflow.contract.models.workers import Worker
from lightly_airflow.contract.operations import datasets, schedules, workers
from lightly_airflow.contract.wire import Flow

_ALIVE = ("IDLE", "BUSY")


def prospects(dataset_id: str, runs_on: Collection[str], *, use_datapool: bool) -> Flow[list[str]]:
    """What would keep the run waiting or make it fail, each in one sentence; empty if nothing is in its way.

    A run that no worker can take waits for ever; a dataset with samples makes the worker abort unless the datapool is on
    (https://docs.lightly.ai/docs/datapool); the runs of one dataset are processed one after another.

    :param runs_on: labels that a worker must have to take it.
    :param use_datapool: whether the run's configuration has the datapool on.
    """
    found = yield from workers.list_workers()
    dataset = yield from datasets.get_dataset(dataset_id)
    queue = yield from schedules.scheduled_runs(dataset_id, ["OPEN", "LOCKED"])
    told = list(_without_worker(found, runs_on))
    if dataset.n_samples and not use_datapool:
        told.append(
            f"the dataset is not empty (samples: {dataset.n_samples:,}) and worker_config.use_datapool is not set, so the "
            "worker will abort"
        )
    if queue:
        told.append(f"runs of the dataset that come first: {len(queue)}, such as {queue[0].id} ({queue[0].state})")
    return told


def registered(found: Sequence[Worker]) -> str:
    """The workers of the account with their states and labels, as part of a sentence."""
    told = [f"{one.name} is {one.state} with {labels_text(one.labels)}" for one in found]
    return "; ".join(told) if told else "no worker is registered"


def labels_text(labels: Collection[str]) -> str:
    """Labels as part of a sentence."""
    return f"labels {', '.join(labels)}" if labels else "no labels"


def _without_worker(found: Sequence[Worker], runs_on: Collection[str]) -> Iterator[str]:
    fitting = [one for one in found if one.state in _ALIVE and set(runs_on) <= set(one.labels)]
    if not fitting:
        yield f"no worker is alive that could take a run with {labels_text(runs_on)}: {registered(found)}"
