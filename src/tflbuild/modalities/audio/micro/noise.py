"""Noise reduction: each band loses what it has had for a while."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tflbuild.modalities.audio.micro.integers import WORD, Whole
from tflbuild.modalities.audio.micro.settings import Micro

BITS = 14
"""Bits behind the point of the settings."""


class Reduced(NamedTuple):
    """Bands without noise, and the noise.

    Attributes:
        signal: (frames, bands).
        estimate: (frames, bands), with `noise_bits` bits behind the point.
    """

    signal: Whole
    estimate: Whole


def reduced(sizes: Whole, settings: Micro) -> Reduced:
    """Take the noise off, from frame to frame; before the first one there was none.

    Args:
        sizes: (frames, bands).
        settings: how much.
    """
    speed = np.full(sizes.shape[1], _whole(settings.noise_even), np.int64)
    speed[1::2] = _whole(settings.noise_odd)
    loud = (sizes << settings.noise_bits) & WORD
    estimate = np.zeros_like(sizes)
    before = np.zeros(sizes.shape[1], np.int64)
    for frame, now in enumerate(loud):
        before = ((now * speed + before * ((1 << BITS) - speed)) >> BITS) & WORD
        estimate[frame] = before
    left = (
        loud - estimate
    ) >> settings.noise_bits  # below 0 where there was more noise; the least part is larger
    return Reduced(np.maximum(left, (sizes * _whole(settings.noise_least)) >> BITS), estimate)


def _whole(share: float) -> int:
    return int(np.float32(share) * np.float32(1 << BITS))
