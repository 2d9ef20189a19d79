"""Where a run's files lie in the Lightly datasource, and how the page comes to know of one that is no artifact."""

from __future__ import annotations

from lightly_airflow.storage.listing import LIGHTLY_DIRECTORY

EXPIRY_PICTURE = "input_expiration.svg"


def run_file(run_id: str, name: str) -> str:
    """A file of a run, relative to the datasource's directory: https://docs.lightly.ai/docs/report."""
    return f"{LIGHTLY_DIRECTORY}runs/{run_id}/{name}"


def says_written(run_id: str, name: str) -> str:
    """The line of a run's log that tells of a file for which LightlyOne has no type of artifact.

    LightlyOne's types are a closed list, so the log is where a worker can say through the API that there is more.
    """
    return f"wrote {run_file(run_id, name)} in the Lightly datasource"
