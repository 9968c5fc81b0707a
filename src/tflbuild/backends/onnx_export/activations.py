"""Activations that a `.tflite` fuses into layers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends.onnx_export.translation import QUANTIZED, Translation
from tflbuild.core.errors import PassError

KINDS = schema.ActivationFunctionType

LIMITS: Mapping[int, tuple[float, float]] = {
    KINDS.RELU: (0.0, math.inf),
    KINDS.RELU6: (0.0, 6.0),
    KINDS.RELU_N1_TO_1: (-1.0, 1.0),
}
"""Lowest and highest value that an activation lets through."""


def activated(made: Translation, name: str, kind: int, output: int | None = None) -> str:
    """Write an activation behind a tensor; gives its result.

    What the integers of the result clip anyway is not written: onnxruntime 1.26 makes an invalid graph of a Clip
    between a convolution and its QuantizeLinear (its QDQSelectorActionTransformer), where it does not see that itself.

    Args:
        made: what is written so far.
        name: of the tensor.
        kind: of the activation.
        output: place of the tensor that it becomes at once; None where something comes between.

    Raises:
        PassError: ONNX has none like it.
    """
    if kind == KINDS.NONE or (output is not None and _clipped_anyway(made, kind, output)):
        return name
    if kind == KINDS.RELU:
        return made.writer.add("Relu", [name], f"{name}_relu")
    if kind in LIMITS:
        return clipped(made, name, *LIMITS[kind])
    if kind == KINDS.TANH:
        return made.writer.add("Tanh", [name], f"{name}_tanh")
    raise PassError(f"the fused activation {kind} has no form in ONNX.")


def _clipped_anyway(made: Translation, kind: int, output: int) -> bool:
    """Say whether the integers of a tensor begin and end where an activation does, or within."""
    if kind not in LIMITS or made.dtype(output) not in QUANTIZED or not made.quantized(output):
        return False
    (low, high), (scale, zero) = LIMITS[kind], made.steps(output)
    held = np.iinfo(zero.dtype)
    ends = [np.rint(np.float32(limit) / scale) + float(zero) for limit in (low, high)]
    return bool(ends[0] <= held.min and held.max <= ends[1])


def clipped(made: Translation, name: str, low: float, high: float) -> str:
    """Write Clip."""
    limits = [made.writer.constant(np.float32(value), "limit") for value in (low, high)]
    return made.writer.add("Clip", [name, *limits], f"{name}_clipped")
