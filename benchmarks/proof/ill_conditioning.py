"""Make a layer ill-conditioned without changing what the model computes in float.

One output channel of a layer is multiplied by 50 and the layer behind divides it by 50. Between linear or ReLU layers
that is exact; the channel then takes the whole range of its activation (and of the layer's weights, where they share
one scale). Behind RELU6 a channel cannot grow, so there it is divided by 50 instead, one that never reaches 6, and the
layer behind multiplies it back: that column then takes the whole range of that layer's weights.

References:
    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019: what such layers cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.backends import flatbuffer
from tflbuild.backends.graph import Graph, by_input_channel, scaled_inputs, scaled_outputs
from tflbuild.backends.quantization.equalization import Pair, pairs
from tflbuild.backends.quantization.observation import Activation, Executable, observe, without_custom

FACTOR = 50.0

BELOW_SIX = 5.0
"""Largest value of a channel behind RELU6 that is taken to stay below 6 on other images too."""

LIVE = 0.05
"""Largest value below which a channel says too little to spoil anything."""

TOLERANCE = 1e-4
"""Largest change of an output, in units of its largest value: 50 is no power of two, so that float32 rounds."""


@dataclass(frozen=True)
class Rescaled:
    """A model of which one channel was rescaled.

    Attributes:
        content: the `.tflite`.
        tensor: name of the activation.
        channel: which of its channels.
        factor: by what it was multiplied.
        change: largest change of an output on the images, in units of its largest value.
    """

    content: bytes
    tensor: str
    channel: int
    factor: float
    change: float


def rescaled(content: bytes, images: Sequence[npt.NDArray[np.float32]]) -> Rescaled:
    """Rescale one channel of a float model.

    Args:
        content: the float `.tflite`.
        images: (height, width, 3) float32 each, normalised; what the model must compute unchanged.

    Raises:
        ValueError: no two layers can be rescaled, or the model computes something else afterwards.
    """
    model = flatbuffer.unpack(content)
    graph = Graph(model)
    observed = observe(content, images)
    exact = next(iter(pairs(graph)), None)
    pair, channel, factor = _grown(graph, exact, observed) if exact else _shrunk(graph, observed)
    tensor = graph.name(pair.between)
    _apply(graph, pair, channel, factor, len(observed[tensor].channel_size))
    made = flatbuffer.pack(model)
    change = _change(content, made, images)
    if change > TOLERANCE:
        raise ValueError(f"rescaling channel {channel} of '{tensor}' changed an output by {change:.2g}.")
    return Rescaled(made, tensor, channel, factor, change)


def _grown(graph: Graph, pair: Pair, observed: dict[str, Activation]) -> tuple[Pair, int, float]:
    """Take the channel that is largest already."""
    return pair, int(np.argmax(observed[graph.name(pair.between)].channel_size)), FACTOR


def _shrunk(graph: Graph, observed: dict[str, Activation]) -> tuple[Pair, int, float]:
    """Take the channel behind RELU6, of the first layer that has one, whose column of weights is largest.

    A depthwise layer behind is passed over: it has a scale for each channel.
    """
    for pair in pairs(graph, relu6_too=True):
        kind, weights = graph.kind(pair.second), graph.constant(pair.second.inputs[1])
        size = observed[graph.name(pair.between)].channel_size
        fits = (size > LIVE) & (size < BELOW_SIX)
        if kind != "DEPTHWISE_CONV_2D" and weights is not None and fits.any():
            columns = np.abs(by_input_channel(kind, weights, len(size))).max(axis=1)
            return pair, int(np.argmax(np.where(fits, columns, 0))), 1 / FACTOR
    raise ValueError("no channel lies between two layers in a way that lets it be rescaled.")


def _apply(graph: Graph, pair: Pair, channel: int, factor: float, channels: int) -> None:
    factors = np.ones(channels)
    factors[channel] = factor
    for operator, position, scaled in (
        (pair.first, 1, lambda kind, values: scaled_outputs(kind, values, factors)),
        (pair.first, 2, lambda kind, values: values * factors),
        (pair.second, 1, lambda kind, values: scaled_inputs(kind, values, 1 / factors)),
    ):
        values = graph.constant(operator.inputs[position]) if len(operator.inputs) > position else None
        if values is not None:
            graph.set_input(operator, position, scaled(graph.kind(operator), values).astype(np.float32))


def _change(before: bytes, after: bytes, images: Sequence[npt.NDArray[np.float32]]) -> float:
    first, second = (Executable(without_custom(content)) for content in (before, after))
    worst = 0.0
    for image in images:
        for old, new in zip(first.run(image), second.run(image), strict=True):
            worst = max(worst, _relative(old, new))
    return worst


def _relative(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> float:
    return float(np.abs(old - new).max() / max(float(np.abs(old).max()), 1e-12))
