"""Runs Lightly's selection engine; started as a program of its own, see ``selection``.

A program, because the engine holds Python's lock while it computes, so heartbeats would stop, and because its failures
are no ``Exception``. It imports nothing of this package, so that it starts wherever its interpreter finds numpy.

stdin: an npz archive with the arrays by name and ``plan``, a JSON object: ``n_total``, ``n_select``, ``preselected``
and ``steps``, each ``{"method", "options", "arrays": {argument: name of an array}}``.
stdout: a JSON list with the selected rows, the preselected first.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import numpy as np
from lightly_mundig import Selection


def run(plan: dict[str, Any], arrays: dict[str, Any]) -> list[int]:
    """Apply a plan's steps to a new selection and run it."""
    selection = Selection()
    for step in plan["steps"]:
        inputs = {argument: arrays[name] for argument, name in step["arrays"].items()}
        getattr(selection, step["method"])(**inputs, **step["options"])
    rows: list[int] = selection.run_selection(plan["preselected"], plan["n_total"], plan["n_select"])
    return rows


if __name__ == "__main__":
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as archive:
        given = {name: archive[name] for name in archive.files}
    sys.stdout.write(json.dumps(run(json.loads(str(given.pop("plan"))), given)))
