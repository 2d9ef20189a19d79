"""The steps of a selection, and the engine that follows them: lightly-mundig, in a process of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lightly_airflow.emulator.worker.descriptor import Array
from lightly_airflow.emulator.worker.failure import RunFailed

_ENGINE = Path(__file__).with_name("engine.py")


class Plan:
    """Strategies over the same samples; each takes its ``strength``, an exponent: 0 switches it off, below 0 inverts it.

    :param embeddings: of unit length, one row a sample.
    """

    def __init__(self, embeddings: Array) -> None:
        self._arrays: dict[str, Array] = {"embeddings": embeddings}
        self._parts = [[row] for row in range(len(embeddings))]
        self._steps: list[dict[str, Any]] = []

    def diversity(self, strength: float, minimum_distance: float | None) -> None:
        """Far from what is already selected; ends where the next would be nearer than the distance."""
        # LightlyOne's -1 means no limit; the engine would take it as a distance of 1.
        limit = minimum_distance if minimum_distance is not None and minimum_distance >= 0 else None
        options = {"strength": strength, "stopping_condition_minimum_distance": limit}
        self._add("add_diversifying_strategy", options, embeddings="embeddings")

    def typicality(self, strength: float, neighbours: int, minimum: float | None) -> None:
        """Like many others: near to its nearest neighbours."""
        if len(self._parts) < 2:
            return  # one sample has no neighbours
        options = {
            "strength": strength,
            "num_nearest_neighbors": neighbours,
            "stopping_condition_minimum_typicality": minimum,
        }
        # The engine knows typicality and similarity for parts of images; here each image is its own only part.
        self._add("add_subpart_typicality_strategy", {**options, **self._whole()}, embeddings="embeddings")

    def similarity(self, strength: float, queries: Array) -> None:
        """Near to one of the queries' embeddings."""
        name = self._array(queries)
        options = {"strength": strength, **self._whole()}
        self._add("add_subpart_similarity_strategy", options, key_embeddings="embeddings", query_embeddings=name)

    def weights(self, strength: float, values: Array) -> None:
        """Large values first; those below 0 count as 0, since the engine has no logarithm of them."""
        weights = self._array(np.maximum(values, 0).astype(np.float32))
        self._add("add_weighting_strategy", {"strength": strength}, weights=weights)

    def balance(self, strength: float, distributions: Array, target: Array) -> None:
        """Classes in the shares of the target.

        :param distributions: one row a sample, one column a class: how much the sample is of the class.
        :param target: a class's share of the selection.
        """
        arrays = {"class_distributions": self._array(distributions), "target": self._array(target)}
        self._add("add_balancing_strategy", {"strength": strength}, **arrays)

    def run(self, n_total: int, preselected: list[int], n_select: int) -> list[int]:
        """The selected rows, the preselected first.

        :param n_select: how many, with the preselected; more than there are would bring duplicates, so it is capped.
        :raises RunFailed: a value is not a finite number, or the engine failed.
        """
        if not all(np.isfinite(array).all() for array in self._arrays.values()):
            raise RunFailed("an embedding or a weight is not a finite number, so nothing can be selected")
        wanted = min(n_select, n_total)
        if wanted <= len(preselected):
            return preselected  # nothing to choose, and the engine panics over a balance of no samples
        plan = {
            "n_total": n_total,
            "n_select": wanted,
            "preselected": preselected,
            "steps": self._steps,
        }
        return _run_engine(plan, self._arrays)

    def _whole(self) -> dict[str, Any]:
        return {"sample_to_subpart_indices": self._parts}

    def _array(self, values: Array) -> str:
        name = f"array_{len(self._arrays)}"
        self._arrays[name] = values
        return name

    def _add(self, method: str, options: dict[str, Any], **arrays: str) -> None:
        self._steps.append({"method": method, "options": options, "arrays": arrays})


def _run_engine(plan: dict[str, Any], arrays: dict[str, Array]) -> list[int]:
    buffer = io.BytesIO()
    members: dict[str, Any] = {**arrays, "plan": np.array(json.dumps(plan))}
    np.savez(buffer, **members)
    # -P: the modules beside the engine must not be found in place of others of the same name.
    command = [sys.executable, "-P", str(_ENGINE)]
    done = subprocess.run(command, input=buffer.getvalue(), capture_output=True, check=False)  # noqa: S603 - no outside input
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RunFailed(f"the selection engine failed: {told[-1] if told else f'exit code {done.returncode}'}")
    rows: list[int] = json.loads(done.stdout)
    return rows
