"""The registry of workers."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.workers import LicenseInformation, Worker, WorkerCreateRequest, WorkerUpdateRequest
from lightly_airflow.contract.operations import workers
from lightly_airflow.emulator.routes.owned import the_worker
from lightly_airflow.emulator.routing import Ask, Routes
from lightly_airflow.emulator.world import World

ROUTES = Routes()
# LightlyOne's own limit is not known; a minute is several of the emulator's heartbeats.
SILENT_MILLISECONDS = 60_000
DEFAULT_NAME = "default"
_YEAR_MILLISECONDS = 365 * 24 * 3600 * 1000


@ROUTES.serves(workers.LIST)
def list_workers(ask: Ask[Any]) -> list[Worker]:
    """The user's workers; nobody shares, so a team's other workers are none."""
    if ask.query.get("getAssetsOfTeam"):
        return []
    return [as_seen(ask.world, worker) for worker in ask.world.find(Worker, user_id=ask.user_id)]


@ROUTES.serves(workers.REGISTER)
def register(ask: Ask[WorkerCreateRequest]) -> CreatedEntity:
    """A new worker, or the one of that name, whose labels stay as they were first registered."""
    ask.refuse_options("forUserId")
    with ask.world.transaction():
        known = ask.world.find(Worker, user_id=ask.user_id, name=ask.body.name)
        worker = known[0] if known else _add(ask, ask.body, is_default=None)
    return CreatedEntity(id=worker.id)


@ROUTES.serves(workers.DEFAULT)
def default_worker(ask: Ask[Any]) -> Worker:
    """The worker that takes unlabelled runs; made when it is first asked for."""
    with ask.world.transaction():
        known = ask.world.find(Worker, user_id=ask.user_id, is_default=True)
        return known[0] if known else _add(ask, WorkerCreateRequest(name=DEFAULT_NAME), is_default=True)


@ROUTES.serves(workers.GET)
def get_worker(ask: Ask[Any]) -> Worker:
    """One worker."""
    return as_seen(ask.world, the_worker(ask))


@ROUTES.serves(workers.UPDATE)
def heartbeat(ask: Ask[WorkerUpdateRequest]) -> None:
    """The worker says that it lives."""
    with ask.world.transaction():
        changed = {**ask.body.model_dump(exclude_none=True), "last_modified_at": ask.world.milliseconds()}
        ask.world.save(the_worker(ask).model_copy(update=changed))


@ROUTES.serves(workers.DELETE)
def delete_worker(ask: Ask[Any]) -> None:
    """Forget the worker; what it did stays."""
    ask.world.remove(Worker, id=the_worker(ask).id)


@ROUTES.serves(workers.LICENSE)
def license_information(ask: Ask[Any]) -> LicenseInformation:
    """Always valid: the emulator has no licences."""
    expires = ask.world.milliseconds() + _YEAR_MILLISECONDS
    return LicenseInformation(license_type="emulator", license_expiration_date=expires, license_is_valid=True)


def as_seen(world: World, worker: Worker) -> Worker:
    """A worker that has been silent for long counts as offline, whatever it last said."""
    silent = world.milliseconds() - worker.last_modified_at > SILENT_MILLISECONDS
    return worker.model_copy(update={"state": "OFFLINE"}) if silent else worker


def _add(ask: Ask[Any], wanted: WorkerCreateRequest, is_default: bool | None) -> Worker:
    now = ask.world.milliseconds()
    worker = Worker(
        id=ask.world.new_id(),
        user_id=ask.user_id,
        name=wanted.name,
        worker_type=wanted.worker_type,
        state="OFFLINE",
        created_at=now,
        last_modified_at=now,
        labels=wanted.labels or [],
        is_default=is_default,
        docker_version=wanted.docker_version,
    )
    ask.world.add(worker)
    return worker
