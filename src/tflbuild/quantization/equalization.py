"""Cross-layer equalization on a float `.tflite`: share the sizes of channels between neighbouring layers.

A layer's output channel may be divided by any positive factor if the layers behind multiply it back: with a linear
or ReLU activation in between the model computes the same. Channels whose weights (or activations) are of one size
lose less when they share one scale.

References:
    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019: sections 4.1, 4.1.3.
    Xiao et al., SmoothQuant, 2023: sharing between activations and weights, here `balance="activations"`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.quantization.observation import Activation
from tflbuild.quantization.seams import FUSED, Reader, Seam, fused, seams
from tflbuild.tflite.graph import (
    Graph,
    by_input_channel,
    by_output_channel,
    scaled_inputs,
    scaled_outputs,
)

Balance = Literal["weights", "activations"]
Relu6 = Literal["keep", "replace"]
Vector = npt.NDArray[np.float64]

MARGIN = 1.1
"""Factor by which a channel behind RELU6 stays below 6 on calibration images, to leave room for others."""

SWEEPS = 20
"""Rounds over all seams; sizes settle in fewer."""

SETTLED = 1e-3
"""Relative change of every factor below which the rounds end."""

MOST = 1e4
"""Largest factor of a channel over all rounds: beyond it float32 itself begins to lose."""

NEGLIGIBLE = float(np.finfo(np.float32).eps)
"""Share of the largest channel below which what a channel adds to the layers behind is lost in float32's rounding."""

HUGE = 1e30
"""Size from which a weight or a bias is left alone: times a factor it would leave float32."""


def equalize(
    graph: Graph,
    largest: Mapping[str, Vector],
    *,
    balance: Balance = "weights",
    relu6: Relu6 = "keep",
    without: Collection[str] = (),
) -> dict[str, Vector]:
    """Equalize a float model in place.

    Channels that cannot matter, because weight decay or pruning left them next to nothing, stay as they are: their
    factors would be as large as they are small, and drown the others.

    Args:
        graph: of a float model.
        largest: (channels,) largest absolute value of each activation on calibration images, by tensor name.
        balance: make the weights on both sides of a seam equally large, or the activation in it as large as the
            weights that read it.
        relu6: "keep" leaves every RELU6 and lets a channel behind one grow to at most 6 / MARGIN, and leaves those
            alone that reach that, so that the model computes the same on the calibration images; "replace" turns
            RELU6 into RELU, which is not exact where values exceed 6.
        without: tensors whose channels are left as they are, by name.

    Returns:
        By what the channels of each rescaled activation were divided, by the name of the tensor that a layer writes.
    """
    found = [seam for seam in seams(graph) if graph.name(seam.written) not in without]
    sizes = {seam.written: largest[graph.name(seam.written)].astype(np.float64) for seam in found}
    factors = {seam.written: np.ones(seam.channels) for seam in found}
    for _ in range(SWEEPS):
        moved = 0.0
        for seam in found:
            done, size = factors[seam.written], sizes[seam.written]
            before = size / done if balance == "activations" else _size_out(graph, seam.first)
            step = _bounded(_step(graph, seam, before), done)
            if seam.bounded and not (relu6 == "replace" and fused(seam.first) == FUSED.RELU6):
                step = within_six(step, size, done)
            apply(graph, seam, step)
            factors[seam.written] = done * step
            moved = max(moved, float(np.abs(np.log(step)).max()))
        if moved < SETTLED:
            break
    if relu6 == "replace":
        _replace_relu6(found)
    return {graph.name(index): factor for index, factor in factors.items()}


def equalized(
    graph: Graph,
    observed: Mapping[str, Activation],
    *,
    balance: Balance,
    relu6: Relu6,
    without: Collection[str] = (),
) -> tuple[Graph, dict[str, Vector]]:
    """Give an equalized copy of a float model, and by what its channels were divided; see `equalize`."""
    made = graph.copy()
    largest = {name: activation.channel_size for name, activation in observed.items()}
    factors = equalize(made, largest, balance=balance, relu6=relu6, without=without)
    return made, factors


def _step(graph: Graph, seam: Seam, before: Vector) -> Vector:
    """Give by what to divide a seam's channels, so that the sizes on both sides become their geometric mean.

    A channel that cannot matter, or whose numbers are near the end of float32, is left as it is.
    """
    behind = np.max([_size_in(graph, reader, seam.channels) for reader in seam.readers], axis=0)
    live = _live(graph, seam, before, behind)
    step = np.ones_like(before)
    step[live] = np.sqrt(before[live] / behind[live])
    if live.any():  # a common factor moves nothing between channels, but would move the activation's range
        step[live] /= np.exp(np.log(step[live]).mean())
    return step


def liftable(graph: Graph, seam: Seam, size: Vector) -> npt.NDArray[np.bool_]:
    """Say which channels of a seam may be rescaled: those that matter, and whose numbers are tame.

    Args:
        graph: of a float model.
        seam: of it.
        size: (channels,) largest absolute value of the activation.
    """
    behind = np.max([_size_in(graph, reader, seam.channels) for reader in seam.readers], axis=0)
    return _live(graph, seam, size, behind)


def _live(graph: Graph, seam: Seam, before: Vector, behind: Vector) -> npt.NDArray[np.bool_]:
    return _matters(before, behind) & (_bias_size(graph, seam) < HUGE)


def _matters(before: Vector, behind: Vector) -> npt.NDArray[np.bool_]:
    """Say which channels add more to the layers behind than float32 loses of the largest one.

    What a channel adds is the product of the sizes on both sides, whatever a factor moved between them before.
    """
    tame = (before < HUGE) & (behind < HUGE)  # neither is what is no number
    share = np.where(tame, before, 0.0) * np.where(tame, behind, 0.0)
    return np.asarray(share > NEGLIGIBLE * share.max())


