"""Operators and constants that an editor adds to a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.flatbuffer import code_index


def operator(
    model: Any, kind: str, inputs: Sequence[int], output: int, options: Any = None, version: int = 1
) -> Any:
    """Give an operator that is in no graph yet; its code is in the model.

    Args:
        model: what `flatbuffer.unpack` gave.
        kind: e.g. "CAST".
        inputs: places of tensors.
        output: place of a tensor.
        options: of the schema, such as a `CastOptionsT`; None for none.
        version: least version of the operator.
    """
    made = schema.OperatorT()
    made.opcodeIndex = code_index(model, getattr(schema.BuiltinOperator, kind), version)
    made.inputs, made.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
    if options is not None:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        made.builtinOptions = options
    return made


def constant(model: Any, name: str, values: npt.NDArray[Any]) -> int:
    """Add a constant to a model's first graph.

    Args:
        model: what `flatbuffer.unpack` gave.
        name: of its tensor.
        values: float32 or int32, of any shape.

    Returns:
        The place of its tensor.
    """
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.name, tensor.shape = name.encode(), np.array(values.shape, np.int32)
    tensor.type = getattr(schema.TensorType, values.dtype.name.upper())
    tensor.buffer = len(model.buffers) - 1
    tensors = model.subgraphs[0].tensors
    tensors.append(tensor)
    return len(tensors) - 1
