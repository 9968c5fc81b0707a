"""The noise that a quantized file adds to the weights of each layer; and its float weights, where they are at hand.

References:
    Widrow, A Study of Rough Amplitude Quantization by Means of Nyquist Sampling Theory, 1956: the noise of even
    rounding is a twelfth of the step's square.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.layer_noise import live_channels, spread_of
from tflbuild.quantization.sensitivity import layer_name
from tflbuild.tflite.flatbuffer import DTYPES, WEIGHTED
from tflbuild.tflite.graph import Graph, by_input_channel, by_output_channel
from tflbuild.tflite.scales import LEVELS, scales_of, zero_points_of

Values = npt.NDArray[np.float64]

INTEGER = ("int8", "uint8", "int4")
"""Dtypes of weights that a scale belongs to."""

WITHIN, MOST_BEYOND = 1.01, 0.01
"""Steps that float weights may lie from those of the file that were made of them, and the share of others."""


@dataclass(frozen=True, kw_only=True)
class WeightNoise:
    """The weights of one layer that a file stores in integers.

    Attributes:
        tensor: that the layer writes.
        layer: as the user knows it.
        operator: e.g. "CONV_2D".
        scales: how many there are; 1 for one that all channels share.
        channels: of the output.
        measured: whether the noise is the difference from float weights at hand; else that of even rounding, a
            twelfth of the step's square.
        signal: (channels,) summed squares of weights.
        noise: (channels,) summed squares of what rounding changed.
        range_ratio: the largest range of a channel by the smallest of one that is alive.
        input_ratio: the largest range of an input channel by the median of all.
        steps: distinct integers, of the whole tensor.
        fewest: distinct integers in the live channel with the fewest.
        lowest: integer of the first of `counts`, counted from the one that stands for zero.
        counts: of each integer that the dtype has.
        step: (scales,) from one number to the next.
    """

    tensor: str
    layer: str
    operator: str
    scales: int
    channels: int
    measured: bool
    signal: Values
    noise: Values
    range_ratio: float
    input_ratio: float
    steps: int
    fewest: int
    lowest: int
    counts: Values
    step: Values


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Weights as a file stores them.

    Attributes:
        operator: that reads them.
        levels: integers, counted from the one that stands for zero.
        numbers: what these stand for.
        scales: one, or one a channel.
        lowest: integer that the dtype begins with, likewise.
        count: of integers that the dtype has.
    """

    operator: Any
    levels: npt.NDArray[Any]
    numbers: Values
    scales: Values
    lowest: int
    count: int


def weight_noise(quantized: Graph, floats: Graph | None) -> list[WeightNoise]:
    """Measure the noise of each layer's weights, in order of execution.

    Args:
        quantized: of the file.
        floats: of the float model that the file was made of; None where there is none.
    """
    given = float_weights(quantized, floats) if floats is not None else {}
    return [_noise(quantized, stored, given) for stored in stored_weights(quantized)]


def float_weights(quantized: Graph, floats: Graph) -> dict[str, tuple[Any, Any]]:
    """Give the float weights and biases of layers, by the tensor that each layer of the file writes.

    Layers are matched by order, kind and shape, since names change from converter to converter. A layer is left out
    where its weights were moved further than rounding does, as equalization moves them.

    Args:
        quantized: of the file.
        floats: of the float model that it was made of.
    """
    own, others = list(stored_weights(quantized)), list(floats.weighted())
    pairs = zip(own, others, strict=True) if len(own) == len(others) else ()
    found = {}
    for stored, other in pairs:
        weights = floats.constant(int(other.inputs[1]))
        assert weights is not None
        if floats.kind(other) != quantized.kind(stored.operator) or weights.shape != stored.numbers.shape:
            return {}
        steps = _along(quantized, stored)
        beyond = np.abs(weights - stored.numbers) > WITHIN * steps
        if beyond.mean() <= MOST_BEYOND:
            bias = floats.constant(floats.bias(other))
            found[quantized.name(int(stored.operator.outputs[0]))] = (weights, bias)
    return found


