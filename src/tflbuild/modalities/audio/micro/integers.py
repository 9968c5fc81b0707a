"""Whole numbers of fixed widths: what C keeps of a number that does not fit, and roots and lengths of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
"""Whole numbers that are computed in 64 bits, and cut to their width where C stores them."""

WORD = 0xFFFFFFFF
"""Largest number of 32 bits without a sign."""


def signed16(numbers: Whole) -> Whole:
    """Keep the lowest 16 bits, as a signed number."""
    return numbers.astype(np.int16).astype(np.int64)


def signed32(numbers: Whole) -> Whole:
    """Keep the lowest 32 bits, as a signed number."""
    return numbers.astype(np.int32).astype(np.int64)


def bits_of(numbers: Whole) -> Whole:
    """Count the bits of each number from 0 to 2 ** 52.

    >>> bits_of(np.array([0, 1, 2, 255, 256])).tolist()
    [0, 1, 2, 8, 9]
    """
    return np.frexp(numbers.astype(np.float64))[1].astype(np.int64)


def rounded_root(numbers: Whole) -> Whole:
    """Give the nearest whole square root; the largest of 16 bits where the number has 32 and its root would have 17.

    >>> rounded_root(np.array([0, 2, 3, 6, 7, 2 ** 32 - 1, 2 ** 32])).tolist()
    [0, 1, 2, 2, 3, 65535, 65536]
    """
    root = np.floor(np.sqrt(numbers.astype(np.float64))).astype(np.int64)
    root -= root * root > numbers
    root += (root + 1) ** 2 <= numbers
    up = numbers - root * root > root
    return np.asarray(root + (up & ~((numbers <= WORD) & (root == 0xFFFF))))
