"""Quantized flatbuffers by hand, whose every number is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import flatbuffer

TYPES = schema.TensorType
DTYPES = {
    "int8": TYPES.INT8,
    "uint8": TYPES.UINT8,
    "int16": TYPES.INT16,
    "int32": TYPES.INT32,
    "int64": TYPES.INT64,
    "float16": TYPES.FLOAT16,
}


class Held(NamedTuple):
    """What a tensor is held in: its dtype, scales, zero points, axis, and the levels of a constant."""

    dtype: str
    scales: Any = ()
    points: Any = 0
    axis: int = 0
    levels: Any = None


def held(content: bytes, tensors: Mapping[str, Held]) -> bytes:
    """Hold tensors of a float file, by name, in integers."""
    model = flatbuffer.unpack(content)
    for tensor in model.subgraphs[0].tensors:
        found = tensors.get(tensor.name.decode())
        if found is None:
            continue
        tensor.type = DTYPES[found.dtype]
        if found.levels is not None:
            levels = np.asarray(found.levels).astype(found.dtype)
            model.buffers[tensor.buffer].data = np.frombuffer(levels.tobytes(), np.uint8)
        if len(np.atleast_1d(found.scales)):
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.atleast_1d(np.asarray(found.scales, np.float32))
            points = np.broadcast_to(np.asarray(found.points, np.int64), tensor.quantization.scale.shape)
            tensor.quantization.zeroPoint = points.copy()
            tensor.quantization.quantizedDimension = found.axis
    return flatbuffer.pack(model)