def stored_weights(graph: Graph) -> Iterator[Stored]:
    """Give the layers whose weights are integers with scales, themselves or behind a DEQUANTIZE."""
    for operator in graph.operators:
        if graph.kind(operator) not in WEIGHTED:
            continue
        index = int(operator.inputs[1])
        maker = graph.maker(index)
        if maker is not None and graph.kind(maker) == "DEQUANTIZE":
            index = int(maker.inputs[0])
        tensor, levels = graph.tensors[index], graph.constant(index)
        scales = scales_of(tensor).astype(np.float64)
        if levels is None or DTYPES[tensor.type] not in INTEGER or not len(scales):
            continue
        shape = np.ones(levels.ndim, np.int64)
        if len(scales) > 1:
            shape[int(tensor.quantization.quantizedDimension)] = len(scales)
        points = zero_points_of(tensor)
        points = points.reshape(shape if len(points) > 1 else np.ones(levels.ndim, np.int64))
        centred = levels.astype(np.int64) - points
        least, most = LEVELS[DTYPES[tensor.type]]
        yield Stored(
            operator=operator,
            levels=centred,
            numbers=centred * scales.reshape(shape),
            scales=scales,
            lowest=least - int(points.ravel()[0]),
            count=most - least + 1,
        )


def _along(graph: Graph, stored: Stored) -> Values:
    """Give the step of every weight, shaped to be broadcast."""
    if len(stored.scales) == 1:
        return stored.scales.reshape([1] * stored.levels.ndim)
    last = graph.kind(stored.operator) == "DEPTHWISE_CONV_2D"
    return stored.scales if last else stored.scales.reshape(-1, *([1] * (stored.levels.ndim - 1)))


def _noise(graph: Graph, stored: Stored, given: dict[str, tuple[Any, Any]]) -> WeightNoise:
    operator, kind = stored.operator, graph.kind(stored.operator)
    tensor = graph.name(int(operator.outputs[0]))
    rows, levels = by_output_channel(kind, stored.numbers), by_output_channel(kind, stored.levels)
    measured = tensor in given
    if measured:
        wanted = by_output_channel(kind, np.asarray(given[tensor][0], np.float64))
        noise = np.square(rows - wanted).sum(axis=1)
    else:
        wanted = rows
        noise = np.broadcast_to(np.square(stored.scales) / 12, len(rows)) * rows.shape[1]
    signal = np.square(wanted).sum(axis=1)
    alive = live_channels(signal)
    live = np.abs(wanted).max(axis=1)[alive]
    per_channel = [len(np.unique(row)) for row in levels[alive] if np.any(row)]
    return WeightNoise(
        tensor=tensor,
        layer=layer_name(tensor, kind),
        operator=kind,
        scales=len(stored.scales),
        channels=len(rows),
        measured=measured,
        signal=signal,
        noise=np.asarray(noise),
        range_ratio=float(live.max() / live.min()) if len(live) else 1.0,
        input_ratio=spread_of(_inputs(graph, stored)),
        steps=len(np.unique(levels)),
        fewest=min(per_channel, default=1),
        lowest=stored.lowest,
        counts=np.bincount(
            (levels.ravel() - stored.lowest).clip(0, stored.count - 1), minlength=stored.count
        ).astype(np.float64),
        step=stored.scales,
    )


def _inputs(graph: Graph, stored: Stored) -> Values:
    """Give the range of the weights of each input channel; of a depthwise layer there is nothing to share."""
    kind = graph.kind(stored.operator)
    if kind == "DEPTHWISE_CONV_2D":
        return np.ones(1)
    channels = stored.numbers.shape[-1]
    return np.asarray(np.abs(by_input_channel(kind, stored.numbers, channels)).max(axis=1))
