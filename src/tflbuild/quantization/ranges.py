"""Ranges of activations, set from histograms.

References:
    Migacz, 8-bit Inference with TensorRT, 2017: `entropy`; as in NVIDIA's pytorch-quantization, `calib/histogram.py`:
        zeros left out, 256 levels where all values have one sign, 128 otherwise.
    Nagel et al., A White Paper on Neural Network Quantization, 2021, section 3.1: `mse`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.observation import Activation, joined
from tflbuild.quantization.sharing import Shared

Range = tuple[float, float]
Method = Literal["minmax", "p99.9", "p99.99", "p99.999", "mse", "entropy"]

PERCENTILES = {"p99.9": 99.9, "p99.99": 99.99, "p99.999": 99.999}

SMALLEST_RANGE = 1e-4
"""Least width of a range; a tensor that was constant zero on every calibration image has it."""

LEVELS = 256
"""Levels of int8."""

SIZES = 2048
"""Bins of absolute values that `entropy` looks at, as in the reference."""

STRIDE = 16
"""Bins between the cuts that `entropy` tries."""

ENDS = np.linspace(0.3, 1.0, 29)
"""Shares of an end of logits that are tried; less could cut off what images to come need."""

ROUNDS = 2
"""Times that either end is searched."""

CUTS = np.linspace(0.02, 1.0, 128)
"""Shares of an end of the range that searches try."""


def ranges_of(
    observed: Mapping[str, Activation], method: Method, groups: Iterable[Shared] = ()
) -> dict[str, Range]:
    """Give each activation's range.

    Args:
        observed: what `observation.observe` gave.
        method: how the ends are set. `minmax`: the smallest and the largest value; `p99.99`: as much of either end is
            cut off as leaves 99.99 % of the values; `mse`: the least mean square error of int8, and the least
            error of the scores where the values become scores; `entropy`: the least Kullback-Leibler divergence
            between the distributions before and after.
        groups: activations that share one range; each that is in none has its own.

    Returns:
        (low, high) by tensor name; low <= 0 <= high.
    """
    ranges = {name: _holding_zero(*_range(activation, method)) for name, activation in observed.items()}
    for group in groups:
        sources = [observed[name] for name in group.sources if name in observed]
        if sources and (len(group.names) > 1 or group.scores):
            together = joined(sources)
            together.rows = [row for name in group.names if name in observed for row in observed[name].rows]
            found = _holding_zero(*_range(together, method, group.scores))
            ranges |= {name: found for name in group.names if name in observed}
    return ranges


def _range(activation: Activation, method: Method, scores: str = "") -> Range:
    if activation.high - activation.low <= SMALLEST_RANGE or method == "minmax":
        return activation.low, activation.high
    if method in PERCENTILES:
        return _percentile(activation, (100.0 - PERCENTILES[method]) / 200.0)
    if method == "mse":
        return LEAST_ERROR[scores](activation)
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
    counts = activation.counts
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


def _least_logistic_error(activation: Activation) -> Range:
    """Give the least mean absolute error of what a logistic function makes of the values.

    Far from zero a step hardly changes a score, so that the range may be a fraction of what was seen.
    """
    centres = (activation.edges[:-1] + activation.edges[1:]) / 2
    scores = _logistic(centres)
    lows, highs = CUTS * min(activation.low, 0.0), CUTS * max(activation.high, 0.0)
    counts = activation.counts
    slopes = np.concatenate([[0.0], np.cumsum(counts * scores * (1 - scores))])
    zeroth, first = (np.concatenate([[0.0], np.cumsum(counts * scores**p)]) for p in (0, 1))
    low, high = np.searchsorted(centres, lows), np.searchsorted(centres, highs)
    below = _logistic(lows) * zeroth[low] - first[low]
    above = (first[-1] - first[high]) - _logistic(highs) * (zeroth[-1] - zeroth[high])
    steps = (highs[None, :] - lows[:, None]) / (LEVELS - 1)
    inside = slopes[high][None, :] - slopes[low][:, None]
    error = steps / 4 * inside + np.abs(below)[:, None] + np.abs(above)[None, :]
    best = np.unravel_index(int(np.argmin(error)), error.shape)
    return float(lows[best[0]]), float(highs[best[1]])


def _logistic(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-values)))


def _least_softmax_error(activation: Activation) -> Range:
    """Give the least mean absolute error of what a softmax makes of rows of values, one end after the other.

    What is far below the largest of its row hardly counts, so that the range may be a fraction of what was seen.
    """
    rows = np.stack(activation.rows)
    scores = _softmax(rows)

    def error(low: float, high: float) -> float:
        step = (high - low) / (LEVELS - 1)
        return float(np.abs(_softmax((np.rint(rows / step) * step).clip(low, high)) - scores).mean())

    low, high = min(activation.low, 0.0), max(activation.high, 0.0)
    for _ in range(ROUNDS):
        lows, highs = ENDS * min(activation.low, 0.0), ENDS * max(activation.high, 0.0)
        low = float(lows[int(np.argmin([error(end, high) for end in lows]))])
        high = float(highs[int(np.argmin([error(low, end) for end in highs]))])
    return low, high


def _softmax(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    powers = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


LEAST_ERROR: dict[str, Callable[[Activation], Range]] = {
    "": _least_square_error,
    "LOGISTIC": _least_logistic_error,
    "SOFTMAX": _least_softmax_error,
}
"""Range searches of `mse`, by the operator that reads the values."""


def _least_divergence(activation: Activation) -> Range:
    """Cut sizes off where what is left, told in levels, is nearest to what was there.

    Zeros are left out: whatever the range, they keep a level of their own.
    """
    sizes, width = _sizes(activation)
    two_sided = activation.low < 0 < activation.high
    levels = LEVELS // 2 if two_sided else LEVELS
    kept = np.unique(np.append(np.arange(levels, len(sizes), STRIDE), len(sizes)))
    divergences = [_divergence(sizes, count, levels) for count in kept]
    most = float(kept[int(np.argmin(divergences))]) * width
    return max(activation.low, -most), min(activation.high, most)


def _sizes(activation: Activation) -> tuple[npt.NDArray[np.float64], float]:
    """Give the histogram of absolute values, without zeros, and the width of its bins."""
    edges = activation.edges
    centres = np.abs(edges[:-1] + edges[1:]) / 2
    width = max(-activation.low, activation.high) / SIZES
    place = np.minimum((centres / width).astype(np.int64), SIZES - 1)
    sizes = np.bincount(place, weights=activation.counts, minlength=SIZES).astype(np.float64)
    sizes[0] = sizes[1]
    return sizes, width


def _divergence(sizes: npt.NDArray[np.float64], kept: int, levels: int) -> float:
    """Give the Kullback-Leibler divergence of a histogram from itself, cut and told in levels.

    Args:
        sizes: counts of bins of equal width.
        kept: bins that are inside; what lies beyond is put into the last of them.
        levels: that the bins inside are joined to.
    """
    inside = sizes[:kept]
    level = np.arange(kept) * levels // kept
    filled = inside > 0
    sums = np.bincount(level, weights=inside, minlength=levels)
    told = np.where(
        filled, sums[level] / np.maximum(np.bincount(level, weights=filled, minlength=levels), 1)[level], 0
    )
    true = inside.copy()
    true[-1] += sizes[kept:].sum()
    held = true > 0
    if np.any(told[held] == 0):  # the last bin was empty, so that what was cut off has no place
        return np.inf
    true, told = true[held] / true.sum(), told[held] / told.sum()
    return float(np.sum(true * np.log(true / told)))
