"""Let a quantized `.tflite` take and give raw bytes, by a QUANTIZE or DEQUANTIZE at its border."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import additions
from tflbuild.tflite.graph import Graph


def take_bytes(edited: Graph, dtype: str, codes: Mapping[int, tuple[float, int]]) -> None:
    """Let int8 or float32 inputs take raw bytes: put a QUANTIZE or DEQUANTIZE in front of each.

    Args:
        edited: of a model with int8 or float32 inputs; edited in place.
        dtype: of a raw byte, "uint8" or "int8".
        codes: scale and zero point of a raw byte, as the dtype has them, by the place of the input.
    """
    model = edited.model
    graph = model.subgraphs[0]
    graph.inputs = np.array(graph.inputs, np.int32)
    for place, (scale, zero_point) in sorted(codes.items(), reverse=True):
        inner = int(graph.inputs[place])
        name = "image" if len(graph.inputs) == 1 else graph.tensors[inner].name.decode()
        outer = _added(graph, inner, f"{name}_{dtype}", dtype, scale, zero_point)
        kind = "Dequantize" if graph.tensors[inner].type == schema.TensorType.FLOAT32 else "Quantize"
        graph.operators.insert(0, _operator(model, kind, outer, inner))
        graph.inputs[place] = outer
        for entry in model.signatureDefs[0].inputs if model.signatureDefs else ():
            entry.tensorIndex = outer if entry.tensorIndex == inner else entry.tensorIndex
    edited.reindex()


def give_uint8(edited: Graph) -> None:
    """Let every int8 output be uint8: put a QUANTIZE behind it, which adds 128 and loses nothing.

    Args:
        edited: of a quantized model; edited in place.
    """
    model = edited.model
    graph = model.subgraphs[0]
    for position, inner in enumerate(int(index) for index in graph.outputs):
        tensor = graph.tensors[inner]
        if tensor.type != schema.TensorType.INT8:
            continue
        scale, zero_point = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
        outer = _added(graph, inner, f"{tensor.name.decode()}_uint8", "uint8", scale, zero_point + 128)
        graph.operators.append(_operator(model, "Quantize", inner, outer))
        graph.outputs = np.array(graph.outputs, np.int32)
        graph.outputs[position] = outer
        for entry in model.signatureDefs[0].outputs if model.signatureDefs else ():
            entry.tensorIndex = outer if entry.tensorIndex == inner else entry.tensorIndex
    edited.reindex()


def _added(graph: Any, like: int, name: str, dtype: str, scale: float, zero_point: int) -> int:
    """Add a tensor of another's shape; gives its index."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name.encode(), graph.tensors[like].shape, 0
    tensor.type = getattr(schema.TensorType, dtype.upper())
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = np.array([scale], np.float32)
    tensor.quantization.zeroPoint = np.array([zero_point], np.int64)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(model: Any, kind: str, entry: int, exit_: int) -> Any:
    """Give a QUANTIZE or DEQUANTIZE from one tensor to another."""
    options = getattr(schema, f"{kind}OptionsT")()
    return additions.operator(model, kind.upper(), [entry], exit_, options, version=2)
