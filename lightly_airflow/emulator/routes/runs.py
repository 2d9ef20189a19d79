"""Runs: made and moved on by workers, watched by clients. A terminal state is final."""

from __future__ import annotations

from typing import Any

from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.runs import (
    LogCreateEntry,
    LogEntry,
    LogPage,
    Run,
    RunCreateRequest,
    RunUpdateRequest,
)
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.operations import runs
from lightly_airflow.contract.states import meaning
from lightly_airflow.emulator.records import ArtifactRecord, LogRecord, ScheduleRecord
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.routes.owned import config_of, dataset_of, the_dataset, the_run
from lightly_airflow.emulator.routing import Ask, BareText, Routes
from lightly_airflow.emulator.world import World

ROUTES = Routes()


@ROUTES.serves(runs.LIST)
def list_runs(ask: Ask[Any]) -> list[Run]:
    """The user's runs, newest first; none is ever archived."""
    if ask.query.get("getAssetsOfTeam"):
        return []
    found = ask.world.find(Run, user_id=ask.user_id, newest_first=True, **ask.paging)
    return [with_artifacts(ask.world, run) for run in found]


@ROUTES.serves(runs.LIST_OF_DATASET)
def list_of_dataset(ask: Ask[Any]) -> list[Run]:
    """The dataset's runs, newest first."""
    found = ask.world.find(Run, dataset_id=the_dataset(ask).id, newest_first=True, **ask.paging)
    return [with_artifacts(ask.world, run) for run in found]


@ROUTES.serves(runs.COUNT)
def count(ask: Ask[Any]) -> str:
    """How many runs the user has."""
    return BareText(ask.world.count(Run, user_id=ask.user_id))


@ROUTES.serves(runs.GET_OF_SCHEDULE)
def get_of_schedule(ask: Ask[Any]) -> Run:
    """The run of a scheduled run: unknown until a worker has begun it."""
    found = ask.world.find(Run, scheduled_id=ask.ids["scheduledId"], user_id=ask.user_id)
    if not found:
        raise Refusal(404, "DOCKER_RUN_UNKNOWN", f"no worker has started the scheduled run {ask.ids['scheduledId']}")
    return with_artifacts(ask.world, found[0])


@ROUTES.serves(runs.GET)
def get_run(ask: Ask[Any]) -> Run:
    """One run."""
    return with_artifacts(ask.world, the_run(ask))


@ROUTES.serves(runs.CREATE)
def create_run(ask: Ask[RunCreateRequest]) -> CreatedEntity:
    """A worker begins: only once for a scheduled run, and only while that is locked."""
    run = _run(ask)
    with ask.world.transaction():
        _check_origin(ask)
        ask.world.add(run)
    return CreatedEntity(id=run.id)


@ROUTES.serves(runs.UPDATE)
def update_run(ask: Ask[RunUpdateRequest]) -> None:
    """The next state, with a message or without; the order is the worker's affair."""
    with ask.world.transaction():
        run = the_run(ask)
        if meaning(run.state).terminal:
            raise Refusal(409, "CONFLICT", f"the run is {run.state} and stays so")
        now = ask.body.ts or ask.world.milliseconds()
        changed = {"state": ask.body.state, "message": ask.body.message, "last_modified_at": now}
        ask.world.save(run.model_copy(update=changed))


@ROUTES.serves(runs.TAGS)
def run_tags(ask: Ask[Any]) -> list[Tag]:
    """The tags that the run made, newest first."""
    return ask.world.find(Tag, run_id=the_run(ask).id, newest_first=True)


@ROUTES.serves(runs.GET_LOGS)
def get_logs(ask: Ask[Any]) -> LogPage:
    """The lines from the cursor on; the cursor counts lines."""
    cursor = max(0, ask.query.get("cursor", 0))
    lines: list[LogEntry] = [*ask.world.find(LogRecord, run_id=the_run(ask).id, offset=cursor)]
    return LogPage(cursor=cursor + len(lines), logs=lines)


@ROUTES.serves(runs.ADD_LOGS)
def add_logs(ask: Ask[list[LogCreateEntry]]) -> None:
    """Append lines; a line without a state gets the run's."""
    run = the_run(ask)
    defaults = {"run_id": run.id, "state": run.state}
    lines = [{**defaults, **line.model_dump(exclude_none=True)} for line in ask.body]
    ask.world.add(*[LogRecord(id=ask.world.new_id(), **line) for line in lines])


def with_artifacts(world: World, run: Run) -> Run:
    """The run as the API tells it: with its artifacts."""
    return run.model_copy(update={"artifacts": world.find(ArtifactRecord, run_id=run.id)})


def _run(ask: Ask[RunCreateRequest]) -> Run:
    now = ask.world.milliseconds()
    told = ask.body.model_dump(exclude={"creator"}, exclude_none=True)
    return Run(
        id=ask.world.new_id(), user_id=ask.user_id, state="STARTED", created_at=now, last_modified_at=now, **told
    )


def _check_origin(ask: Ask[RunCreateRequest]) -> None:
    if ask.body.dataset_id:
        dataset_of(ask, ask.body.dataset_id)
    if ask.body.config_id:
        config_of(ask, ask.body.config_id)
    if ask.body.scheduled_id:
        _check_schedule(ask, ask.body.scheduled_id)


def _check_schedule(ask: Ask[RunCreateRequest], scheduled_id: str) -> None:
    schedule = ask.world.get(ScheduleRecord, scheduled_id)
    if schedule is None or schedule.user_id != ask.user_id:
        raise Refusal(404, "DOCKER_WORKER_SCHEDULE_UNKNOWN", f"there is no scheduled run {scheduled_id}")
    if schedule.state != "LOCKED":
        raise Refusal(409, "CONFLICT", f"the scheduled run is {schedule.state}; lock it before the run begins")
    if ask.world.count(Run, scheduled_id=scheduled_id):
        raise Refusal(409, "CONFLICT", "the scheduled run has a run already")
