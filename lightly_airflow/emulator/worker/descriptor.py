"""What an image looks like, in 81 numbers: the emulator's embedding.

A plain, deterministic descriptor and no more than that: no neural network, no training, no notion of objects. It tells
near-duplicates (a crop, a brighter copy, a recompressed one) from different photographs, which is what a laptop needs.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Array: TypeAlias = npt.NDArray[Any]

_SIDE = 128
_QUANTILES = (np.arange(16) + 0.5) / 16
_LAYOUT_CELLS = 4
_EDGE_SCALES, _EDGE_DIRECTIONS = 4, 8
DIMENSIONS = 2 * len(_QUANTILES) + _EDGE_SCALES * _EDGE_DIRECTIONS + _LAYOUT_CELLS**2 + 1
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# Found by search on the photographs of scikit-image: the widest gap between near-duplicates and different photographs.
_COLOUR_WEIGHT, _EDGE_WEIGHT, _LAYOUT_WEIGHT, _CONSTANT = 2.75, 6.5, 1.7, 1.2


def describe(image: Image.Image) -> Array:
    """The descriptor of an image: colours, edge directions and layout, as a vector of length 1.

    :param image: any size and mode.
    """
    small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    rgb = np.asarray(small, np.float32) / 255
    grey = rgb @ _LUMA
    grey = (grey - grey.mean()) / (grey.std() + 1e-3)  # a brighter copy is the same picture
    parts = (
        _COLOUR_WEIGHT * _colours(rgb),
        _EDGE_WEIGHT * _edges(grey),
        _LAYOUT_WEIGHT * _shrink(grey, _SIDE // _LAYOUT_CELLS).ravel(),
        # Keeps the direction of a picture that has nothing else defined.
        np.array([_CONSTANT]),
    )
    vector = np.concatenate(parts)
    unit: Array = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def _colours(rgb: Array) -> Array:
    """How red against green and how blue against yellow the pixels are; brightness and place do not count."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    brightness = red + green + blue + 0.05  # the constant keeps noise in black pixels from being colour
    opposites = ((red - green) / brightness, (blue - (red + green) / 2) / brightness)
    return np.concatenate([np.quantile(opposite, _QUANTILES) for opposite in opposites])


def _edges(grey: Array) -> Array:
    """How often edges run in which direction, at several scales; their place does not count, so crops stay near."""
    scales = [grey]
    while len(scales) < _EDGE_SCALES:
        scales.append(_shrink(scales[-1], 2))
    return np.concatenate([_directions(scale) for scale in scales])


def _directions(grey: Array) -> Array:
    rows, columns = np.gradient(grey)
    turn = np.mod(np.arctan2(rows, columns), np.pi) / np.pi * _EDGE_DIRECTIONS
    lower = np.floor(turn).astype(int)
    strength, share = np.hypot(rows, columns), turn - lower
    # Each edge counts for its two neighbouring directions, so that a slight turn changes little.
    counts = _histogram(lower, strength * (1 - share)) + _histogram(lower + 1, strength * share)
    shares: Array = counts / max(counts.sum(), 1e-6)
    return shares - 1 / _EDGE_DIRECTIONS


def _histogram(directions: Array, weights: Array) -> Array:
    return np.bincount(directions.ravel() % _EDGE_DIRECTIONS, weights.ravel(), _EDGE_DIRECTIONS)


def _shrink(grey: Array, factor: int) -> Array:
    side = grey.shape[0] // factor
    shrunk: Array = grey.reshape(side, factor, side, factor).mean(axis=(1, 3))
    return shrunk
