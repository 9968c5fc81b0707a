"""Logarithms of whole numbers, by straight pieces and a table of what these are short of."""

from __future__ import annotations

import numpy as np

from tflbuild.modalities.audio.micro.integers import WORD, Whole, bits_of
from tflbuild.modalities.audio.micro.settings import correction

BITS, PIECES = 16, 7
"""Bits behind the point, and of the number of a piece."""

OF_TWO = 45426
"""The natural logarithm of 2."""

_K = np.arange((1 << PIECES) + 1) / (1 << PIECES)
SHORT = np.rint((1 << BITS) * (np.log2(1 + _K) - _K)).astype(np.int64)
"""How much larger the logarithm is than its straight line, at the ends of the pieces."""


def logarithms(values: Whole, fft: int, shift: int) -> Whole:
    """Give natural logarithms of bands; 0 of what is not above 1.

    Args:
        values: of 32 bits without a sign.
        fft: samples that are transformed, which say by how many bits the values are too small.
        shift: bits behind the point of what is given.
    """
    up = correction(fft)
    given = (values << up) & WORD if up >= 0 else values >> -up
    safe = np.maximum(given, 2)
    power = bits_of(safe) - 1
    rest = safe - (np.int64(1) << power)
    rest = np.where(power < BITS, rest << np.maximum(BITS - power, 0), rest >> np.maximum(power - BITS, 0))
    piece = rest >> (BITS - PIECES)
    first, second = SHORT[piece], SHORT[piece + 1]
    bent = ((second - first) * (rest - (piece << (BITS - PIECES)))) >> BITS
    half = 1 << (BITS - 1)
    natural = (OF_TWO * ((power << BITS) + rest + first + bent) + half) >> BITS
    return np.where(given > 1, ((natural << shift) + half) >> BITS, 0)
