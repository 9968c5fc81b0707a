"""Mel bands in whole weights, of the sizes of frequencies."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tflbuild.modalities.audio.micro.integers import Whole, rounded_root
from tflbuild.modalities.audio.micro.transform import Pair

BITS = 12
"""Bits behind the point of a weight."""

Float = np.float32


def sizes(found: Pair, weights: Whole, shift: Whole) -> Whole:
    """Give (frames, bands): roots of the energies of bands, in the loudness of the samples.

    Args:
        found: (frames, frequencies), the transform of frames.
        weights: (frequencies, bands).
        shift: (frames,): by how many bits each frame was made louder.
    """
    energies = (found.re * found.re + found.im * found.im).astype(
        np.float64
    )  # whole numbers below 2 ** 53, exact
    return rounded_root((energies @ weights.astype(np.float64)).astype(np.int64)) >> shift[:, None]


@lru_cache(maxsize=8)
def weights(bands: int, count: int, rate: int, low: float, high: float) -> Whole:
    """Give (frequencies, bands): a frequency rises into one band by what it falls out of the band below.

    Float32 where the op has it: its rounding decides the weights.

    Args:
        bands: how many.
        count: samples that are transformed.
        rate: samples in a second.
        low: where the lowest band begins, in Hz.
        high: where the highest band ends, in Hz.
    """
    frequencies = count // 2 + 1
    step = Float(0.5 * rate / (frequencies - 1))
    start = int(1.5 + float(Float(low) / step))  # the mean is in no band
    bottom = _mel(np.array([low], Float))[0]
    span = (_mel(np.array([high], Float))[0] - bottom) / Float(bands + 1)
    centres = bottom + span * np.arange(1, bands + 2, dtype=Float)
    mels = _mel(np.arange(frequencies, dtype=Float) * step)
    band = np.searchsorted(centres, mels, side="left")  # the first centre that is not below
    used = (np.arange(frequencies) >= start) & (band <= bands)
    below = np.concatenate([[bottom], centres[:-1]]).astype(Float)
    place = np.minimum(band, bands)
    share = (centres[place] - mels) / (centres[place] - below[place])
    matrix = np.zeros((frequencies, bands + 2), np.int64)
    every = np.flatnonzero(used)
    matrix[every, place[every]] = _whole(share[every].astype(np.float64))
    matrix[every, place[every] + 1] = _whole(1.0 - share[every].astype(np.float64))
    return np.ascontiguousarray(matrix[:, 1:-1])


def _mel(frequency: NDArray[np.float32]) -> NDArray[np.float32]:
    # divided in float64, as C does with a constant that has no suffix
    return (1127.0 * np.log1p(frequency.astype(np.float64) / 700.0)).astype(Float)


def _whole(share: NDArray[np.float64]) -> Whole:
    return np.floor(share * (1 << BITS) + 0.5).astype(np.int64)
