"""A program: imports Airflow and the operators once and sets each datasource it is told of in a fork, as Airflow's own
workers fork for each task. It prints what each fork has loaded, and with which error it ended.

Input: ``[{"arguments": {...}, "missing": ["package", ...]}, ...]``. Output: ``[{"modules": [...], "error": "..."}, ...]``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from lightly_airflow.operators import LightlySetDatasourceOperator


class Missing(MetaPathFinder):
    """Makes packages look as if they were not installed."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = tuple(packages)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if any(name == package or name.startswith(f"{package}.") for package in self._packages):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def run(arguments: dict[str, Any], missing: Sequence[str]) -> dict[str, Any]:
    """Sets one datasource in this process."""
    sys.meta_path.insert(0, Missing(missing))
    error = ""
    try:
        LightlySetDatasourceOperator(task_id="set", **arguments).execute({})
    except Exception as caught:
        error = f"{type(caught).__name__}: {caught}"
    return {"modules": sorted(sys.modules), "error": error}


def forked(case: dict[str, Any]) -> dict[str, Any]:
    """What :func:`run` finds in a fork of its own."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        with os.fdopen(writing, "w") as answer:
            json.dump(run(case["arguments"], case["missing"]), answer)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        found: dict[str, Any] = json.load(answer)
    os.wait()
    return found


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    answers = [forked(case) for case in cases]
    # Airflow itself writes to standard output as well.
    print(f"\n{json.dumps(answers)}")
