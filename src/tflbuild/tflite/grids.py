"""The grid of a quantized tensor: the numbers that its integers can stand for."""

from __future__ import annotations

from typing import Any, NamedTuple

from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.scales import LEVELS, scales_of, zero_points_of

SIX = 6.0


class Grid(NamedTuple):
    """Evenly spaced numbers.

    Attributes:
        low: the smallest.
        high: the largest.
        step: from one to the next.
        bits: of the integers that stand for them.
    """

    low: float
    high: float
    step: float
    bits: int

    @classmethod
    def between(cls, low: float, high: float, bits: int) -> Grid:
        """Give the grid of a range, whose ends are moved so that one of its numbers is zero."""
        step = (high - low) / (2**bits - 1)
        below = round(-low / step) if step > 0 else 0
        return cls(-below * step, (2**bits - 1 - below) * step, step, bits)

    @property
    def width(self) -> float:
        """The distance of its ends."""
        return self.high - self.low

    def endless(self, bits: int) -> Grid:
        """Give the grid of the same steps that goes on as far as more bits reach."""
        half = 2 ** (bits - 1)
        return Grid(-half * self.step, (half - 1) * self.step, self.step, bits) if self.bits < bits else self

    @property
    def activation(self) -> str:
        """The fused activation that its ends are; "" for none.

        >>> Grid(0.0, 5.98, 0.0235, 8).activation
        'RELU6'
        """
        if self.low == 0:
            return "RELU6" if abs(self.high - SIX) <= self.step else "RELU"
        return "RELU_N1_TO_1" if max(abs(self.low + 1), abs(self.high - 1)) <= self.step else ""


def grid_of(tensor: Any) -> Grid:
    """Give the grid of a tensor with one scale."""
    dtype = DTYPES[tensor.type]
    least, most = LEVELS[dtype]
    scale, zero = float(scales_of(tensor)[0]), int(zero_points_of(tensor)[0])
    bits = (most - least + 1).bit_length() - 1
    return Grid((least - zero) * scale, (most - zero) * scale, scale, bits)
