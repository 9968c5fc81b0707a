"""Biases that fit: keep the integer biases of a quantized file from saturating.

A bias has the scale of its input times that of its channel's weights. Where pruning or training left a channel
without weights, that scale is next to nothing, the bias is cut off at 2^31, and the channel gives a wrong constant:
a class head then reports one false object in every image. TensorFlow's converter widens the weights' scale in
that case; LiteRT Quantizer does not.

Layers may share weights, as the heads of a detector that look at several maps do. Those whose bias does not fit then
get a copy of the weights that is widened, and the others keep theirs. Each bias is that of its own layer: the scales of
what layers of the same weights read differ.

A bias far beyond what its output can tell, which holds a channel at zero for good, is cut off first: kernels multiply
sums by the ratio of scales, and int32 would overflow without a word, or XNNPACK refuse the ratio.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.flatbuffer import WEIGHTED, bias_place, given_place
from tflbuild.tflite.graph import Graph

LARGEST = 2.0**30
"""Largest size of a bias, as in TensorFlow's converter: half of what fits int32, so that sums do too.

LiteRT Quantizer cuts the int64 biases of int16 activations off at the same size.
"""

WEIGHTS = (schema.TensorType.INT8, schema.TensorType.INT4)

PRODUCT_TOLERANCE = 1e-3
"""Relative tolerance of a bias's scale to the product; rounding to float32 costs 1e-7, a fault a factor."""

BIASES = (schema.TensorType.INT32, schema.TensorType.INT64)
"""Types of biases: int32 with int8 activations, int64 with int16."""


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """Convey an operator with integer weights and an integer bias.

    Attributes:
        operator: of the graph.
        entry: what it reads.
        weights: place of the tensor of its weights.
        bias: place of that of its bias.
        most: size of 2^30 levels of its output, beyond which no bias changes what it tells.
    """

    operator: Any
    entry: Any
    weights: int
    bias: int
    most: float


def fit(graph: Graph, source: Graph) -> bool:
    """Widen the scales of weights whose bias does not fit, and cut off what no output can tell.

    Args:
        graph: of a model quantized to integer weights and biases; edited in place.
        source: of the float model that it was made from, for the biases' true values: those of the layer that writes
            a tensor of the same name.

    Returns:
        Whether that changed anything.
    """
    truth = {
        source.name(int(operator.outputs[0])): source.constant(source.bias(operator))
        for operator in source.operators
        if source.kind(operator) in WEIGHTED
    }
    sharing: dict[int, list[tuple[_Layer, npt.NDArray[np.float64]]]] = defaultdict(list)
    for layer in _layers(graph):
        wanted = truth.get(graph.name(int(layer.operator.outputs[0])))
        if wanted is not None and wanted.shape == graph.tensors[layer.bias].shape:
            sharing[layer.weights].append((layer, wanted.astype(np.float64)))
    return bool(sum(_fit(graph, weights, layers) for weights, layers in sharing.items()))


def restate(graph: Graph) -> list[str]:
    """Tell biases in the scale that their kernels take them in, where they have another.

    TensorFlow's converter gives layers that share a bias one tensor for it with int16 activations, in the scale of one
    of them: the others then compute with a multiple of it.

    Args:
        graph: edited in place. A bias that does not fit is left as it is.

    Returns:
        Names of what the layers write.
    """
    names = []
    for layer in list(_layers(graph)):
        tensor, weights = graph.tensors[layer.bias], graph.tensors[layer.weights].quantization.scale
        own = np.asarray(tensor.quantization.scale, np.float64)
        scale = float(layer.entry.quantization.scale[0]) * np.asarray(weights, np.float64)
        levels = np.rint(_levels(graph, layer) * own / scale)
        if np.allclose(own, scale, rtol=PRODUCT_TOLERANCE, atol=0) or np.abs(levels).max() > LARGEST:
            continue
        _store_bias(graph, layer, levels, scale)
        names.append(graph.name(int(layer.operator.outputs[0])))
    return names


def saturated(model: Any) -> list[str]:
    """Name the biases of an unpacked file that are cut off."""
    graph = Graph(model)
    return [
        graph.name(layer.bias)
        for layer in _layers(graph)
        if np.abs(_levels(graph, layer).astype(np.int64)).max() >= 2**31 - 1
    ]


