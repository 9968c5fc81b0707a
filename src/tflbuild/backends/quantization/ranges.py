"""Ranges of activations, set from histograms.

References:
    Migacz, 8-bit Inference with TensorRT, 2017: `entropy`.
    Nagel et al., A White Paper on Neural Network Quantization, 2021, section 3.1: `mse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from tflbuild.backends.quantization.observation import Activation

Range = tuple[float, float]
Method = Literal["minmax", "p99.9", "p99.99", "p99.999", "mse", "entropy"]

PERCENTILES = {"p99.9": 99.9, "p99.99": 99.99, "p99.999": 99.999}

SMALLEST_RANGE = 1e-4
"""Range of a tensor that was constant zero on every calibration image."""

LEVELS = 256
"""Levels of int8."""

CUTS = np.linspace(0.02, 1.0, 128)
"""Shares of an end of the range that searches try."""


def ranges_of(observed: Mapping[str, Activation], method: Method) -> dict[str, Range]:
    """Give each activation's range.

    Args:
        observed: what `observation.observe` gave.
        method: how the ends are set. `minmax`: the smallest and the largest value; `p99.99`: as much of either end is
            cut off as leaves 99.99 % of the values; `mse`: the least mean square error of int8; `entropy`: the
            least Kullback-Leibler divergence between the distributions before and after.

    Returns:
        (low, high) by tensor name; low <= 0 <= high.
    """
    return {name: _holding_zero(*_range(activation, method)) for name, activation in observed.items()}


def _range(activation: Activation, method: Method) -> Range:
    if activation.high <= activation.low or method == "minmax":
        return activation.low, activation.high
    if method in PERCENTILES:
        return _percentile(activation, (100.0 - PERCENTILES[method]) / 200.0)
    if method == "mse":
        return _least_square_error(activation)
    return _least_divergence(activation)


def _holding_zero(low: float, high: float) -> Range:
    """Widen a range so that zero is in it, and so that a tensor that is constant zero has one at all."""
    return min(low, 0.0), max(high, 0.0, min(low, 0.0) + SMALLEST_RANGE)


def _percentile(activation: Activation, tail: float) -> Range:
    """Leave at most `tail` of the values out at each end."""
    shares = np.cumsum(activation.counts) / activation.counts.sum()
    first = int(np.searchsorted(shares, tail, side="right"))
    last = int(np.searchsorted(shares, 1.0 - tail, side="left"))
    edges = activation.edges
    return float(edges[first]), float(edges[min(last, len(edges) - 2) + 1])


def _least_square_error(activation: Activation) -> Range:
    """Weigh what is cut off against the width of a step, over a grid of both ends."""
    lows, highs = CUTS * min(activation.low, 0.0), CUTS * max(activation.high, 0.0)
    if activation.low >= 0:
        lows = np.zeros(1)
    if activation.high <= 0:
        highs = np.zeros(1)
    centres = (activation.edges[:-1] + activation.edges[1:]) / 2
    counts = activation.counts.astype(np.float64)
    below = _clipped(centres, counts, lows)
    above = _clipped(-centres[::-1], counts[::-1], -highs)
    step = (highs[None, :] - lows[:, None]) / (LEVELS - 1)
    error = counts.sum() * step**2 / 12 + below[:, None] + above[None, :]
    low, high = np.unravel_index(int(np.argmin(error)), error.shape)
    return float(lows[low]), float(highs[high])


def _clipped(
    centres: npt.NDArray[np.float64], counts: npt.NDArray[np.float64], ends: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Sum the squared distances of the values below each end; `centres` rise."""
    zeroth, first, second = (np.concatenate([[0.0], np.cumsum(counts * centres**p)]) for p in (0, 1, 2))
    place = np.searchsorted(centres, ends)
    total = zeroth[place] * ends**2 - 2 * ends * first[place] + second[place]
    return np.asarray(np.maximum(total, 0.0))


def _least_divergence(activation: Activation) -> Range:
    """Cut both ends by the same share, as TensorRT does for the one end of a symmetric range."""
    counts = activation.counts.astype(np.float64)
    edges = activation.edges
    best, chosen = np.inf, (activation.low, activation.high)
    for share in CUTS[CUTS > 0.1]:
        low, high = share * min(activation.low, 0.0), share * max(activation.high, 0.0)
        low = activation.low if activation.low > 0 else low
        first, last = np.searchsorted(edges, [low, high])
        first, last = max(int(first) - 1, 0), min(int(last), len(counts))
        if last - first < LEVELS:
            continue
        divergence = _divergence(counts, first, last)
        if divergence < best:
            best, chosen = divergence, (float(edges[first]), float(edges[last]))
    return chosen


def _divergence(counts: npt.NDArray[np.float64], first: int, last: int) -> float:
    inside = counts[first:last]
    true = inside.copy()
    true[0] += counts[:first].sum()
    true[-1] += counts[last:].sum()
    level = np.minimum(np.arange(len(inside)) * LEVELS // len(inside), LEVELS - 1)
    filled = inside > 0
    sums = np.bincount(level, weights=inside, minlength=LEVELS)
    sizes = np.bincount(level, weights=filled, minlength=LEVELS)
    coarse = np.where(filled, sums[level] / np.maximum(sizes[level], 1), 0.0)
    if not coarse.sum():
        return np.inf
    true, coarse = true / true.sum(), coarse / coarse.sum()
    held = true > 0
    return float(np.sum(true[held] * np.log(true[held] / np.maximum(coarse[held], 1e-12))))
