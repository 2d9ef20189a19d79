"""The descriptor tells near-duplicates from different photographs."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageEnhance

from lightly_airflow.emulator.worker.descriptor import DIMENSIONS, Array, describe
from lightly_airflow.emulator.worker.plan import Plan

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png", "grass.png",
    "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg",
    "rocket.jpg",
)  # fmt: skip


def recompressed(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer)


def cropped(image: Image.Image, share: float) -> Image.Image:
    width, height = (int(side * share) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


@pytest.fixture(scope="module")
def families() -> list[list[Array]]:
    """The descriptors of each photograph and of its near-duplicates; the original comes first."""
    found = []
    for name in PHOTOGRAPHS:
        image = Image.open(Path(skimage.data.__file__).with_name(name)).convert("RGB")
        brighter = ImageEnhance.Brightness(image).enhance(1.25)
        found.append(
            [
                describe(copy)
                for copy in (image, cropped(image, 0.85), cropped(image, 0.9), brighter, recompressed(image))
            ]
        )
    return found


def test_near_duplicates_are_nearer_than_other_photographs(families: list[list[Array]]) -> None:
    """The farthest near-duplicate is nearer than the nearest other photograph, with a margin of a quarter."""
    within = max(np.linalg.norm(a - b) for family in families for a, b in itertools.combinations(family, 2))
    between = min(
        np.linalg.norm(a - b) for one, other in itertools.combinations(families, 2) for a in one for b in other
    )
    assert within < 0.53
    assert between > 0.7


def test_diversity_takes_each_photograph_once(families: list[list[Array]]) -> None:
    """As many images as there are photographs: one of each family, before any is taken twice."""
    rows = np.stack([descriptor for family in families for descriptor in family])
    plan = Plan(rows)
    plan.diversity(1.0, None)
    chosen = plan.run(len(rows), [], len(families))
    assert sorted(row // 5 for row in chosen) == list(range(len(families)))


@pytest.mark.parametrize(
    ("mode", "size"), [("RGB", (1, 1)), ("L", (3, 900)), ("RGBA", (64, 64)), ("1", (20, 20)), ("I;16", (9, 9))]
)
def test_any_image_has_a_descriptor_of_unit_length(mode: str, size: tuple[int, int]) -> None:
    """Blank and odd images, too, have finite descriptors of length 1."""
    descriptor = describe(Image.new(mode, size))
    assert descriptor.shape == (DIMENSIONS,)
    assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)
