"""Make layers ill-conditioned without changing what the model computes in float.

One output channel of a layer is multiplied by 50 and the layer behind divides it by 50. Between linear or ReLU layers
that is exact; the channel then takes the whole range of its activation (and of the layer's weights, where they share
one scale). Behind RELU6 a channel cannot grow, so there it is divided by 50 instead, one that never reaches 6, and the
layer behind multiplies it back: that column then takes the whole range of that layer's weights. It is done to every
layer that allows it, because a residual network hardly notices one.

References:
    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019: what such layers cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.backends import flatbuffer
from tflbuild.backends.graph import Graph, by_input_channel, scaled_inputs, scaled_outputs
from tflbuild.backends.quantization.equalization import Pair, pairs
from tflbuild.backends.quantization.observation import Executable, observe, without_custom

FACTOR = 50.0

BELOW_SIX = 5.0
"""Largest value of a channel behind RELU6 that is taken to stay below 6 on other images too."""

LIVE = 0.05
"""Largest value below which a channel says too little to spoil anything."""

TOLERANCE = 1e-4
"""Largest change of an output, in units of its largest value: 50 is no power of two, so that float32 rounds."""


class Channel(NamedTuple):
    """One channel that was rescaled.

    Attributes:
        tensor: name of the activation.
        number: of the channel.
        factor: by what it was multiplied.
    """

    tensor: str
    number: int
    factor: float


@dataclass(frozen=True)
class Rescaled:
    """A model of which channels were rescaled.

    Attributes:
        content: the `.tflite`.
        channels: which.
        change: largest change of an output on the images, in units of its largest value.
    """

    content: bytes
    channels: tuple[Channel, ...]
    change: float


def rescaled(content: bytes, images: Sequence[npt.NDArray[np.float32]], most: int | None = None) -> Rescaled:
    """Rescale one channel of every layer of a float model that allows it.

    Args:
        content: the float `.tflite`.
        images: (height, width, 3) float32 each, normalised; what the model must compute unchanged.
        most: layers that are spoilt, from the first; None for all.

    Raises:
        ValueError: no two layers can be rescaled, or the model computes something else afterwards.
    """
    model = flatbuffer.unpack(content)
    graph = Graph(model)
    observed = observe(content, images)
    exact = {pair.between for pair in pairs(graph)}
    found: list[Channel] = []
    for pair in list(pairs(graph, relu6_too=True)):
        tensor = graph.name(pair.between)
        size = observed[tensor].channel_size
        number = int(np.argmax(size)) if pair.between in exact else _small(graph, pair, size)
        if number is not None and len(found) != most:
            found.append(Channel(tensor, number, FACTOR if pair.between in exact else 1 / FACTOR))
            _apply(graph, pair, number, found[-1].factor, len(size))
    if not found:
        raise ValueError("no channel lies between two layers in a way that lets it be rescaled.")
    made = flatbuffer.pack(model)
    change = _change(content, made, images)
    if change > TOLERANCE:
        raise ValueError(f"rescaling {len(found)} channels changed an output by {change:.2g}.")
    return Rescaled(made, tuple(found), change)


def _small(graph: Graph, pair: Pair, size: npt.NDArray[np.float64]) -> int | None:
    """Take the channel behind RELU6 that stays below 6 and whose column of weights is largest; None where none does.

    A depthwise layer behind is passed over: it has a scale for each channel.
    """
    kind, weights = graph.kind(pair.second), graph.constant(pair.second.inputs[1])
    fits = (size > LIVE) & (size < BELOW_SIX)
    if kind == "DEPTHWISE_CONV_2D" or weights is None or not fits.any():
        return None
    columns = np.abs(by_input_channel(kind, weights, len(size))).max(axis=1)
    return int(np.argmax(np.where(fits, columns, 0)))


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
