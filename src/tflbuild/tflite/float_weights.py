"""Give layers that compute in floats float weights, where a file stores them in int8 or float16.

So a file that was converted with dynamic-range or float16 quantization can be quantized anew. Its weights keep the
values that they stand for; activations, which the kernels of such layers round while they run, are rounded no more.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of, zero_points_of
from tflbuild.tflite.unread import drop_unread

STORED = (schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.FLOAT16)
FLOAT32 = schema.TensorType.FLOAT32


def spread_weights(graph: Graph) -> list[str]:
    """Give layers that compute in floats the values that their stored weights stand for.

    Args:
        graph: edited in place; where there are no such weights it stays as it is.

    Returns:
        The names of what these layers, and what was in their place a DEQUANTIZE of constants, write.
    """
    names = [*_hybrid(graph), *_folded(graph)]
    if names:
        drop_unread(graph.model)
        graph.reindex()
    return names


def _hybrid(graph: Graph) -> list[str]:
    """Unpack constants that a layer with a float input reads as they are stored."""
    names = []
    for operator in list(graph.weighted()):
        given, weights = (graph.tensors[int(index)] for index in operator.inputs[:2])
        if given.type == FLOAT32 and weights.type in STORED:
            _set(graph, operator, 1, values_of(graph, int(operator.inputs[1])))
            names.append(graph.name(int(operator.outputs[0])))
    return names


def _folded(graph: Graph) -> list[str]:
    """Put constants in the place of what a DEQUANTIZE makes of constants."""
    names, left = [], []
    for operator in graph.operators:
        stored = int(operator.inputs[0]) if len(operator.inputs) else -1
        values = graph.constant(stored) if graph.kind(operator) == "DEQUANTIZE" else None
        if values is None or graph.tensors[stored].type not in STORED:
            left.append(operator)
            continue
        made = int(operator.outputs[0])
        _write(graph, graph.tensors[made], values_of(graph, stored))
        names.append(graph.name(made))
    graph.model.subgraphs[0].operators = left
    return names


def values_of(graph: Graph, index: int) -> npt.NDArray[np.float32]:
    """Give what a stored constant stands for, as float32."""
    tensor = graph.tensors[index]
    levels = graph.constant(index)
    assert levels is not None
    scales = np.asarray(scales_of(tensor), np.float32)
    if tensor.type == schema.TensorType.FLOAT16 or not len(scales):
        return levels.astype(np.float32)
    points = np.asarray(zero_points_of(tensor), np.float32)
    axis = tensor.quantization.quantizedDimension
    sides = [1] * levels.ndim
    if len(scales) > 1:
        sides[axis] = len(scales)
        scales, points = scales.reshape(sides), np.broadcast_to(points, len(scales)).reshape(sides)
    return np.asarray((levels.astype(np.float32) - points) * scales, np.float32)


def _set(graph: Graph, operator: Any, position: int, values: npt.NDArray[np.float32]) -> None:
    """Give an operator a float constant of its own."""
    tensor = copy.copy(graph.tensors[int(operator.inputs[position])])
    tensor.name = f"{tensor.name.decode()};float".encode()
    _write(graph, tensor, values)
    graph.tensors.append(tensor)
    operator.inputs = np.array(operator.inputs, np.int32)
    operator.inputs[position] = len(graph.tensors) - 1


def _write(graph: Graph, tensor: Any, values: npt.NDArray[np.float32]) -> None:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    graph.model.buffers.append(buffer)
    tensor.buffer, tensor.type, tensor.quantization = len(graph.model.buffers) - 1, FLOAT32, None