def _bounded(step: Vector, done: Vector) -> Vector:
    """Keep the factor of each channel, all rounds together, within 1 / MOST and MOST."""
    return np.asarray(np.clip(done * step, 1 / MOST, MOST) / done)


def within_six(step: Vector, size: Vector, done: Vector) -> Vector:
    """Keep a channel behind RELU6 below 6 by a margin, and one that reaches that as it was.

    Args:
        step: by what to divide the channels now.
        size: largest value of each channel, before anything was divided.
        done: by what they have been divided.
    """
    least = np.maximum(size * MARGIN / 6, np.finfo(np.float64).tiny) / done
    return np.where(size * MARGIN >= 6, 1 / done, np.maximum(step, least))


def absorb_bias(graph: Graph, smallest: Mapping[str, Vector]) -> int:
    """Move the part of a ReLU's output that is never left below into the biases behind it.

    A channel that is never smaller than c on the calibration images is lowered by c, and what the layers behind made of
    c is put into their biases; its range shrinks by c. Seams whose readers pad are left out, because their border would
    see other values, and so are those with a RELU6, which would cut off elsewhere.

    Args:
        graph: of a float model, edited in place.
        smallest: (channels,) smallest value of each activation on calibration images, by tensor name.

    Returns:
        How many channels were lowered.
    """
    count = 0
    for seam in seams(graph):
        constant = np.maximum(smallest[graph.name(seam.written)].astype(np.float64), 0.0)
        constant[constant >= HUGE] = 0.0
        if fused(seam.first) == FUSED.RELU and _can_absorb(graph, seam) and np.any(constant > 0):
            changes = [(seam.first, -constant)]
            changes += [(reader.layer, _response(graph, reader.layer, constant)) for reader in seam.readers]
            if all(_stays_tame(graph, layer, change) for layer, change in changes):
                for layer, change in changes:
                    _add_bias(graph, layer, change)
                count += int(np.count_nonzero(constant))
    return count


def _can_absorb(graph: Graph, seam: Seam) -> bool:
    layers = (seam.first, *(reader.layer for reader in seam.readers))
    direct = all(reader.read == seam.written and not _pads(graph, reader.layer) for reader in seam.readers)
    return direct and all(_bias(graph, layer) is not None for layer in layers)


def _response(graph: Graph, layer: Any, constant: Vector) -> Vector:
    """Give what a layer without padding makes of an image whose channels are constant, its bias left out."""
    weights = graph.constant(layer.inputs[1])
    assert weights is not None
    if graph.kind(layer) == "DEPTHWISE_CONV_2D":
        spread = np.repeat(constant, weights.shape[-1] // len(constant))
        return np.asarray(weights.sum(axis=(0, 1, 2), dtype=np.float64) * spread)
    return np.asarray((weights * constant).reshape(len(weights), -1).sum(axis=1))


def _pads(graph: Graph, layer: Any) -> bool:
    if graph.kind(layer) == "FULLY_CONNECTED":
        return False
    sides = tuple(int(side) for side in graph.tensors[layer.inputs[1]].shape[1:3])
    return sides != (1, 1) and layer.builtinOptions.padding == schema.Padding.SAME


def _size_out(graph: Graph, layer: Any) -> Vector:
    weights = graph.constant(layer.inputs[1])
    assert weights is not None
    return np.asarray(np.abs(by_output_channel(graph.kind(layer), weights)).max(axis=1), np.float64)


def _size_in(graph: Graph, reader: Reader, channels: int) -> Vector:
    weights = graph.constant(reader.layer.inputs[1])
    assert weights is not None
    sizes = np.abs(by_input_channel(graph.kind(reader.layer), weights, channels)).max(axis=1)
    return np.asarray(sizes, np.float64)


def apply(graph: Graph, seam: Seam, factor: Vector) -> None:
    """Divide the channels of a seam where they are written, and multiply them where they are read, in place."""
    weights, bias = graph.constant(seam.first.inputs[1]), _bias(graph, seam.first)
    assert weights is not None
    divided = scaled_outputs(graph.kind(seam.first), weights, 1 / factor)
    graph.set_input(seam.first, 1, divided.astype(np.float32))
    if bias is not None:
        graph.set_input(seam.first, 2, (bias / factor).astype(np.float32))
    for reader in seam.readers:
        weights = graph.constant(reader.layer.inputs[1])
        assert weights is not None
        multiplied = scaled_inputs(graph.kind(reader.layer), weights, factor)
        graph.set_input(reader.layer, 1, multiplied.astype(np.float32))


def _bias(graph: Graph, layer: Any) -> npt.NDArray[Any] | None:
    return graph.constant(layer.inputs[2]) if len(layer.inputs) > 2 else None


def _add_bias(graph: Graph, layer: Any, change: Vector) -> None:
    bias = _bias(graph, layer)
    assert bias is not None
    graph.set_input(layer, 2, (bias + change).astype(np.float32))


def _stays_tame(graph: Graph, layer: Any, change: Vector) -> bool:
    bias = _bias(graph, layer)
    assert bias is not None
    return bool(np.all(np.abs(bias + change) < HUGE))


def _bias_size(graph: Graph, seam: Seam) -> Vector:
    """Give the (channels,) sizes of the biases that are divided with the channels."""
    bias = _bias(graph, seam.first)
    return np.zeros(seam.channels) if bias is None else np.abs(bias).astype(np.float64)


def _replace_relu6(found: list[Seam]) -> None:
    """Turn the RELU6 that is fused into the first layer of a seam into RELU."""
    for seam in found:
        if fused(seam.first) == FUSED.RELU6:
            seam.first.builtinOptions.fusedActivationFunction = FUSED.RELU
