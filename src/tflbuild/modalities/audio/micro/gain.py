"""Automatic gain: bands are divided by a power of their noise, by pieces of parabolas (PCAN)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tflbuild.modalities.audio.micro.integers import WORD, Whole, bits_of, signed16, signed32
from tflbuild.modalities.audio.micro.settings import Micro, correction

SIGNAL_BITS, GIVEN_BITS = 12, 6
"""Bits behind the point of signal over noise, and of what is given."""

LARGEST = 32767
"""Largest gain."""


def evened(signal: Whole, estimate: Whole, settings: Micro, fft: int) -> Whole:
    """Multiply bands with the gain that their noise gives, and flatten what is small.

    Args:
        signal: (frames, bands).
        estimate: (frames, bands), the noise.
        settings: how much.
        fft: samples that are transformed.
    """
    gain = _gain(estimate, _parabolas(settings, fft)) & WORD
    shift = settings.gain_bits - correction(fft) - SIGNAL_BITS
    ratio = ((signal * gain) >> shift) & WORD
    small = (ratio * ratio) >> (2 + 2 * SIGNAL_BITS - GIVEN_BITS)
    large = (ratio >> (SIGNAL_BITS - GIVEN_BITS)) - (1 << GIVEN_BITS)
    return np.where(ratio < 2 << SIGNAL_BITS, small, large)


def _gain(noise: Whole, parabolas: Whole) -> Whole:
    """Look up the gain: between two powers of two by the parabola of that piece."""
    piece = bits_of(noise)
    value, slope, bend = (parabolas[piece, part] for part in range(3))
    place = (
        np.where(piece < 11, noise << np.maximum(11 - piece, 0), noise >> np.maximum(piece - 11, 0)) & 0x3FF
    )
    rise = signed32(signed32(((bend * place) >> 5) + (slope << 5)) * place)
    found = signed16(((signed32(rise + (1 << 14))) >> 15) + value)
    return np.where(noise <= 1, value, found)


@lru_cache(maxsize=8)
def _parabolas(settings: Micro, fft: int) -> Whole:
    """Give (33, 3): the gain at the beginning of each piece, its slope and its bend, by the bits of the noise."""
    table = np.zeros((33, 3), np.int64)
    table[0, 0], table[1, 0] = (_at(settings, fft, noise) for noise in (0, 1))
    for bits in range(2, 33):
        start = 1 << (bits - 1)
        end = 2 * start - (bits == 32)
        here, middle, there = (_at(settings, fft, noise) for noise in (start, start + start // 2, end))
        slope = 4 * (middle - here) - (there - here)
        table[bits] = here, *signed16(np.array([slope, (there - here) - slope]))
    return table


def _at(settings: Micro, fft: int, noise: int) -> int:
    """Give the gain of a noise, rounded."""
    single = np.float32
    loud = single(noise) / single(1 << (settings.noise_bits - correction(fft)))
    base = float(loud + single(settings.gain_offset))
    gain = single(1 << settings.gain_bits) * single(base ** -float(single(settings.gain_strength)))
    return LARGEST if gain > LARGEST else int(gain + single(0.5))
