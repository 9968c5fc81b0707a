"""A Fourier transform of real numbers in 16 bits, as KISS FFT computes it: each stage divides before it adds.

References:
    Borgerding, KISS FFT, with FIXED_POINT of 16 bits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tflbuild.modalities.audio.micro.integers import Whole

Parts = NDArray[np.int32]

ONE = 32767
"""The number that stands for 1."""


class Pair(NamedTuple):
    """Complex numbers in 32 bits, which hold what sums of numbers of 16 bits are before C cuts them.

    Attributes:
        re: real parts.
        im: imaginary parts.
    """

    re: Parts
    im: Parts

    def at(self, *place: object) -> Pair:
        """Take the same part of both."""
        return Pair(self.re[place], self.im[place])  # type: ignore[index]

    def plus(self, other: Pair) -> Pair:
        """Add."""
        return Pair(self.re + other.re, self.im + other.im)

    def minus(self, other: Pair) -> Pair:
        """Subtract."""
        return Pair(self.re - other.re, self.im - other.im)

    def times(self, other: Pair) -> Pair:
        """Multiply with numbers of size 1, rounded."""
        return Pair(
            _rounded(self.re * other.re - self.im * other.im),
            _rounded(self.re * other.im + self.im * other.re),
        )

    def over(self, count: int) -> Pair:
        """Divide by a small number, rounded."""
        return Pair(_rounded(self.re * (ONE // count)), _rounded(self.im * (ONE // count)))

    def turned(self) -> Pair:
        """Turn by a quarter to the right."""
        return Pair(self.im, -self.re)

    def cut(self) -> Pair:
        """Keep the lowest 16 bits, signed. What was divided before it was added fits until the last sum."""
        return Pair(_cut(self.re), _cut(self.im))


def spectrum(samples: Whole) -> Pair:
    """Give (frames, count // 2 + 1): the transform of real frames, divided by the number of their samples.

    Args:
        samples: (frames, count) of 16 bits; count is a power of two, at least 4.
    """
    half = samples.shape[-1] // 2
    given = samples.astype(np.int32)
    packed = _transformed(Pair(given[..., 0::2], given[..., 1::2]))
    k = np.arange(1, half // 2 + 1)
    ahead = packed.at(..., k).over(2)
    mirrored = packed.at(..., half - k)
    behind = Pair(mirrored.re, -mirrored.im).cut().over(2)
    even, odd = ahead.plus(behind).cut(), ahead.minus(behind).cut().times(_turns_of_reals(half)).cut()
    ends = packed.at(..., slice(0, 1)).over(2)
    made = np.zeros((2, *samples.shape[:-1], half + 1), np.int32)
    made[0, ..., :1], made[0, ..., half:] = _cut(ends.re + ends.im), _cut(ends.re - ends.im)
    re, im = made
    re[..., k], im[..., k] = (even.re + odd.re) >> 1, (even.im + odd.im) >> 1
    # the middle one, where both meet, is the mirrored one
    re[..., half - k], im[..., half - k] = (even.re - odd.re) >> 1, (odd.im - even.im) >> 1
    return Pair(re, im)


def _transformed(values: Pair) -> Pair:
    """Give the transform of (..., count) complex numbers, divided by `count`, a power of two."""
    count = values.re.shape[-1]
    if count == 1:
        return values
    radix = 4 if count % 4 == 0 else 2
    inner = count // radix
    parted = [np.moveaxis(part.reshape(*part.shape[:-1], inner, radix), -1, -2) for part in values]
    whole = _transformed(Pair(*parted)).over(radix)
    joined = _quartered(whole, count) if radix == 4 else _halved(whole, count)
    return Pair(
        np.concatenate([one.re for one in joined], -1), np.concatenate([one.im for one in joined], -1)
    )


def _halved(parts: Pair, count: int) -> tuple[Pair, ...]:
    """Join two transforms of half of the numbers."""
    first, second = (parts.at(..., q, slice(None)) for q in range(2))
    second = second.times(_turns(count, 1))
    return first.plus(second).cut(), first.minus(second).cut()


def _quartered(parts: Pair, count: int) -> tuple[Pair, ...]:
    """Join four transforms of a quarter of the numbers."""
    first, *others = (parts.at(..., q, slice(None)) for q in range(4))
    one, two, three = (part.times(_turns(count, q)) for q, part in enumerate(others, start=1))
    far, near = first.minus(two), first.plus(two)
    total, apart = one.plus(three), one.minus(three).turned()
    return tuple(
        one.cut() for one in (near.plus(total), far.plus(apart), near.minus(total), far.minus(apart))
    )


@lru_cache(maxsize=64)
def _turns(count: int, times: int) -> Pair:
    """Give (count // 4 or count // 2,): turns to the right by `times` k of `count` parts."""
    inner = count // (4 if count % 4 == 0 else 2)
    return _turned(-2 * np.pi * times * np.arange(inner) / count)


@lru_cache(maxsize=16)
def _turns_of_reals(half: int) -> Pair:
    """Give (half // 2,): what parts the transforms of even and odd samples."""
    return _turned(-np.pi * (np.arange(1, half // 2 + 1) / half + 0.5))


def _turned(angles: np.ndarray) -> Pair:
    return Pair(*(np.floor(0.5 + ONE * part(angles)).astype(np.int32) for part in (np.cos, np.sin)))


def _rounded(products: Parts) -> Parts:
    products += 1 << 14
    products >>= 15
    return products


def _cut(numbers: Parts) -> Parts:
    return numbers.astype(np.int16).astype(np.int32)
