"""Cross-layer equalization on a float `.tflite`: share the sizes of channels between neighbouring layers.

A layer's output channel may be divided by any positive factor if the layer behind multiplies it back: with a linear
or ReLU activation in between the model computes the same. Channels whose weights (or activations) are of one size
lose less when they share one scale.

References:
    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019: sections 4.1, 4.1.3.
    Xiao et al., SmoothQuant, 2023: sharing between activations and weights, here `balance="activations"`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends.graph import (
    Graph,
    by_input_channel,
    by_output_channel,
    scaled_inputs,
    scaled_outputs,
)

Balance = Literal["weights", "activations"]
Relu6 = Literal["keep", "replace"]
Vector = npt.NDArray[np.float64]

FUSED = schema.ActivationFunctionType
EXACT = (FUSED.NONE, FUSED.RELU)
"""Activations through which a positive factor passes unchanged."""

MARGIN = 1.1
"""How far below 6 a channel behind RELU6 stays on the calibration images, for those that were not among them."""

PASSING = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "MEAN")
"""Operators that keep channels apart and let a positive factor through."""

SWEEPS = 20
"""Rounds over all pairs; sizes settle in fewer."""

SETTLED = 1e-3
"""Relative change of every factor below which the rounds end."""

MOST = 1e4
"""Largest factor: beyond it float32 itself begins to lose."""


@dataclass(frozen=True)
class Pair:
    """Two layers that can share channel sizes.

    Attributes:
        first: writes the channels.
        second: reads them, and nothing else does.
        between: index of the tensor that `second` reads.
    """

    first: Any
    second: Any
    between: int


def pairs(graph: Graph, relu6_too: bool = False) -> Iterator[Pair]:
    """Give the pairs of layers between which channels may be rescaled, in order.

    Args:
        graph: of a float model.
        relu6_too: those with a RELU6 between them too.
    """
    allowed = (*EXACT, FUSED.RELU6) if relu6_too else EXACT
    weighted = {id(operator) for operator in graph.weighted()}
    for first in graph.weighted():
        if first.builtinOptions.fusedActivationFunction not in allowed:
            continue
        tensor = int(first.outputs[0])
        second = graph.only_reader(tensor)
        while second is not None and _lets_through(graph, second, allowed):
            tensor = int(second.outputs[0])
            second = graph.only_reader(tensor)
        if second is not None and id(second) in weighted and int(second.inputs[0]) == tensor:
            pair = Pair(first, second, tensor)
            if _channels_agree(graph, pair):
                yield pair


def equalize(
    graph: Graph, largest: Mapping[str, Vector], *, balance: Balance = "weights", relu6: Relu6 = "keep"
) -> dict[str, Vector]:
    """Equalize a float model in place.

    Args:
        graph: of a float model.
        largest: (channels,) largest absolute value of each activation on calibration images, by tensor name.
        balance: make the weights of both layers of a pair equally large, or the activation between them as large as
            the weights that read it.
        relu6: "keep" leaves every RELU6 and lets a channel behind one grow to at most 6 / MARGIN, and leaves those
            alone that reach 6, so that the model computes the same on the calibration images; "replace" turns
            RELU6 into RELU, which is not exact where values exceed 6.

    Returns:
        By what the channels of each rescaled activation were divided, by tensor name.
    """
    found = list(pairs(graph, relu6_too=True))
    sizes = {pair.between: largest[graph.name(pair.between)].astype(np.float64) for pair in found}
    factors = {pair.between: np.ones(_channels(graph, pair.first)) for pair in found}
    for _ in range(SWEEPS if balance == "weights" else 1):
        moved = 0.0
        for pair in found:
            size = sizes[pair.between]
            first = size if balance == "activations" else _size_out(graph, pair.first)
            step = _factor(first, _size_in(graph, pair.second, len(first)))
            fused = _fused(pair.first) == FUSED.RELU6
            if _bounded(graph, pair) and not (relu6 == "replace" and fused):
                step = _within_six(step, size, factors[pair.between])
            _apply(graph, pair, step)
            factors[pair.between] *= step
            moved = max(moved, float(np.abs(np.log(step)).max()))
        if moved < SETTLED:
            break
    if relu6 == "replace":
        _replace_relu6(graph, found)
    return {graph.name(index): factor for index, factor in factors.items()}


def _within_six(step: Vector, size: Vector, done: Vector) -> Vector:
    """Keep a channel behind RELU6 below 6 by a margin, and one that reaches 6 as it was.

    Args:
        step: by what to divide the channels now.
        size: largest value of each channel, before anything was divided.
        done: by what they have been divided.
    """
    least = np.maximum(size * MARGIN / 6, np.finfo(np.float64).tiny) / done
    return np.where(size * MARGIN >= 6, 1 / done, np.maximum(step, least))


def _bounded(graph: Graph, pair: Pair) -> bool:
    """Say whether a RELU6 lies between the layers of a pair."""
    if _fused(pair.first) == FUSED.RELU6:
        return True
    index = int(pair.first.outputs[0])
    while index != pair.between:
        (operator,) = graph.readers(index)
        if graph.kind(operator) == "RELU6" or _fused(operator) == FUSED.RELU6:
            return True
        index = int(operator.outputs[0])
    return False


def _fused(operator: Any) -> int:
    return int(getattr(operator.builtinOptions, "fusedActivationFunction", FUSED.NONE))


def absorb_bias(graph: Graph, smallest: Mapping[str, Vector]) -> int:
    """Move the part of a ReLU's output that is never left below into the next layer's bias.

    A channel that is never smaller than c on the calibration images is lowered by c, and what the next layer made of c
    is put into that layer's bias; its range shrinks by c. Layers that pad are left out, because their border would see
    other values.

    Args:
        graph: of a float model, edited in place.
        smallest: smallest value of each channel by tensor name, on calibration images.

    Returns:
        How many channels were lowered.
    """
    count = 0
    for pair in pairs(graph):
        direct = int(pair.first.outputs[0]) == pair.between
        if (
            not direct
            or pair.first.builtinOptions.fusedActivationFunction == FUSED.NONE
            or _pads(graph, pair.second)
        ):
            continue
        constant = np.maximum(smallest[graph.name(pair.between)].astype(np.float64), 0.0)
        if not np.any(constant > 0):
            continue
        kind, weights = graph.kind(pair.second), graph.constant(pair.second.inputs[1])
        assert weights is not None
        channels = len(constant)
        _add_bias(graph, pair.first, -constant)
        _add_bias(graph, pair.second, _response(kind, weights.astype(np.float64), constant, channels))
        count += int(np.count_nonzero(constant))
    return count


def _response(kind: str, weights: npt.NDArray[Any], constant: Vector, channels: int) -> Vector:
    """Give what a layer without padding makes of an image whose channels are constant."""
    if kind == "DEPTHWISE_CONV_2D":
        spread = np.repeat(constant, weights.shape[-1] // channels)
        return np.asarray(weights.sum(axis=(0, 1, 2)) * spread)
    return np.asarray((weights * constant).reshape(len(weights), -1).sum(axis=1))


def _pads(graph: Graph, operator: Any) -> bool:
    kind = graph.kind(operator)
    if kind == "FULLY_CONNECTED":
        return False
    weights = graph.constant(operator.inputs[1])
    assert weights is not None
    return tuple(weights.shape[1:3]) != (1, 1) and operator.builtinOptions.padding == schema.Padding.SAME


def _lets_through(graph: Graph, operator: Any, allowed: tuple[int, ...]) -> bool:
    kind = graph.kind(operator)
    if kind == "RELU":
        return True
    if kind == "RELU6":
        return FUSED.RELU6 in allowed
    if kind == "RESHAPE":
        return _keeps_channels(graph, operator)
    if kind == "MEAN":
        axes = graph.constant(operator.inputs[1])
        return axes is not None and {int(axis) % 4 for axis in axes.ravel()} == {1, 2}
    if kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return operator.builtinOptions.fusedActivationFunction in allowed
    return kind in PASSING


def _keeps_channels(graph: Graph, operator: Any) -> bool:
    """Say whether a reshape only drops or adds sides of length 1: the channels stay the last axis."""
    before, after = graph.tensors[operator.inputs[0]].shape, graph.tensors[operator.outputs[0]].shape
    return bool(len(before) and len(after) and before[-1] == after[-1] == int(np.prod(before)))


def _channels(graph: Graph, operator: Any) -> int:
    kind, weights = graph.kind(operator), graph.constant(operator.inputs[1])
    assert weights is not None
    return int(weights.shape[-1] if kind == "DEPTHWISE_CONV_2D" else weights.shape[0])


def _channels_agree(graph: Graph, pair: Pair) -> bool:
    """Say whether the second layer reads exactly the first one's channels; not so behind a flattening."""
    channels = _channels(graph, pair.first)
    kind, weights = graph.kind(pair.second), graph.constant(pair.second.inputs[1])
    assert weights is not None
    if kind == "DEPTHWISE_CONV_2D":
        return bool(weights.shape[-1] % channels == 0 and graph.tensors[pair.between].shape[-1] == channels)
    return bool(weights.shape[-1] == channels)


