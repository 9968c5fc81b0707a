"""Assemble small flatbuffers by hand, from named tensors and operators; TensorFlow is not needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

Tensors = Mapping[str, npt.NDArray[Any] | tuple[int, ...]]


class Step(NamedTuple):
    """One operator, by the names of its tensors."""

    operator: int
    inputs: list[str]
    outputs: list[str]
    kind: int = schema.BuiltinOptions.NONE
    options: Any = None
    custom: str = ""
    custom_options: bytes = b""


def assemble(tensors: Tensors, steps: Sequence[Step], inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Give a flatbuffer whose one signature has the given tensors as inputs and outputs.

    Args:
        tensors: constants (float32 or int32), or shapes of float32 tensors, by name.
        steps: operators in order.
        inputs: names of tensors.
        outputs: names of tensors.
    """
    place = {name: index for index, name in enumerate(tensors)}
    model = schema.ModelT()
    model.version, model.description = 3, "tflbuild"
    model.buffers = [_buffer(None)]
    model.operatorCodes = [_code(step) for step in steps]
    graph = schema.SubGraphT()
    graph.tensors = []
    for name, value in tensors.items():
        if isinstance(value, np.ndarray):
            graph.tensors.append(_tensor(name, value, len(model.buffers)))
            model.buffers.append(_buffer(value))
        else:
            graph.tensors.append(_tensor(name, value, 0))
    graph.operators = [_operator(index, step, place) for index, step in enumerate(steps)]
    graph.inputs, graph.outputs = [place[name] for name in inputs], [place[name] for name in outputs]
    model.subgraphs = [graph]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = [_named(name, place) for name in inputs]
    signature.outputs = [_named(name, place) for name in outputs]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(step: Step) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = step.operator
    code.deprecatedBuiltinCode = min(step.operator, 127)  # a byte: later operators have the other field alone
    code.customCode = step.custom or None
    code.version = 1
    return code


def _buffer(values: npt.NDArray[Any] | None) -> Any:
    buffer = schema.BufferT()
    buffer.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def _tensor(name: str, value: npt.NDArray[Any] | tuple[int, ...], buffer: int) -> Any:
    shape = value.shape if isinstance(value, np.ndarray) else value
    integer = isinstance(value, np.ndarray) and value.dtype == np.int32
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, np.array(shape, np.int32), buffer
    tensor.type = schema.TensorType.INT32 if integer else schema.TensorType.FLOAT32
    return tensor


def _operator(code: int, step: Step, place: Mapping[str, int]) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = code
    operator.inputs = [place[name] for name in step.inputs]
    operator.outputs = [place[name] for name in step.outputs]
    operator.builtinOptionsType, operator.builtinOptions = step.kind, step.options
    operator.customOptions = np.frombuffer(step.custom_options, np.uint8) if step.custom_options else None
    return operator


def _named(name: str, place: Mapping[str, int]) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, place[name]
    return entry
