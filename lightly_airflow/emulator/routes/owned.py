"""Finds what a path names, and refuses what belongs to somebody else.

Another user's dataset is 403 FORBIDDEN, so that a wrong token is not mistaken for a wrong id; everything else of
another user is unknown. LightlyOne's own choice is not known.
"""

from __future__ import annotations

from typing import Any, TypeVar

from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.samples import SamplePartial
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.models.workers import Worker
from lightly_airflow.emulator.records import ConfigRecord, ScheduleRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routing import Ask

M = TypeVar("M", Run, Worker, ConfigRecord)
D = TypeVar("D", SamplePartial, Tag, ScheduleRecord)


def the_dataset(ask: Ask[Any]) -> DatasetData:
    """The dataset that the path names."""
    return dataset_of(ask, ask.ids["datasetId"])


def dataset_of(ask: Ask[Any], dataset_id: str) -> DatasetData:
    """The user's dataset of that id."""
    dataset = ask.world.get(DatasetData, dataset_id)
    if dataset is None:
        raise Refusal(404, "DATASET_UNKNOWN", f"there is no dataset {dataset_id}")
    if dataset.user_id != ask.user_id:
        raise Refusal(403, "FORBIDDEN", f"the dataset {dataset_id} belongs to another user")
    return dataset


def the_run(ask: Ask[Any]) -> Run:
    """The run that the path names."""
    return _mine(ask, ask.world.get(Run, ask.ids["runId"]), "DOCKER_RUN_UNKNOWN", f"run {ask.ids['runId']}")


def the_worker(ask: Ask[Any]) -> Worker:
    """The worker that the path names."""
    worker_id = ask.ids["workerId"]
    return _mine(ask, ask.world.get(Worker, worker_id), "DOCKER_WORKER_UNKNOWN", f"worker {worker_id}")


def config_of(ask: Ask[Any], config_id: str) -> ConfigRecord:
    """The user's worker configuration of that id."""
    config = ask.world.get(ConfigRecord, config_id)
    return _mine(ask, config, "DOCKER_WORKER_CONFIG_UNKNOWN", f"worker configuration {config_id}")


def the_schedule(ask: Ask[Any]) -> ScheduleRecord:
    """The scheduled run that the path names."""
    schedule_id = ask.ids["scheduledId"]
    schedule = ask.world.get(ScheduleRecord, schedule_id)
    return _inside(ask, schedule, "DOCKER_WORKER_SCHEDULE_UNKNOWN", f"scheduled run {schedule_id}")


def the_sample(ask: Ask[Any]) -> SamplePartial:
    """The sample that the path names."""
    sample = ask.world.get(SamplePartial, ask.ids["sampleId"])
    return _inside(ask, sample, "SAMPLE_UNKNOWN", f"sample {ask.ids['sampleId']}")


def the_tag(ask: Ask[Any]) -> Tag:
    """The tag that the path names."""
    return _inside(ask, ask.world.get(Tag, ask.ids["tagId"]), "TAG_UNKNOWN", f"tag {ask.ids['tagId']}")


def _mine(ask: Ask[Any], record: M | None, code: str, name: str) -> M:
    if record is None or record.user_id != ask.user_id:
        raise Refusal(404, code, f"there is no {name}")
    return record


def _inside(ask: Ask[Any], record: D | None, code: str, name: str) -> D:
    """The record, if it lies in the dataset that the path names as well."""
    dataset = the_dataset(ask)
    if record is None or record.dataset_id != dataset.id:
        raise Refusal(404, code, f"there is no {name} in the dataset {dataset.id}")
    return record
