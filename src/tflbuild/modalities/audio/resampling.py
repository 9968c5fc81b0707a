"""Change the rate of a recording, by a windowed sinc whose phases are computed once."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CROSSINGS = 24
"""Zero crossings of the sinc on each side. More are steeper at half of the lower rate."""

BETA = 9.0
"""Shape of the Kaiser window: what aliases is below -90 dB."""

ROLLOFF = 0.94
"""Where the filter begins to fall, as a part of half of the lower rate."""

BLOCK = 1 << 15
"""Samples that are made at once."""


def resampled(samples: NDArray[np.float32], rate: int, wanted: int, most: int) -> NDArray[np.float32]:
    """Give a recording at another rate.

    Args:
        samples: (n,) of `rate` a second.
        rate: of `samples`.
        wanted: samples a second that are given.
        most: samples that are given at most, from the beginning.
    """
    if rate == wanted:
        return samples[:most]
    common = math.gcd(rate, wanted)
    up, down = wanted // common, rate // common
    count = min(most, -(-len(samples) * up // down))
    kernel = _kernel(up, down)
    reach = kernel.shape[1] // 2
    given = np.zeros(len(samples) + 2 * reach + 1, np.float64)
    given[reach : reach + len(samples)] = samples
    made = np.empty(count, np.float32)
    taps = np.arange(kernel.shape[1])
    for start in range(0, count, BLOCK):
        first, phase = np.divmod(np.arange(start, min(start + BLOCK, count)) * down, up)
        # position `first` of the samples lies `reach` further on in `given`
        window = given[np.minimum(first[:, None] + taps, len(given) - 1)]
        made[start : start + len(first)] = np.einsum("ij,ij->i", window, kernel[phase])
    return made


@lru_cache(maxsize=8)
def _kernel(up: int, down: int) -> NDArray[np.float64]:
    """Give (phases, taps): what each sample around a place counts, by how far behind a sample the place is."""
    share = ROLLOFF * min(1.0, up / down)
    half = math.ceil(CROSSINGS / share)
    offsets = np.arange(-half, half + 1)[None, :] - (np.arange(up) / up)[:, None]
    inside = np.clip(1 - (offsets / (half + 1)) ** 2, 0, None)
    kernel = share * np.sinc(share * offsets) * np.i0(BETA * np.sqrt(inside)) / np.i0(BETA)
    whole: NDArray[np.float64] = kernel / kernel.sum(axis=1, keepdims=True)
    return whole
