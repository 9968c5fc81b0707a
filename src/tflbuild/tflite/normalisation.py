"""Move a normalisation by channel into the graph of a float `.tflite`, so that its input can take raw bytes.

A depthwise convolution of one pixel in front of everything makes `value * factor + shift` of each channel. A layer with
padding behind it still pads with zeros of the normalised values, which folding the factors into its kernel would not
give. In int8 each of its kernels holds one weight with a scale of its own, so that it is exact, and its bias has 32
bits: what it gives is rounded once, like the input of a graph that takes normalised values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import additions
from tflbuild.tflite.flatbuffer import ends_of
from tflbuild.tflite.graph import Graph


def move_inside(edited: Graph, channels: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    """Let inputs take other values, of which the graph makes those that it took; their names stay.

    Args:
        edited: of a float model; edited in place.
        channels: by input, (batch, height, width, channels), the factor and the shift of each channel.
    """
    model = edited.model
    inputs, _ = ends_of(model)
    graph = model.subgraphs[0]
    for name, (factors, shifts) in channels.items():
        inner = inputs[name]
        given = graph.tensors[inner]
        tensor_name = given.name.decode()
        outer = _added(model, tensor_name, given.shape)
        given.name = f"{tensor_name}_normalised".encode()
        kernel = np.asarray(factors, np.float32).reshape(1, 1, 1, -1)
        weights = additions.constant(model, f"{tensor_name}_factor", kernel)
        bias = np.asarray(shifts, np.float32)
        biases = additions.constant(model, f"{tensor_name}_shift", bias)
        graph.operators.insert(0, _depthwise(model, [outer, weights, biases], inner))
        graph.inputs = np.array(
            [outer if int(index) == inner else int(index) for index in graph.inputs], np.int32
        )
        for entry in model.signatureDefs[0].inputs if model.signatureDefs else ():
            entry.tensorIndex = outer if entry.tensorIndex == inner else entry.tensorIndex
    edited.reindex()


def _added(model: schema.ModelT, name: str, shape: Sequence[int]) -> int:
    """Add a float tensor that is computed or given; gives its index."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape = name.encode(), np.array(shape, np.int32)
    tensor.type, tensor.buffer = schema.TensorType.FLOAT32, 0
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _depthwise(model: schema.ModelT, inputs: Sequence[int], output: int) -> schema.OperatorT:
    """Give a depthwise convolution of one pixel."""
    options = schema.DepthwiseConv2DOptionsT()
    options.padding, options.depthMultiplier = schema.Padding.VALID, 1
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    return additions.operator(model, "DEPTHWISE_CONV_2D", inputs, output, options)
