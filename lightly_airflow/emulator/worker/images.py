"""From an image file to the facts that a run needs: measured once, then the pixels are let go."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lightly_airflow.contract.models.samples import SampleMetaData
from lightly_airflow.emulator.worker.descriptor import Array, describe

# Statistics are taken on at most this many pixels a side, so that two threads never hold more than two full images.
_MEASURED_SIDE = 1024
_THUMBNAIL_SIDE = 256
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# Pillow frees the interpreter while it decodes, and downloads only wait.
_THREADS = 4


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is kept of an image.

    :param name: its path below the datasource's directory.
    :param meta: LightlyOne's metadata of a sample.
    :param descriptor: see :func:`describe`.
    :param thumbnail: a small copy, encoded like the file itself.
    :param digest: of the file's bytes; equal for exact duplicates.
    """

    name: str
    meta: SampleMetaData
    descriptor: Array = field(repr=False)
    thumbnail: bytes = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class CorruptImage:
    """A file whose pixels cannot be loaded, and why (https://docs.lightly.ai/docs/corruptness-check)."""

    name: str
    error: str


def load_images(names: Iterable[str], read: Callable[[str], bytes]) -> Iterator[ImageFacts | CorruptImage]:
    """Download and measure images, several at a time, in the given order.

    :param names: paths below the datasource's directory.
    :param read: gives a file's bytes; what it raises ends the whole loading.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="images") as pool:
        try:
            yield from pool.map(lambda name: measure(name, read(name)), names)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def measure(name: str, content: bytes) -> ImageFacts | CorruptImage:
    """Decode one image and keep its facts; a file that cannot be decoded comes back as :class:`CorruptImage`."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            size, kind = image.size, image.format or "PNG"
            image.thumbnail((_MEASURED_SIDE, _MEASURED_SIDE))  # decodes all of the file
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except UnidentifiedImageError:
        return CorruptImage(name, "the file is no image of a known format")
    except Exception as error:  # Pillow's decoders raise nearly anything over broken bytes
        return CorruptImage(name, f"the image cannot be decoded: {error}")
    meta = _metadata(np.asarray(upright, np.float32) / 255, size, len(content))
    digest = hashlib.sha256(content).hexdigest()
    return ImageFacts(name, meta, describe(upright), _thumbnail(upright, kind), digest)


def numeric_metadata(meta: SampleMetaData) -> dict[str, float]:
    """The values of LightlyOne's ``lightly.*`` keys, those of worker 2.11.1 among them; 0 for what is not known."""
    height, width = (meta.shape or [0, 0])[:2]
    mean, std = meta.mean or [0.0] * 3, meta.std or [0.0] * 3
    return {
        "lightly.sharpness": meta.sharpness or 0.0,
        "lightly.snr": meta.snr or 0.0,
        "lightly.sizeInBytes": float(meta.size_in_bytes or 0),
        "lightly.uniformRowRatio": meta.uniform_row_ratio or 0.0,
        "lightly.luminance": meta.luminance or 0.0,
        "lightly.width": float(width),
        "lightly.height": float(height),
        "lightly.meanRed": mean[0],
        "lightly.meanGreen": mean[1],
        "lightly.meanBlue": mean[2],
        "lightly.contrast": 100 * sum(std) / 3,
    }


def _metadata(rgb: Array, size: tuple[int, int], size_in_bytes: int) -> SampleMetaData:
    """LightlyOne publishes names and ranges, not formulas; these are ours and their values differ from the worker's.

    Luminance: mean brightness of 0 to 100. Sharpness: variance of the Laplacian of the brightness, 0 to 255 a pixel.
    Signal to noise: mean brightness over its standard deviation. Uniform rows: share of rows with one colour alone.
    Contrast: mean of the channels' standard deviations, as a percentage.
    """
    grey = rgb @ _LUMA
    return SampleMetaData(
        luminance=float(np.clip(100 * grey.mean(), 0, 100)),
        sharpness=float(_laplacian(255 * grey).var()),
        snr=float(grey.mean() / max(grey.std(), 1e-6)),
        uniform_row_ratio=float((np.ptp(rgb, axis=1).max(axis=1) == 0).mean()),
        size_in_bytes=size_in_bytes,
        shape=[size[1], size[0], 3],
        mean=_channels(rgb.mean(axis=(0, 1))),
        std=_channels(rgb.std(axis=(0, 1))),
    )


def _laplacian(grey: Array) -> Array:
    padded = np.pad(grey, 1, mode="edge")
    edges: Array = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * grey
    return edges


def _channels(values: Array) -> list[float]:
    return [float(value) for value in np.clip(values, 0, 1)]


def _thumbnail(image: Image.Image, kind: str) -> bytes:
    small, buffer = image.copy(), io.BytesIO()
    small.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    small.save(buffer, kind if kind in Image.SAVE else "PNG")
    return buffer.getvalue()
