"""Files of one operator, to ask rules about: its tensors, options and version as a test wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantized_files import Held, held
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble

OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "CONCATENATION": "Concatenation",
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "FULLY_CONNECTED": "FullyConnected",
    "GATHER": "Gather",
    "MAX_POOL_2D": "Pool2D",
    "MEAN": "Reducer",
    "MIRROR_PAD": "MirrorPad",
    "MUL": "Mul",
    "ADD": "Add",
    "SUB": "Sub",
    "PACK": "Pack",
    "RESHAPE": "Reshape",
    "RESIZE_BILINEAR": "ResizeBilinear",
    "SOFTMAX": "Softmax",
    "STRIDED_SLICE": "StridedSlice",
    "DEPTH_TO_SPACE": "DepthToSpace",
    "TRANSPOSE_CONV": "TransposeConv",
}
"""Names of the options of operators in the schema."""

USUAL = {
    "strideW": 1,
    "strideH": 1,
    "filterWidth": 2,
    "filterHeight": 2,
    "dilationWFactor": 1,
    "dilationHFactor": 1,
    "depthMultiplier": 1,
    "beta": 1.0,
    "blockSize": 2,
}


def of(
    kind: str,
    given: Sequence[Any],
    *outputs: tuple[int, ...],
    version: int = 1,
    types: Mapping[str, Held] | None = None,
    **options: Any,
) -> bytes:
    """Give a file with one operator.

    Args:
        kind: e.g. "CONV_2D", or the name of a custom operator.
        given: its inputs, `i0`, `i1`, ...: a shape, or an array for a constant.
        outputs: shapes of `o0`, `o1`, ...
        version: of the operator.
        types: how tensors are held that are no floats.
        options: of the operator, by the schema's names.
    """
    tensors = {f"i{place}": one for place, one in enumerate(given)}
    tensors |= {f"o{place}": one for place, one in enumerate(outputs)}
    names = list(tensors)
    reads, writes = names[: len(given)], names[len(given) :]
    operator = getattr(schema.BuiltinOperator, kind, schema.BuiltinOperator.CUSTOM)
    custom = kind if operator == schema.BuiltinOperator.CUSTOM else ""
    made, number = _options(kind, options)
    ends = [name for name in reads if isinstance(tensors[name], tuple)]
    content = assemble(tensors, [Step(operator, reads, writes, number, made, custom)], ends, writes)
    model = flatbuffer.unpack(held(content, types or {}))
    model.operatorCodes[0].version = version
    return flatbuffer.pack(model)


def _options(kind: str, fields: Mapping[str, Any]) -> tuple[Any, int]:
    if kind not in OPTIONS:
        assert not fields, f"{kind} has no options here"
        return None, schema.BuiltinOptions.NONE
    made = getattr(schema, f"{OPTIONS[kind]}OptionsT")()
    for name, value in {**USUAL, **fields}.items():
        if hasattr(made, name):
            setattr(made, name, value)
        else:
            assert name not in fields, f"{kind} has no option {name}"
    return made, getattr(schema.BuiltinOptions, f"{OPTIONS[kind]}Options")


def zeros(*shape: int) -> Any:
    """Give a constant of float zeros."""
    return np.zeros(shape, np.float32)


def whole(*values: Any) -> Any:
    """Give a constant of int32."""
    return np.array(values, np.int32)
