"""Random numbers that stay the same for every machine and every release of NumPy."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

BLOCK = 64


class Draws:
    """A stream of integers that follows from its seeds.

    NumPy promises the raw stream of a bit generator for ever, but not what `Generator` makes of it; and
    only integers are free of the rounding of a machine's `libm`.

    Args:
        seeds: JSON-able numbers and words that name the stream.
    """

    def __init__(self, *seeds: int | str) -> None:
        entropy = hashlib.sha256(repr(seeds).encode()).digest()
        self._source = np.random.PCG64(int.from_bytes(entropy[:16], "big"))
        self._ready: list[int] = []

    def below(self, limit: int) -> int:
        """Draw an integer in 0..limit-1."""
        if not self._ready:
            self._ready = self._source.random_raw(BLOCK).tolist()
        return ((self._ready.pop() >> 32) * limit) >> 32

    def between(self, low: int, high: int) -> int:
        """Draw an integer in low..high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """Draw true with a probability, to a millionth."""
        return self.below(1_000_000) < round(probability * 1_000_000)

    def bytes(self, count: int) -> NDArray[np.uint8]:
        """Draw `count` bytes."""
        raw = self._source.random_raw((count + 7) // 8).astype("<u8")
        return raw.view(np.uint8)[:count]