def filling(content: bytes) -> dict[str, npt.NDArray[np.bool_]]:
    """Say of the weights of each layer, by name, which channels' biases fill their integers.

    The scale of such a channel was widened until its bias fitted, so that a weight of less than a level is less than
    the bias by 2^29 or more. Of weights that layers share, one bias is enough.
    """
    graph = Graph.unpacked(content)
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for layer in _layers(graph):
        filled = np.abs(_levels(graph, layer).astype(np.int64)) >= LARGEST / 2
        found[graph.name(layer.weights)] = filled | found.get(graph.name(layer.weights), False)
    return found


def _layers(graph: Graph) -> Iterator[_Layer]:
    """Give every operator with integer weights and an integer bias that has a scale."""
    for operator in graph.operators:
        kind = graph.kind(operator)
        if kind not in WEIGHTED or graph.bias(operator) < 0:
            continue
        entry, bias = (
            graph.tensors[int(operator.inputs[place])] for place in (given_place(kind), bias_place(kind))
        )
        if graph.tensors[int(operator.inputs[1])].type not in WEIGHTS or bias.type not in BIASES:
            continue
        if (
            bias.quantization is None
            or bias.quantization.scale is None
            or graph.constant(graph.bias(operator)) is None
            or entry.quantization is None
            or entry.quantization.scale is None
        ):
            continue
        yield _Layer(
            operator=operator,
            entry=entry,
            weights=int(operator.inputs[1]),
            bias=graph.bias(operator),
            most=_most(graph.tensors[int(operator.outputs[0])]),
        )


def _most(output: Any) -> float:
    scale = None if output.quantization is None else output.quantization.scale
    return LARGEST * float(scale[0]) if scale is not None and len(scale) else np.inf


def _fit(graph: Graph, weights: int, layers: list[tuple[_Layer, npt.NDArray[np.float64]]]) -> bool:
    """Rescale the channels of the layers of one tensor of weights; says whether any needed it."""
    before = np.asarray(graph.tensors[weights].quantization.scale, np.float64)
    scales = [_wide_enough(layer, truth, before) for layer, truth in layers]
    narrow = [
        layer.operator for (layer, _), scale in zip(layers, scales, strict=True) if np.any(scale > before)
    ]
    widened = np.max(scales, axis=0)
    if narrow:
        _widen(graph, narrow, before, widened)
    changed = bool(narrow)
    for (layer, truth), scale in zip(layers, scales, strict=True):
        after = widened if np.any(scale > before) else before
        refitted = np.broadcast_to((after > before) | (np.abs(truth) > layer.most), truth.shape)
        if np.any(refitted):
            _set_bias(graph, layer, truth, refitted, after)
            changed = True
    return changed


def _wide_enough(
    layer: _Layer, truth: npt.NDArray[np.float64], before: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Give the scales of a layer's weights, as they are or as wide as its biases need."""
    needed = np.abs(truth.clip(-layer.most, layer.most)) / (
        float(layer.entry.quantization.scale[0]) * LARGEST
    )
    return np.asarray(np.maximum(before, needed if len(before) > 1 else needed.max()))


def _widen(
    graph: Graph, operators: list[Any], before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]
) -> None:
    """Give layers weights of wider scales."""
    tensor = graph.tensors[int(operators[0].inputs[1])]
    values = graph.constant(int(operators[0].inputs[1]))
    assert values is not None, "weights are constant"
    shape = np.ones(values.ndim, np.int64)
    shape[tensor.quantization.quantizedDimension] = len(before)
    kept = np.round(values * (before / after).reshape(shape)).astype(np.int8)
    graph.set_inputs(operators, 1, kept).quantization.scale = after.astype(np.float32)


def _set_bias(
    graph: Graph,
    layer: _Layer,
    truth: npt.NDArray[np.float64],
    refitted: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> None:
    """Tell a layer's biases anew in the scales that its weights have now."""
    scale = (float(layer.entry.quantization.scale[0]) * weights).astype(np.float32)
    levels = truth.clip(-layer.most, layer.most) / scale.astype(np.float64)
    old = _levels(graph, layer)
    fitting = np.round(np.clip(levels, -LARGEST, LARGEST))
    _store_bias(graph, layer, np.where(refitted, fitting, old), scale)


def _store_bias(graph: Graph, layer: _Layer, levels: npt.NDArray[Any], scale: npt.NDArray[Any]) -> None:
    """Give a layer a bias of its own."""
    dtype = _levels(graph, layer).dtype
    place = bias_place(graph.kind(layer.operator))
    graph.set_input(layer.operator, place, levels.astype(dtype))
    graph.tensors[int(layer.operator.inputs[place])].quantization.scale = scale.astype(np.float32)


def _levels(graph: Graph, layer: _Layer) -> npt.NDArray[Any]:
    values = graph.constant(layer.bias)
    assert values is not None, "biases are constant"
    return values
