"""Biases that fit: keep the integer biases of a quantized file from saturating.

A bias has the scale of its input times that of its channel's weights. Where pruning or training left a channel
without weights, that scale is next to nothing, the bias is cut off at 2^31, and the channel gives a wrong constant:
a class head then reports one false object in every image. TensorFlow's converter widens the weights' scale in
that case; LiteRT Quantizer does not.

A bias far beyond what its output can tell, which holds a channel at zero for good, is cut off first: kernels multiply
sums by the ratio of scales, and int32 would overflow without a word, or XNNPACK refuse the ratio.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import constants, flatbuffer
from tflbuild.tflite.graph import Graph

LARGEST = 2.0**30
"""Largest size of a bias, as in TensorFlow's converter: half of what fits int32, so that sums do too.

LiteRT Quantizer cuts the int64 biases of int16 activations off at the same size.
"""

WEIGHTS = (schema.TensorType.INT8, schema.TensorType.INT4)

BIASES = {schema.TensorType.INT32: np.int32, schema.TensorType.INT64: np.int64}
"""Types of biases: int32 with int8 activations, int64 with int16."""


def fit(graph: Graph, source: Graph) -> bool:
    """Widen the scales of weights whose bias does not fit, and cut off what no output can tell.

    Args:
        graph: of a model quantized to integer weights and biases; edited in place.
        source: of the float model that it was made from, for the biases' true values.

    Returns:
        Whether that changed anything.
    """
    model = graph.model
    floats = (tensor for tensor in source.tensors if tensor.type == schema.TensorType.FLOAT32)
    truth = {tensor.name: constants.values_of(source.model, tensor) for tensor in floats}
    changed = False
    for entry, weights, bias, output in _biased(model):
        wanted = truth.get(bias.name)
        if wanted is not None and len(wanted) == bias.shape[-1]:
            changed |= _fit(model, entry, weights, bias, wanted.astype(np.float64), _most(output))
    return changed


def saturated(model: Any) -> list[str]:
    """Name the biases of an unpacked file that are cut off."""
    return [
        bias.name.decode()
        for _, _, bias, _ in _biased(model)
        if np.abs(_bias_of(model, bias).astype(np.int64)).max() >= 2**31 - 1
    ]


def filling(content: bytes) -> dict[str, npt.NDArray[np.bool_]]:
    """Say of the weights of each layer, by name, which channels' biases fill their integers.

    The scale of such a channel was widened until its bias fitted, so that a weight of less than a level is less than
    the bias by 2^29 or more.
    """
    model = flatbuffer.unpack(content)
    return {
        weights.name.decode(): np.abs(_bias_of(model, bias).astype(np.int64)) >= LARGEST / 2
        for _, weights, bias, _ in _biased(model)
    }


def _most(output: Any) -> float:
    """Give the size of 2^30 levels of an output, beyond which no bias changes what it tells."""
    scale = None if output.quantization is None else output.quantization.scale
    return LARGEST * float(scale[0]) if scale is not None and len(scale) else np.inf


def _biased(model: Any) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Give input, weights, bias and output of every operator with integer weights and an integer bias."""
    graph = model.subgraphs[0]
    for operator in graph.operators:
        inputs = [graph.tensors[i] for i in operator.inputs if i >= 0]
        if len(inputs) < 3 or inputs[1].type not in WEIGHTS or inputs[2].type not in BIASES:
            continue
        if inputs[2].quantization is not None and inputs[2].quantization.scale is not None:
            yield inputs[0], inputs[1], inputs[2], graph.tensors[operator.outputs[0]]


def _fit(
    model: Any, entry: Any, weights: Any, bias: Any, truth: npt.NDArray[np.float64], most: float
) -> bool:
    """Rescale the channels of one operator whose biases are to be `truth`, or `most`; says whether any needed it."""
    wanted = truth.clip(-most, most)
    before = np.asarray(weights.quantization.scale, np.float64)
    input_scale = float(entry.quantization.scale[0])
    needed = np.abs(wanted) / (input_scale * LARGEST)
    after = np.maximum(before, needed if len(before) > 1 else needed.max())
    refitted = (after > before) | (np.abs(truth) > most)
    if not np.any(refitted):
        return False
    shape = np.ones(len(weights.shape), np.int64)
    shape[weights.quantization.quantizedDimension] = len(before)
    values = constants.values_of(model, weights)
    assert values is not None, "weights are constant"
    kept = np.round(values * (before / after).reshape(shape)).astype(np.int8)
    scale = (input_scale * after).astype(np.float32)
    dtype = BIASES[bias.type]
    old = _bias_of(model, bias)
    fitting = np.round(np.clip(wanted / scale.astype(np.float64), -LARGEST, LARGEST)).astype(dtype)
    _store(model, weights, kept, after)
    _store(model, bias, np.where(np.broadcast_to(refitted, old.shape), fitting, old), scale)
    return True


def _bias_of(model: Any, bias: Any) -> npt.NDArray[Any]:
    values = constants.values_of(model, bias)
    assert values is not None, "biases are constant"
    return values


def _store(model: Any, tensor: Any, values: Any, scale: Any) -> None:
    model.buffers[tensor.buffer].data = constants.stored(values, tensor)
    tensor.quantization.scale = np.asarray(scale, np.float32)
