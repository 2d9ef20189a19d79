"""Small pictures for tests: a few that differ, near-duplicates of each, and what a run has to leave out."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageEnhance

FAMILIES = 3
PER_FAMILY = 3


def pictures(first: int = 0) -> dict[str, bytes]:
    """File name -> content: three families of three, a corrupt image and a file that is no image.

    :param first: number of the first scene; other numbers are other pictures.
    """
    found: dict[str, bytes] = {}
    for number in range(first, first + FAMILIES):
        image = _scene(number)
        found[f"scene{number}/original.jpg"] = _jpeg(image)
        found[f"scene{number}/brighter.JPG"] = _jpeg(ImageEnhance.Brightness(image).enhance(1.1))
        found[f"scene{number}/recompressed.jpeg"] = _jpeg(image, quality=40)
    whole = found[f"scene{first}/original.jpg"]
    return {**found, "broken.jpg": whole[: len(whole) // 2], "notes.txt": b"no image"}


def _scene(number: int) -> Image.Image:
    """Smooth shapes and colours that differ from scene to scene."""
    y, x = np.mgrid[0:96, 0:128] / 96.0
    waves = [np.sin((number + 1) * (x * a + y * b)) for a, b in ((3, 1), (1, 4), (2, -3))]
    tint = np.roll([1.0, 0.55, 0.2], number)
    pixels = np.stack([(wave * 0.4 + 0.6) * part * 255 for wave, part in zip(waves, tint, strict=True)], axis=-1)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, quality: int = 90) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
