"""``python -m lightly_airflow.demo``: one nightly curation, from photographs in a bucket to the selected ones."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from lightly_airflow.demo.outcome import outcome, save_page
from lightly_airflow.demo.photos import PHOTOGRAPHS, own_images, photographs
from lightly_airflow.demo.processes import DemoError
from lightly_airflow.demo.show import closing_table, follow, one_of_each
from lightly_airflow.demo.stage import DAG, Stage, stage
from lightly_airflow.demo.terminal import guarded, stay

FOLDER = Path(".demo")
# The emulator is on this machine and does not mind being asked often; the DAG's own 30 s suit the real service.
POLL_SECONDS = 3
_LINE = 120


def main() -> int:
    """Runs the demo; returns 0 only if the DAG succeeded and selected what it should."""
    parser = argparse.ArgumentParser("python -m lightly_airflow.demo", description=__doc__)
    parser.add_argument(
        "--input", type=Path, metavar="FOLDER", help="your own images (default: photographs that come with it)"
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running until ctrl-c, to look around")
    options = parser.parse_args()
    return guarded(lambda: demo(options.input, keep=options.keep))


def demo(folder: Path | None, *, keep: bool) -> int:
    """Runs the demo in ``.demo/``.

    :param folder: whose images are curated; ``None`` for the demo's own photographs.
    :param keep: leave everything running until ctrl-c.
    :raises DemoError: something did not start, or a task failed.
    """
    started, console = time.monotonic(), Console(width=None if sys.stdout.isatty() else _LINE)
    pictures = own_images(folder) if folder else photographs()
    console.print("Starting an S3 server, the emulator and Airflow ...")
    with stage(FOLDER, pictures) as running:
        n_samples = max(1, len(running.pictures) // 5) if folder else len(PHOTOGRAPHS)
        run_id = running.airflow.trigger(DAG, {"n_samples": n_samples, "poll_interval": POLL_SECONDS})
        follow(running, run_id, console)
        _conclude(running, run_id, console, started, own=folder is not None)
        if keep:
            console.print(f"Airflow: {running.airflow.url}   Emulator: {running.lightly.app_url}   ctrl-c ends them")
            stay()
    return 0


def _conclude(running: Stage, run_id: str, console: Console, started: float, *, own: bool) -> None:
    result = running.airflow.xcom(DAG, run_id, "curate")
    found, page = outcome(running, result), save_page(running)
    console.print(closing_table(running, found, page, time.monotonic() - started))
    if own:
        return
    if not one_of_each(running, found):
        raise DemoError("Some photograph was taken twice while another was not taken at all: that is a bug.")
    console.print("Of each photograph one was taken, although there were four of each.")


if __name__ == "__main__":
    sys.exit(main())
