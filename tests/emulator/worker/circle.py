"""Eight made-up samples on a circle, so that one sees which are near each other."""

from __future__ import annotations

import numpy as np

from lightly_airflow.emulator.worker.descriptor import Array
from lightly_airflow.emulator.worker.selection import SampleTable

DEGREES = (0, 5, 10, 90, 95, 180, 270, 275)


def on_circle(*degrees: float) -> Array:
    """Embeddings of length 1 in these directions."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def circle_table() -> SampleTable:
    """The samples with how bright and how warm it was, and the weather."""
    numbers = {
        "lightly.luminance": np.array([10.0, 20, 30, 40, 50, 60, 70, 80]),
        "celsius": np.array([-5.0, 5, 3, -1, 0, 2, 4, 1]),
    }
    classes = {"weather": np.array(["sunny"] * 4 + ["rainy"] * 2 + ["foggy"] * 2)}
    return SampleTable(on_circle(*DEGREES), numbers, classes)
