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

from tflbuild.quantization.observation import Executable, SampleValues, observe, runnable
from tflbuild.quantization.seams import Seam, seams
from tflbuild.tflite.graph import Graph, by_input_channel, scaled_inputs, scaled_outputs
from tflbuild.tflite.packed import Packed

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


def rescaled(content: bytes, images: Sequence[SampleValues], most: int | None = None) -> Rescaled:
    """Rescale one channel of every layer of a float model that allows it.

    Args:
        content: the float `.tflite`.
        images: each the model values of every input by name; on these the model must compute what it did.
        most: layers that are spoilt, from the first; None for all.

    Raises:
        ValueError: no two layers can be rescaled, or the model computes something else afterwards.
    """
    graph = Graph.unpacked(content)
    observed = observe(graph, images)
    found: list[Channel] = []
    for seam in list(seams(graph)):
        tensor = graph.name(seam.written)
        size = observed[tensor].channel_size
        number = _small(graph, seam, size) if seam.bounded else int(np.argmax(size))
        if number is not None and len(found) != most:
            found.append(Channel(tensor, number, 1 / FACTOR if seam.bounded else FACTOR))
            _apply(graph, seam, number, found[-1].factor)
    if not found:
        raise ValueError("no channel lies between two layers in a way that lets it be rescaled.")
    made = graph.packed()
    change = _change(content, made, images)
    if change > TOLERANCE:
        raise ValueError(f"rescaling {len(found)} channels changed an output by {change:.2g}.")
    return Rescaled(made, tuple(found), change)


def _small(graph: Graph, seam: Seam, size: npt.NDArray[np.float64]) -> int | None:
    """Take the channel behind RELU6 that stays below 6 and whose column of weights is largest; None where none does.

    A depthwise layer behind is passed over: it has a scale for each channel.
    """
    layers = [reader.layer for reader in seam.readers if graph.kind(reader.layer) != "DEPTHWISE_CONV_2D"]
    fits = (size > LIVE) & (size < BELOW_SIX)
    if not layers or not fits.any():
        return None
    columns = np.max([_columns(graph, layer, len(size)) for layer in layers], axis=0)
    return int(np.argmax(np.where(fits, columns, 0)))


def _columns(graph: Graph, layer: Any, channels: int) -> npt.NDArray[np.float32]:
    weights = graph.constant(layer.inputs[1])
    assert weights is not None
    sizes: npt.NDArray[np.float32] = np.abs(by_input_channel(graph.kind(layer), weights, channels)).max(
        axis=1
    )
    return sizes


def _apply(graph: Graph, seam: Seam, channel: int, factor: float) -> None:
    factors = np.ones(seam.channels)
    factors[channel] = factor
    for operator, position, scaled in (
        (seam.first, 1, lambda kind, values: scaled_outputs(kind, values, factors)),
        (seam.first, 2, lambda kind, values: values * factors),
        *(
            (reader.layer, 1, lambda kind, values: scaled_inputs(kind, values, 1 / factors))
            for reader in seam.readers
        ),
    ):
        values = graph.constant(operator.inputs[position]) if len(operator.inputs) > position else None
        if values is not None:
            graph.set_input(operator, position, scaled(graph.kind(operator), values).astype(np.float32))


def _change(before: bytes, after: bytes, images: Sequence[SampleValues]) -> float:
    first, second = (Executable(runnable(Packed(content))) for content in (before, after))
    worst = 0.0
    for image in images:
        for old, new in zip(first.run(image), second.run(image), strict=True):
            worst = max(worst, _relative(old, new))
    return worst


def _relative(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> float:
    return float(np.abs(old - new).max() / max(float(np.abs(old).max()), 1e-12))
