"""``python -m lightly_airflow.demo.ui``: Airflow with the example DAG, an S3 server and the emulator, to look around in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lightly_airflow.demo.photos import photographs
from lightly_airflow.demo.stage import DAG, Stage, stage
from lightly_airflow.demo.terminal import guarded, stay

FOLDER = Path(".ui")


def main() -> int:
    """Runs until ctrl-c; returns the exit code."""
    argparse.ArgumentParser("python -m lightly_airflow.demo.ui", description=__doc__).parse_args()
    return guarded(ui)


def ui() -> int:
    """Brings everything up in ``.ui/``, says where to look, and stays until something ends it.

    :raises DemoError: something does not start.
    """
    print("Starting an S3 server, the emulator and Airflow ...", flush=True)
    with stage(FOLDER, photographs(), editable=True) as running:
        print(_where(running), flush=True)
        stay()
    return 0


def _where(running: Stage) -> str:
    return f"""
Airflow      {running.airflow.url}/dags/{DAG}   nobody has to log in
             Trigger the DAG there; its connections are under Admin > Connections.
LightlyOne   {running.lightly.app_url}   the emulator's page: datasets, runs, selected images
Logs         {running.folder}

ctrl-c ends everything."""


if __name__ == "__main__":
    sys.exit(main())
