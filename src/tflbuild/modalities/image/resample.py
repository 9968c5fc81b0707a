"""Resize uint8 images, with and without antialiasing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
"""PIL's kernels; it always averages over the source when it shrinks, `nearest` excepted."""

Region = tuple[float, float, float, float]
"""Part of an image in pixels: top, left, bottom, right; may be fractional."""


def resample(
    image: NDArray[np.uint8],
    height: int,
    width: int,
    kernel: str = "bilinear",
    antialias: bool = True,
    region: Region | None = None,
) -> NDArray[np.uint8]:
    """Resize an image, or a region of it, with half-pixel centres.

    Args:
        image: (rows, columns, 3) uint8.
        height: rows of the result.
        width: columns of the result.
        kernel: one of `KERNELS`; without antialiasing `box` is `nearest`.
        antialias: whether shrinking widens the kernel to cover the source.
        region: what to resize; the whole image by default.

    Returns:
        (height, width, 3) uint8.
    """
    rows, columns = image.shape[:2]
    top, left, bottom, right = region or (0.0, 0.0, float(rows), float(columns))
    if antialias or kernel == "nearest":
        picture = Image.fromarray(image)
        return np.asarray(picture.resize((width, height), KERNELS[kernel], box=(left, top, right, bottom)))
    down = _taps(top, bottom, height, rows, kernel)
    across = _taps(left, right, width, columns, kernel)
    # Rows first: only the needed ones are ever turned into floats.
    narrow = np.zeros((height, columns, 3), np.float32)
    for index, weight in down:
        narrow += image[index].astype(np.float32) * weight[:, None, None]
    full = np.zeros((height, width, 3), np.float32)
    for index, weight in across:
        full += narrow[:, index] * weight[None, :, None]
    pixels: NDArray[np.uint8] = np.rint(full).clip(0, 255).astype(np.uint8)
    return pixels


def _taps(
    start: float, stop: float, size: int, limit: int, kernel: str
) -> list[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Give index and weight of each of a kernel's taps along one axis; the border pixel is repeated."""
    centres = start + (np.arange(size) + 0.5) * ((stop - start) / size) - 0.5
    if kernel == "box":
        offsets, weights = np.floor(centres + 0.5), [np.ones(size)]
        first = 0
    else:
        offsets = np.floor(centres)
        t = centres - offsets
        first, weights = (0, [1 - t, t]) if kernel == "bilinear" else (-1, _cubic(t))
    return [
        (np.clip(offsets + first + k, 0, limit - 1).astype(np.intp), weight.astype(np.float32))
        for k, weight in enumerate(weights)
    ]


def _cubic(t: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Give the four weights of cubic convolution with a = -1/2, as PIL and TensorFlow use.

    References:
        R. Keys, Cubic convolution interpolation for digital image processing, 1981.
    """
    return [_far(1 + t), _near(t), _near(1 - t), _far(2 - t)]


def _near(d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh a tap at a distance of 0..1."""
    return (1.5 * d - 2.5) * d * d + 1


def _far(d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh a tap at a distance of 1..2."""
    return ((-0.5 * d + 2.5) * d - 4) * d + 2
