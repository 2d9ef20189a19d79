"""What a run is about, and the two datasources it works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose
from lightly_airflow.contract.models.worker_config import RunConfig, WorkerConfig, WorkerDatasource
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.journal import Api, Journal
from lightly_airflow.storage.access import check_access
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.stores import open_store

Sources = Callable[[str, Purpose], DatasourceConfig | None]


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is about.

    :param api: LightlyOne.
    :param sources: the dataset's datasources with their real credentials.
    """

    api: Api
    sources: Sources = field(repr=False)
    journal: Journal
    dataset: DatasetData
    config: RunConfig

    @property
    def worker(self) -> WorkerConfig:
        return self.config.docker or WorkerConfig()

    @property
    def datasource(self) -> WorkerDatasource:
        return self.worker.datasource or WorkerDatasource()


@dataclass(frozen=True, slots=True)
class Buckets:
    """The two opened datasources; ``source`` is the INPUT one's config, ``thumb_suffix`` belongs to the Lightly one."""

    inputs: Directory
    lightly: Directory
    source: DatasourceConfig = field(repr=False)
    thumb_suffix: str | None


def open_buckets(job: Job) -> Buckets:
    """Open both datasources, and prove their permissions unless ``bypass_verify`` is set.

    :raises RunFailed: a datasource is missing, or lacks permissions.
    """
    inputs, lightly = _source(job, "INPUT"), _source(job, "LIGHTLY")
    buckets = Buckets(open_store(inputs), open_store(lightly), inputs, lightly.thumb_suffix)
    if job.datasource.bypass_verify:
        job.journal.say("the datasources' permissions were not verified, as datasource.bypass_verify wants it")
        return buckets
    _verify(buckets.inputs, "INPUT")
    _verify(buckets.lightly, "LIGHTLY")
    job.journal.say("verified the datasources' permissions")
    return buckets


def _source(job: Job, purpose: Purpose) -> DatasourceConfig:
    config = job.sources(job.dataset.id, purpose)
    if config is None:
        raise RunFailed(f"the dataset has no {purpose} datasource; set one before the run")
    return config


def _verify(store: Directory, purpose: Purpose) -> None:
    problems = check_access(store, purpose).errors
    if problems:
        raise RunFailed(f"the {purpose} datasource lacks permissions: " + "; ".join(dict.fromkeys(problems.values())))