def _size_out(graph: Graph, operator: Any) -> Vector:
    weights = graph.constant(operator.inputs[1])
    assert weights is not None
    return np.asarray(np.abs(by_output_channel(graph.kind(operator), weights)).max(axis=1), np.float64)


def _size_in(graph: Graph, operator: Any, channels: int) -> Vector:
    weights = graph.constant(operator.inputs[1])
    assert weights is not None
    return np.asarray(
        np.abs(by_input_channel(graph.kind(operator), weights, channels)).max(axis=1), np.float64
    )


def _factor(first: Vector, second: Vector) -> Vector:
    """Give by what to divide the first layer's channels, so that both sizes become their geometric mean.

    A channel that is zero on either side is left as it is.
    """
    live = (first > 0) & (second > 0)
    factor = np.ones_like(first)
    factor[live] = np.sqrt(first[live] / second[live])
    if (
        live.any()
    ):  # a common factor moves nothing between channels, but would move the range of the activation
        factor[live] /= np.exp(np.log(factor[live]).mean())
    return np.clip(factor, 1 / MOST, MOST)


def _apply(graph: Graph, pair: Pair, factor: Vector) -> None:
    first, second = graph.constant(pair.first.inputs[1]), graph.constant(pair.second.inputs[1])
    assert first is not None
    assert second is not None
    graph.set_input(
        pair.first, 1, scaled_outputs(graph.kind(pair.first), first, 1 / factor).astype(np.float32)
    )
    bias = graph.constant(pair.first.inputs[2]) if len(pair.first.inputs) > 2 else None
    if bias is not None:
        graph.set_input(pair.first, 2, (bias / factor).astype(np.float32))
    graph.set_input(pair.second, 1, scaled_inputs(graph.kind(pair.second), second, factor).astype(np.float32))


def _add_bias(graph: Graph, operator: Any, change: Vector) -> None:
    bias = graph.constant(operator.inputs[2])
    assert bias is not None
    graph.set_input(operator, 2, (bias + change).astype(np.float32))


def _replace_relu6(graph: Graph, found: list[Pair]) -> None:
    """Turn the RELU6 that is fused into the first layer of a pair into RELU."""
    for pair in found:
        options = pair.first.builtinOptions
        if options.fusedActivationFunction == FUSED.RELU6:
            options.fusedActivationFunction = FUSED.RELU
