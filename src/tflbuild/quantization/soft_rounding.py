"""AdaRound for one layer: learn which weights to round up, so that the layer's output stays what it was.

References:
    Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, 2020: sections 3.2 and 3.3.
    Louizos et al., Learning Sparse Neural Networks through L0 Regularization, 2018: the rectified sigmoid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

ZETA, GAMMA = 1.1, -0.1
"""Ends of the sigmoid before it is rectified to 0..1, so that it reaches both."""

WARM_UP = 0.2
"""Share of the steps before weights are drawn to either side."""

FIRST_BETA, LAST_BETA = 20.0, 2.0
"""Exponent of the regularizer: at first it moves only what is near a side, in the end everything."""

PULL = 0.1
"""Weight of the regularizer, with the error of nearest rounding as the unit."""

LEARNING_RATE = 0.1
BATCH = 256
FIXED = 1e-4
"""Weights as near to a level, in levels, are on it and stay: the largest of a channel, and those that are pruned."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One layer as products of matrices, on what calibration images leave before it.

    Attributes:
        inputs: (groups, rows, taps) what the layer reads, behind the layers that are rounded already.
        targets: (groups, rows, channels) what the float model's layer gives there, activation included.
        ratios: (groups, taps, channels) float weights in units of their level.
        scales: broadcastable to `ratios`: the width of a level.
        bias: (groups, 1, channels).
        low: smallest value that the activation lets through.
        high: largest.
        most: the largest level.
    """

    inputs: Matrix
    targets: Matrix
    ratios: Matrix
    scales: Matrix
    bias: Matrix
    low: float = -np.inf
    high: float = np.inf
    most: int = 127

    @property
    def nearest(self) -> Matrix:
        """Give the levels that are nearest."""
        return np.asarray(np.rint(self.ratios).clip(-self.most, self.most))

    def part(self, rows: slice) -> Problem:
        """Give the same layer on some of the rows."""
        return replace(self, inputs=self.inputs[:, rows], targets=self.targets[:, rows])

    def error(self, levels: Matrix) -> float:
        """Give the mean squared error of the layer's output, summed over its channels."""
        missed = self.missed(levels, slice(None))
        return float(np.square(missed, dtype=np.float64).sum() / missed.shape[1])

    def missed(self, levels: Matrix, rows: slice) -> Matrix:
        """Give output minus target for some rows, with weights at levels that need not be whole."""
        outputs = self._before_activation(levels, rows)
        return np.asarray(outputs.clip(self.low, self.high) - self.targets[:, rows])

    def slope(self, levels: Matrix, rows: slice) -> Matrix:
        """Give the derivative of half the mean squared error by the levels."""
        outputs = self._before_activation(levels, rows)
        missed = outputs.clip(self.low, self.high) - self.targets[:, rows]
        missed *= (outputs > self.low) & (outputs < self.high)
        inputs = self.inputs[:, rows]
        return np.asarray(np.matmul(inputs.transpose(0, 2, 1), missed) * (self.scales / inputs.shape[1]))

    def _before_activation(self, levels: Matrix, rows: slice) -> Matrix:
        return np.asarray(np.matmul(self.inputs[:, rows], levels * self.scales) + self.bias)


def learn(problem: Problem, steps: int) -> Matrix:
    """Learn the levels of a layer's weights: each is rounded down or up.

    Args:
        problem: the layer; its rows are in random order.
        steps: of Adam, each on the next `BATCH` rows.

    Returns:
        (groups, taps, channels) float32 whole levels within `most`.
    """
    nearest = problem.nearest
    fixed = np.abs(problem.ratios - np.rint(problem.ratios)) < FIXED
    below = np.where(fixed, nearest, np.floor(problem.ratios))
    share = np.where(fixed, 0.0, problem.ratios - below).astype(np.float32)
    soft = _Soft(share, ~fixed)
    rows, unit = problem.inputs.shape[1], max(problem.error(nearest), 1e-30)
    batches = [slice(start, start + BATCH) for start in range(0, rows, BATCH)]
    for step in range(steps):
        slope = problem.slope(below + soft.height(), batches[step % len(batches)]) * (2.0 / unit)
        soft.descend(slope, _beta(step / steps))
    return np.asarray((below + (soft.height() >= 0.5)).clip(-problem.most, problem.most))


def _beta(done: float) -> float | None:
    """Give the regularizer's exponent; None while it rests."""
    if done < WARM_UP:
        return None
    share = (done - WARM_UP) / (1 - WARM_UP)
    return LAST_BETA + 0.5 * (FIRST_BETA - LAST_BETA) * (1 + math.cos(share * math.pi))


class _Soft:
    """Soft rounding of each weight, from 0 (down) to 1 (up), learned with Adam.

    Args:
        share: where to begin.
        free: which may move; the others stay at 0.
    """

    def __init__(self, share: Matrix, free: npt.NDArray[np.bool_]) -> None:
        inside = ((share - GAMMA) / (ZETA - GAMMA)).astype(np.float32)
        self._free = free
        self._value = np.log(inside / (1 - inside))
        self._mean, self._square = np.zeros_like(self._value), np.zeros_like(self._value)
        self._step = 0

    def height(self) -> Matrix:
        """Give the rectified sigmoid, 0 for weights that stay."""
        return np.asarray(self._stretched().clip(0, 1) * self._free)

    def _stretched(self) -> Matrix:
        return np.asarray((ZETA - GAMMA) / (1 + np.exp(-self._value)) + GAMMA)

    def descend(self, slope: Matrix, beta: float | None) -> None:
        """Go one step of Adam down the error and, with an exponent, the regularizer 1 - |2 h - 1|^beta."""
        stretched = self._stretched()
        if beta is not None:
            centred = 2 * stretched.clip(0, 1) - 1
            slope = slope - PULL * 2 * beta * np.sign(centred) * np.abs(centred) ** (beta - 1)
        inside = (stretched > 0) & (stretched < 1) & self._free
        flat = (stretched - GAMMA) / (ZETA - GAMMA)
        gradient = slope * inside * ((ZETA - GAMMA) * flat * (1 - flat))
        self._step += 1
        self._mean += 0.1 * (gradient - self._mean)
        self._square += 0.001 * (gradient * gradient - self._square)
        mean = self._mean / (1 - 0.9**self._step)
        square = self._square / (1 - 0.999**self._step)
        self._value -= LEARNING_RATE * mean / (np.sqrt(square) + 1e-8)
