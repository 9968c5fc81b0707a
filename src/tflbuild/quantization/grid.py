"""The grid that quantized weights lie on, as LiteRT Quantizer derives it from the largest weight of a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tflbuild.tflite.graph import by_output_channel, scaled_outputs

Granularity = Literal["channel", "tensor"]

FOUR_BIT = ("CONV_2D", "FULLY_CONNECTED")
"""Operators whose weights may have 4 bits.

LiteRT computes a depthwise convolution with 4-bit weights right between int8 activations, wrong between int16 ones
without a word, and not at all between float ones; its weights are few, and lose most. They stay at 8 bits.
"""

SMALLEST_BOUND = np.float32(1e-9)
"""Size that a channel without weights is taken to have, as in LiteRT Quantizer."""

ON_GRID = 1e-3
"""Distance from a level, in levels, within which a weight lies on it; far more than float32 loses."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Levels of one weight tensor.

    Attributes:
        scales: (channels,) float32, or (1,) where one scale serves the tensor; the width of a level.
        most: the largest level; the smallest is its negative.
        kind: operator that the weights belong to.
    """

    scales: npt.NDArray[np.float32]
    most: int
    kind: str

    def ratios(self, weights: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Give weights in units of their level, in their own shape."""
        return np.asarray(weights / self._spread(weights), np.float32)

    def values(self, levels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Give what levels stand for."""
        return np.asarray(levels.astype(np.float32) * self._spread(levels))

    def _spread(self, weights: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Give the scale of every weight, broadcastable to their shape."""
        if len(self.scales) == 1:
            return self.scales.reshape([1] * weights.ndim)
        ones = np.ones([1] * (weights.ndim - 1) + [weights.shape[-1]], np.float32)
        if self.kind != "DEPTHWISE_CONV_2D":
            ones = np.ones([len(weights)] + [1] * (weights.ndim - 1), np.float32)
        return np.asarray(scaled_outputs(self.kind, ones, self.scales), np.float32)


def bits_of(kind: str, bits: int) -> int:
    """Give the bits that an operator's weights have where `bits` are asked for."""
    return bits if kind in FOUR_BIT else 8


def grid_of(kind: str, weights: npt.NDArray[Any], bits: int, granularity: Granularity) -> Grid:
    """Derive the symmetric grid on which the largest absolute weight is the largest level.

    Args:
        kind: e.g. "CONV_2D".
        weights: of one operator, as they lie in the file.
        bits: asked for; see `bits_of`.
        granularity: a scale for each output channel, or one for all.
    """
    sizes = np.abs(by_output_channel(kind, weights)).astype(np.float32).max(axis=1)
    if granularity == "tensor":
        sizes = sizes.max(keepdims=True)
    most = 2 ** (bits_of(kind, bits) - 1) - 1
    return Grid(scales=np.maximum(sizes, SMALLEST_BOUND) / np.float32(most), most=most, kind=kind)


def off_grid(grid: Grid, weights: npt.NDArray[Any]) -> int:
    """Count the weights that lie between two levels."""
    ratios = grid.ratios(weights)
    return int(np.count_nonzero(np.abs(ratios - np.rint(ratios)) > ON_GRID))
