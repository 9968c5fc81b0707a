"""Small networks whose numbers are far apart, as weight decay, pruning and bad trainings leave them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import small_network

STEM, STEM_BIAS = "stem/Conv2D", "stem/bias"
MIDDLE, MIDDLE_BIAS = "middle/depthwise", "middle/bias"
HEAD, HEAD_BIAS = "head/MatMul", "head/bias"
PER_CHANNEL = small_network.CHANNELS


def changed(*edits: tuple[str, Any, float]) -> dict[str, Any]:
    """Give constants of the network, some of which were set to a value."""
    found = small_network.constants()
    for name, place, value in edits:
        found[name][place] = value
    return found


def scaled(factor: float, place: int = 1) -> dict[str, Any]:
    """Multiply a channel of the stem by a factor, and divide it out again behind: the outputs stay."""
    found = small_network.constants()
    found[STEM][place] *= factor
    found[STEM_BIAS][place] *= factor
    found[MIDDLE][..., place] /= factor
    return {name: values.astype(np.float32) for name, values in found.items()}


def dead_input(value: float) -> dict[str, Any]:
    """Let the dense layer ignore one channel."""
    found = small_network.constants()
    found[HEAD][:, 2::PER_CHANNEL] = value
    return found


DEAD = [(STEM, 1, 1e-30), (STEM, 2, -1e-30)]

CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "decayed channels with biases": lambda: changed(*DEAD, (STEM_BIAS, 1, 0.5)),
    "decayed channels with biases of nothing": lambda: changed(*DEAD, (STEM_BIAS, np.s_[1:3], 1e-30)),
    "channels of denormals": lambda: changed((STEM, 1, 1e-42), (STEM_BIAS, 1, 0.5)),
    "a bias of denormals": lambda: changed((STEM_BIAS, 1, 1e-42)),
    "all decayed": lambda: changed((STEM, ..., 1e-30)),
    "all decayed, without biases": lambda: changed((STEM, ..., 1e-30), (STEM_BIAS, ..., 0.0)),
    "a channel of zeros": lambda: changed((STEM, 1, 0.0), (STEM_BIAS, 1, 0.0)),
    "a depthwise channel of zeros": lambda: changed((MIDDLE, np.s_[..., 1], 0.0), (MIDDLE_BIAS, 1, 0.0)),
    "a decayed depthwise channel": lambda: changed((MIDDLE, np.s_[..., 1], 1e-30)),
    "a decayed depthwise layer": lambda: changed((MIDDLE, ..., 1e-30)),
    "an input that nothing reads": lambda: dead_input(0.0),
    "an input that next to nothing reads": lambda: dead_input(1e-30),
    "activations that are constant": lambda: changed((STEM, ..., 0.0), (STEM_BIAS, ..., 1.5)),
    "activations that are always zero": lambda: changed((STEM_BIAS, ..., -100.0)),
    "a channel that is always zero, far below": lambda: changed((STEM_BIAS, 1, -1e6)),
    "a channel 50 times as large": lambda: scaled(50.0),
    "a channel 10,000 times as large": lambda: scaled(1e4),
    "a channel of a ten-thousandth": lambda: scaled(1e-4),
}
"""Networks that can be quantized: what comes out is near the float model."""

HOPELESS: dict[str, Callable[[], dict[str, Any]]] = {
    "a weight of 1e30": lambda: changed((STEM, (1, 1, 1, 1), 1e30)),
    "a bias of 1e30": lambda: changed((STEM_BIAS, 1, 1e30), (MIDDLE, np.s_[..., 1], 0.0)),
    "a weight that is infinite": lambda: changed((STEM, (1, 1, 1, 1), np.inf)),
    "a bias that is not a number": lambda: changed((STEM_BIAS, 1, np.nan)),
    "weights behind that are infinite": lambda: changed((HEAD, (0, 3), np.inf)),
}
"""Networks that cannot: they are refused, with one sentence."""
