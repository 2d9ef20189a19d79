"""BALANCE: which share of the selection each class shall have.

Source: https://docs.lightly.ai/docs/selection. Of which images UNIFORM and INPUT count the classes is not published;
here of all that are selected from, earlier selections among them.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from lightly_airflow.contract.models.selection import SelectionStrategy
from lightly_airflow.emulator.worker.descriptor import Array


def shares(strategy: SelectionStrategy, classes: Array) -> dict[str, float]:
    """The wanted share by class, as the distribution TARGET (the default), UNIFORM or INPUT has it.

    :param classes: one class an image.
    """
    counts = Counter(classes.tolist())
    if strategy.distribution == "UNIFORM":
        return dict.fromkeys(counts, 1 / max(len(counts), 1))
    if strategy.distribution == "INPUT":
        return {name: count / len(classes) for name, count in counts.items()}
    return strategy.target or {}


def distributions(wanted: dict[str, float], classes: Array) -> tuple[Array, Array]:
    """For the engine: which image is of which class, and the target of each class.

    The last class is that of all images that are in none of the others; it gets what the others leave of 1.
    """
    named = [classes == name for name in wanted]
    members = np.stack([*named, ~np.isin(classes, list(wanted))], axis=1)
    target = np.array([*wanted.values(), max(0.0, 1 - sum(wanted.values()))])
    return members.astype(np.float32), target.astype(np.float32)
