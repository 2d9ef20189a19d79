"""Worker configurations and the queue: OPEN, then LOCKED by one worker, then DONE; or OPEN, then CANCELED."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.runs import ScheduledRun, ScheduleRequest, ScheduleUpdateRequest
from lightly_airflow.contract.models.worker_config import RunConfigCreateRequest, RunConfigData
from lightly_airflow.contract.operations import schedules
from lightly_airflow.emulator.config_check import check_config
from lightly_airflow.emulator.records import ConfigRecord, ScheduleRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.owned import config_of, the_dataset, the_schedule, the_worker
from lightly_airflow.emulator.routing import Ask, Routes

ROUTES = Routes()
UNFINISHED = ["OPEN", "LOCKED"]


@ROUTES.serves(schedules.CREATE_CONFIG)
def create_config(ask: Ask[RunConfigCreateRequest]) -> CreatedEntity:
    """Keep a configuration; it is never changed."""
    record = ConfigRecord(
        id=ask.world.new_id(),
        user_id=ask.user_id,
        version=ask.body.version,
        created_at=ask.world.milliseconds(),
        config=ask.body.config,
    )
    ask.world.add(record)
    return CreatedEntity(id=record.id)


@ROUTES.serves(schedules.GET_CONFIG)
def get_config(ask: Ask[Any]) -> RunConfigData:
    """One configuration."""
    return config_of(ask, ask.ids["configId"])


@ROUTES.serves(schedules.SCHEDULE)
def schedule(ask: Ask[ScheduleRequest]) -> CreatedEntity:
    """Put a run into the queue, once its configuration is found to fit the dataset."""
    dataset = the_dataset(ask)
    config = config_of(ask, ask.body.config_id)
    check_config(ask.world, dataset, config.config, files=not ask.query.get("disableConfigValidation"))
    record = _record(ask, dataset)
    ask.world.add(record)
    return CreatedEntity(id=record.id)


@ROUTES.serves(schedules.LIST_OF_DATASET)
def list_of_dataset(ask: Ask[Any]) -> list[ScheduledRun]:
    """The dataset's scheduled runs in the wanted states; OPEN and LOCKED by default."""
    states = [*ask.query.get("states", []), *([ask.query["state"]] if "state" in ask.query else [])]
    return [*ask.world.find(ScheduleRecord, dataset_id=the_dataset(ask).id, state=states or UNFINISHED)]


@ROUTES.serves(schedules.CANCEL)
def cancel(ask: Ask[Any]) -> None:
    """Take a run out of the queue while no worker has it. That the refusal is 409 is a guess."""
    with ask.world.transaction():
        record = the_schedule(ask)
        if record.state != "OPEN":
            raise _refused(f"the scheduled run is {record.state}; only OPEN ones can be cancelled")
        _save(ask, record, {"state": "CANCELED"})


@ROUTES.serves(schedules.UPDATE)
def update(ask: Ask[ScheduleUpdateRequest]) -> None:
    """A worker locks or closes a run. One transaction, so that of two lockers one is refused."""
    with ask.world.transaction():
        record, worker_id = the_schedule(ask), the_worker(ask).id
        check = {"LOCKED": _check_lock, "DONE": _check_close}.get(ask.body.state)
        if check is None:
            raise _refused(f"a worker cannot make a scheduled run {ask.body.state}")
        check(ask, record, worker_id)
        _save(ask, record, {**ask.body.model_dump(exclude_none=True), "worker_id": worker_id})


def _check_lock(ask: Ask[Any], record: ScheduleRecord, worker_id: str) -> None:
    if record.state != "OPEN":
        raise _refused(f"the scheduled run is {record.state}; only OPEN ones can be locked")
    if ask.world.count(ScheduleRecord, dataset_id=record.dataset_id, state="LOCKED"):
        raise _refused("another run of the same dataset is at work")


def _check_close(ask: Ask[Any], record: ScheduleRecord, worker_id: str) -> None:
    if record.state != "LOCKED" or record.worker_id != worker_id:
        raise _refused(f"the scheduled run is {record.state}; only the worker that locked it can close it")


def _record(ask: Ask[ScheduleRequest], dataset: DatasetData) -> ScheduleRecord:
    now = ask.world.milliseconds()
    return ScheduleRecord(
        id=ask.world.new_id(),
        dataset_id=dataset.id,
        user_id=ask.user_id,
        config_id=ask.body.config_id,
        priority=ask.body.priority,
        runs_on=ask.body.runs_on or [],
        state="OPEN",
        created_at=now,
        last_modified_at=now,
        owner=ask.user_id,
    )


def _save(ask: Ask[Any], record: ScheduleRecord, changed: dict[str, Any]) -> None:
    ask.world.save(record.model_copy(update={**changed, "last_modified_at": ask.world.milliseconds()}))


def _refused(reason: str) -> Refusal:
    return Refusal(409, "DOCKER_WORKER_SCHEDULE_UPDATE_FAILED", reason)
