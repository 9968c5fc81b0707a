"""Estimate how much of an Edge TPU's memory parameters take, and how much of them does not fit.

The chip has 8 MiB, which activations and instructions share. Parameters that fit are loaded once; the others are sent
in every run, which takes most of its time. The padding below is what Google's compiler did in files that others
published: nine of ten estimates are within 10 % of what 110 files hold (`benchmarks/placement_edgetpu.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from math import ceil, prod
from typing import NamedTuple

from tflbuild.placement.facts import ModelFacts, OperatorFacts
from tflbuild.placement.tensor_facts import TensorFacts

AVAILABLE = 15 * 2**19
"""Memory that parameters may take: what is left of the 8 MiB in most logs of the compiler, which say 7.0 to 7.9 MiB.
[bytes]"""

CELL, GROUP, DEPTH = 16, 64, 4
"""Output channels are padded to a multiple of a cell, beyond a group to one of a group; input channels to the depth."""

BESIDE = 12.5
"""Memory of an output channel beside its weights: bias and scale. [bytes]"""


class Memory(NamedTuple):
    """Where parameters lie.

    Attributes:
        cached: in the chip's memory. [bytes]
        streamed: sent in every run. [bytes]
    """

    cached: int
    streamed: int


def estimate(model: ModelFacts, taken: Collection[int]) -> Memory:
    """Estimate for the operators that the Edge TPU runs.

    Args:
        model: the file before it is compiled.
        taken: operators that the Edge TPU runs, by index.
    """
    cached = streamed = 0
    for operator in model.operators:
        if operator.index in taken:
            size = ceil(_parameters(operator))
            if cached + size <= AVAILABLE:
                cached += size
            else:
                streamed += size
    return Memory(cached, streamed)


def _parameters(operator: OperatorFacts) -> float:
    constants = [
        one for one in operator.inputs if one is not None and one.constant and one.dtype in ("int8", "uint8")
    ]
    if operator.name == "DEPTHWISE_CONV_2D" and constants:
        channels = _padded(constants[0].shape[-1])
        return channels * (prod(constants[0].shape[1:-1]) + BESIDE)
    if operator.name in ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV") and constants:
        return _by_channel(constants[0])
    if operator.name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        return sum(_by_channel(one) for one in constants if one.rank == 2)
    return float(sum(one.elements for one in constants))


def _by_channel(weights: TensorFacts) -> float:
    channels, depth = _padded(weights.shape[0]), weights.shape[-1]
    deep = ceil(depth / DEPTH) * DEPTH if depth > DEPTH - 1 else depth
    return float(channels * (prod(weights.shape[1:-1]) * deep + BESIDE))


def _padded(channels: int) -> int:
    unit = CELL if channels <= GROUP else GROUP
    return ceil(channels / unit) * unit
