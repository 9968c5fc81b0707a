"""Activations that a `.tflite` fuses into layers."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.core.errors import PassError

KINDS = schema.ActivationFunctionType


def activated(made: Translation, name: str, kind: int) -> str:
    """Write an activation behind a tensor; gives its result.

    Raises:
        PassError: ONNX has none like it.
    """
    if kind == KINDS.NONE:
        return name
    if kind == KINDS.RELU:
        return made.writer.add("Relu", [name], f"{name}_relu")
    if kind == KINDS.RELU6:
        return clipped(made, name, 0.0, 6.0)
    if kind == KINDS.RELU_N1_TO_1:
        return clipped(made, name, -1.0, 1.0)
    if kind == KINDS.TANH:
        return made.writer.add("Tanh", [name], f"{name}_tanh")
    raise PassError(f"the fused activation {kind} has no form in ONNX.")


def clipped(made: Translation, name: str, low: float, high: float) -> str:
    """Write Clip."""
    limits = [made.writer.constant(np.float32(value), "limit") for value in (low, high)]
    return made.writer.add("Clip", [name, *limits], f"{name}_clipped")
