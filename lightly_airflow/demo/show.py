"""What the demo shows: how the tasks come along, and what came of them."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.live import Live
from rich.table import Table

from lightly_airflow.demo.outcome import Outcome, run_state
from lightly_airflow.demo.photos import photograph_of
from lightly_airflow.demo.processes import DemoError
from lightly_airflow.demo.stage import BUCKET, DAG, Stage

_LOOK = 0.5
_LOG_LINES = 25
# How long a run may take. A folder of one's own may hold many images, so this is only against waiting for ever.
_RUN_SECONDS = 3600.0
_COLOURS = {"success": "green", "deferred": "magenta", "running": "cyan", "up_for_retry": "yellow", "failed": "red"}
Row = tuple[str, str, str]


def follow(stage: Stage, run_id: str, console: Console) -> None:
    """Shows the tasks of a DAG run until it has succeeded: a table at a terminal, lines elsewhere.

    :raises DemoError: a task failed; with the end of its log.
    """
    started, shown = time.monotonic(), list[Row]()
    live = Live(console=console) if console.is_terminal else nullcontext()
    with live:
        while True:
            state, rows = str(stage.airflow.dag_run(DAG, run_id)["state"]), _rows(stage, run_id)
            if isinstance(live, Live):
                live.update(_progress(rows))
            else:
                _print_changes(console, rows, shown, time.monotonic() - started)
            shown = rows
            if state == "success":
                return
            _check(stage, run_id)
            if time.monotonic() - started > _RUN_SECONDS:
                raise DemoError(f"The DAG run is still {state} after {_RUN_SECONDS / 60:.0f} minutes.")
            time.sleep(_LOOK)


def closing_table(stage: Stage, outcome: Outcome, page: Path, seconds: float) -> Table:
    """Inputs, what was skipped and why, what was selected, where the results are, how long it took."""
    table = Table(show_header=False, show_lines=True, title="What LightlyOne made of the pictures")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    skipped = [
        *(f"{name}: corrupt, {why}" for name, why in outcome.corrupt.items()),
        *(f"{name}: no image" for name in outcome.others),
    ]
    table.add_row("inputs", f"{len(stage.pictures)} files in s3://{BUCKET}/input/")
    table.add_row(f"skipped {len(skipped)}", "\n".join(skipped) or "none")
    table.add_row(f"selected {len(outcome.selected)}", "\n".join(_selected(outcome.selected)))
    for what, part in {"report": "report.pdf", "thumbnails": "_thumb."}.items():
        table.add_row(what, "\n".join(str(path) for path in outcome.written if part in path.name))
    table.add_row("page", f"{page}")
    table.add_row("time", f"{seconds:.0f} s")
    return table


def one_of_each(stage: Stage, outcome: Outcome) -> bool:
    """Whether one picture of each photograph was selected, and none twice."""
    left_out = {*outcome.corrupt, *outcome.others}
    there = {photograph_of(name) for name in stage.pictures if name not in left_out}
    return sorted(map(photograph_of, outcome.selected)) == sorted(there)


def _rows(stage: Stage, run_id: str) -> list[Row]:
    tasks = stage.airflow.task_instances(DAG, run_id)
    tasks.sort(key=lambda task: task["start_date"] or "~")
    return [
        (task["task_id"], task["state"] or "waiting", _note(stage, task["task_id"], task["state"])) for task in tasks
    ]


def _note(stage: Stage, task_id: str, state: str | None) -> str:
    run = run_state(stage.lightly) if task_id == "curate" and state in ("running", "deferred") else ""
    return f"LightlyOne: {run}" if run else ""


def _progress(rows: list[Row]) -> Table:
    table = Table("task", "state", "", box=None)
    for task, state, note in rows:
        table.add_row(task, f"[{_COLOURS.get(state, 'dim')}]{state}[/]", note)
    return table


def _print_changes(console: Console, rows: list[Row], before: list[Row], seconds: float) -> None:
    for task, state, note in rows:
        if (task, state, note) not in before and state != "waiting":
            console.print(f"{seconds:5.1f} s  {task:10} {state:12} {note}".rstrip(), highlight=False)


def _check(stage: Stage, run_id: str) -> None:
    failed = [task for task in stage.airflow.task_instances(DAG, run_id) if task["state"] == "failed"]
    for task in failed[:1]:
        log = stage.airflow.task_log(DAG, run_id, task["task_id"], task["try_number"]).splitlines()[-_LOG_LINES:]
        raise DemoError(f"The task {task['task_id']!r} failed. The end of its log:\n" + "\n".join(log))


def _selected(names: list[str]) -> list[str]:
    return [f"{photograph_of(name)}: {PurePosixPath(name).name}" for name in names]
