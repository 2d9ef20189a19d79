"""The emulator's page: what there is, what runs, and what was selected. It needs no token and shows no credentials."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.workers import Worker
from lightly_airflow.contract.states import meaning
from lightly_airflow.emulator.gallery import Gallery, expiry_picture, selected_by
from lightly_airflow.emulator.records import ArtifactRecord, DatasourceRecord, LogRecord, ScheduleRecord
from lightly_airflow.emulator.routes.workers import as_seen
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.emulator.signed_urls import SignedUrls
from lightly_airflow.emulator.world import World

HEADERS = {"content-security-policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"}
SHOWN_RUNS = 10
_LINES = 500


def render(emulator: Emulator, *, embed: bool = False) -> str:
    """The overview: datasets, their runs, and what the newest completed run of each selected.

    :param emulator: whose state is shown, all accounts together.
    :param embed: make a copy that stands alone: images inside, no links, no refresh.
    """
    world = emulator.world
    cards = [_card(world, dataset, embed) for dataset in world.find(DatasetData, newest_first=True)]
    workers = [as_seen(world, worker) for worker in world.find(Worker)]
    return _render("overview.html", world, cards=cards, workers=workers, embed=embed, refresh=None)


def render_run(emulator: Emulator, scheduled_id: str) -> str:
    """One scheduled run: its state, log, files and selected images; while it waits, what for.

    :param scheduled_id: the scheduled run, which exists before its run does.
    """
    world = emulator.world
    schedule = world.get(ScheduleRecord, scheduled_id)
    runs = world.find(Run, scheduled_id=scheduled_id) if schedule else []
    run = runs[0] if runs else None
    told = _run(world, run) if run else {}
    waits = _waits_for(world, schedule) if schedule and not run else ""
    return _render("run.html", world, schedule=schedule, run=run, waits=waits, refresh=_refresh(schedule, run), **told)


def _card(world: World, dataset: DatasetData, embed: bool) -> dict[str, Any]:
    runs = world.find(Run, dataset_id=dataset.id, newest_first=True, limit=SHOWN_RUNS)
    completed = world.find(Run, dataset_id=dataset.id, state="COMPLETED", newest_first=True, limit=1)
    return {
        "dataset": dataset,
        "sources": [(one.purpose, one.config) for one in world.find(DatasourceRecord, dataset_id=dataset.id)],
        "runs": runs,
        "waiting": world.find(ScheduleRecord, dataset_id=dataset.id, state="OPEN"),
        "expiry": expiry_picture(world, runs[0] if runs else None, embed=embed),
        "gallery": selected_by(world, completed[0], embed=embed) if completed else Gallery([], 0),
    }


def _run(world: World, run: Run) -> dict[str, Any]:
    urls, files = SignedUrls(world, ""), world.find(ArtifactRecord, run_id=run.id, confirmed=True)
    lines = world.find(LogRecord, run_id=run.id, newest_first=True, limit=_LINES)
    return {
        "dataset": world.get(DatasetData, run.dataset_id or ""),
        "lines": lines[::-1],
        "files": [(one, urls.artifact(one.id)) for one in files],
        "expiry": expiry_picture(world, run, embed=False),
        "gallery": selected_by(world, run, embed=False),
    }


def _waits_for(world: World, schedule: ScheduleRecord) -> str:
    if schedule.state != "OPEN":
        return f"It is {schedule.state} and has no run."
    if world.find(ScheduleRecord, dataset_id=schedule.dataset_id, state="LOCKED"):
        return "It waits for another run of the same dataset to end."
    wanted = f" with the labels {', '.join(schedule.runs_on)}" if schedule.runs_on else ""
    fitting = (worker for worker in world.find(Worker, user_id=schedule.user_id) if _fits(worker, schedule))
    online = [worker.name for worker in fitting if as_seen(world, worker).state in ("IDLE", "BUSY")]
    return f"It waits for a worker{wanted}. Online now: {', '.join(online) or 'none'}."


def _fits(worker: Worker, schedule: ScheduleRecord) -> bool:
    return set(schedule.runs_on) <= set(worker.labels)


def _refresh(schedule: ScheduleRecord | None, run: Run | None) -> int | None:
    """Seconds until the page is to be loaded again; ``None`` once nothing changes any more."""
    state = run.state if run else schedule.state if schedule else None
    return None if meaning(state).terminal else 3


def _render(template: str, world: World, **told: Any) -> str:
    return _templates(world).get_template(template).render(**told)


def _templates(world: World) -> Environment:
    loader = PackageLoader("lightly_airflow.emulator")
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {"moment": _moment, "says": _says, "outcome": _outcome, "labels": _labels}
    templates.globals["duration"] = lambda run: _duration(run, world)
    return templates


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _says(state: str) -> str:
    return meaning(state).says


def _outcome(state: str) -> str:
    return meaning(state).outcome


def _labels(labels: Iterable[str]) -> str:
    return ", ".join(labels) or "no labels"


def _duration(run: Run, world: World) -> str:
    end = run.last_modified_at if meaning(run.state).terminal else world.milliseconds()
    minutes, seconds = divmod((end - run.created_at) // 1000, 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
