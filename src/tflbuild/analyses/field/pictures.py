"""Numbers that say how a picture looks, each by a word that a person knows.

References:
    Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000: the variance of the Laplacian.
    Immerkaer, Fast noise variance estimation, Computer Vision and Image Understanding 64, 1996.
    Wang, Bovik and Evans, Blind measurement of blocking artifacts in images, ICIP 2000.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.modalities.image.modality import ImageModality

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R 601."""

FLAT = 1e-4
"""Added where something is divided by what a picture may lack; in 0..1."""

CUT = 384
"""Side of the part, from the middle of the picture as it was taken, that noise and blocks are measured in."""

BLOCK = 8
"""Side of a block of JPEG."""

EVEN = 4.0
"""Range of a row, in steps of 0..255, up to which it is a bar."""

MOST_BAR = 256
"""Rows and columns that bars are looked for in; a larger picture is thinned out."""

NORMAL = 0.6745
"""Median of the absolute value of a standard normal variable."""

Grey = npt.NDArray[np.float32]


def looks_of(picture: Any, kind: ImageModality, height: int, width: int) -> dict[str, float]:
    """Give the numbers of a picture, most of them at the size of the model's input.

    Args:
        picture: (rows, columns, 3) uint8, RGB.
        kind: how the model takes it; only its kernel is used, so that bars of a letterbox do not count.
        height: of the input.
        width: of the input.
    """
    plainly = ImageModality.of({"resize": kind.resize, "antialias": kind.antialias})
    seen = plainly.pixels(picture, height, width).astype(np.float32) / 255
    grey = np.asarray(seen @ LUMA, np.float32)
    red, green, blue = (float(mean) for mean in seen.mean(axis=(0, 1)))
    first, second, third = seen[..., 0], seen[..., 1], seen[..., 2]
    most = np.maximum(np.maximum(first, second), third)
    least = np.minimum(np.minimum(first, second), third)
    raw = _middle(picture)
    return {
        "brightness": float(grey.mean()),
        "red": red,
        "green": green,
        "blue": blue,
        "darkest": float(np.quantile(grey, 0.01)),
        "brightest": float(np.quantile(grey, 0.99)),
        "contrast": float(grey.std()),
        "warmth": math.log((red + FLAT) / (blue + FLAT)),
        "tint": math.log((green + FLAT) ** 2 / ((red + FLAT) * (blue + FLAT))) / 2,
        "saturation": float(((most - least) / (most + 0.01)).mean()),
        "sharpness": _sharpness(grey),
        "fine_detail": _fine_detail(grey),
        "noise": _noise(raw),
        "blocks": _blocks(raw),
        "bars": _bars(picture),
        "aspect": math.log(picture.shape[1] / picture.shape[0]),
    }


def _middle(picture: Any) -> Grey:
    """Cut the middle out of a picture, in step with the blocks of JPEG; gives grey in 0..255."""
    starts = [max(0, (side - CUT) // 2) // BLOCK * BLOCK for side in picture.shape[:2]]
    part = picture[starts[0] : starts[0] + CUT, starts[1] : starts[1] + CUT]
    return np.asarray(part.astype(np.float32) @ LUMA)


def _laplacian(grey: Grey) -> Grey:
    if min(grey.shape) < 3:
        return np.zeros((1, 1), np.float32)
    inner = grey[1:-1, 1:-1]
    return grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner


def _sharpness(grey: Grey) -> float:
    """Give the logarithm of the Laplacian's variance for that of the picture, which exposure does not change."""
    return math.log((float(_laplacian(grey).var()) + FLAT**2) / (float(grey.var()) + FLAT))


def _fine_detail(grey: Grey) -> float:
    """Give the logarithm of the share of power above half of the highest frequency."""
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2
    rows, columns = np.fft.fftfreq(grey.shape[0])[:, None], np.fft.rfftfreq(grey.shape[1])[None]
    fine = float(power[np.hypot(rows, columns) > 0.25].sum())
    return math.log((fine + FLAT**2) / (float(power.sum()) + FLAT))


def _noise(grey: Grey) -> float:
    """Give the logarithm of the deviation of noise, in steps of 0..255; edges are left out by the median."""
    if min(grey.shape) < 3:
        return 0.0
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    found = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return math.log(float(np.median(np.abs(found))) / (6 * NORMAL) + 0.1)


def _blocks(grey: Grey) -> float:
    """Give the logarithm of steps at the edges of blocks of JPEG for those between their neighbours."""
    if min(grey.shape) < 2 * BLOCK + 1:
        return 0.0
    ratios = []
    for turned in (grey, grey.T):
        steps = np.abs(np.diff(turned, axis=1)).mean(axis=0)
        edge = np.arange(len(steps)) % BLOCK == BLOCK - 1
        ratios.append(float(steps[edge].mean() + 0.1) / float(steps[~edge].mean() + 0.1))
    return math.log(sum(ratios) / 2)


def _bars(picture: Any) -> float:
    """Give the share of a picture that even bars at opposite sides take, as a letterbox leaves them."""
    step = max(1, max(picture.shape[:2]) // MOST_BAR)
    thin = picture[::step, ::step].astype(np.float32) @ LUMA
    shares = []
    for turned in (thin, np.ascontiguousarray(thin.T)):
        even = np.ptp(turned, axis=1) <= EVEN
        before, behind = _leading(even), _leading(even[::-1])
        shares.append(0.0 if len(even) in (before, behind) else 2 * min(before, behind) / len(even))
    return max(shares)


def _leading(even: npt.NDArray[np.bool_]) -> int:
    return int(np.argmin(even)) if not even.all() else len(even)
