"""A model small enough for tests, written without TensorFlow."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

PIXELS = (1, 8, 8, 3)
CLASSES = 2


def dense_classifier() -> bytes:
    """Give a float32 flatbuffer: dense layer and softmax over an 8x8 image."""
    values = int(np.prod(PIXELS))
    weights = np.random.default_rng(0).normal(size=(CLASSES, values)).astype(np.float32)
    model = schema.ModelT()
    model.version = 3
    model.description = "tiny"
    model.operatorCodes = [
        _code(schema.BuiltinOperator.FULLY_CONNECTED),
        _code(schema.BuiltinOperator.SOFTMAX),
    ]
    model.buffers = [_buffer(None), _buffer(weights), _buffer(np.zeros(CLASSES, np.float32))]
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor("image", PIXELS, 0),
        _tensor("weights", weights.shape, 1),
        _tensor("bias", (CLASSES,), 2),
        _tensor("logits", (1, CLASSES), 0),
        _tensor("scores", (1, CLASSES), 0),
    ]
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    options = schema.BuiltinOptions
    graph.operators = [
        _operator(0, [0, 1, 2], [3], options.FullyConnectedOptions, schema.FullyConnectedOptionsT()),
        _operator(1, [3], [4], options.SoftmaxOptions, softmax),
    ]
    graph.inputs, graph.outputs = [0], [4]
    model.subgraphs = [graph]
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.subgraphIndex = 0
    signature.inputs, signature.outputs = [_named("image", 0)], [_named("scores", 4)]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(operator: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = operator
    code.deprecatedBuiltinCode = operator
    code.version = 1
    return code


def _buffer(values: npt.NDArray[np.float32] | None) -> Any:
    buffer = schema.BufferT()
    buffer.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def _tensor(name: str, shape: tuple[int, ...], buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, np.array(shape, np.int32), buffer
    tensor.type = schema.TensorType.FLOAT32
    return tensor


def _operator(code: int, inputs: list[int], outputs: list[int], kind: int, options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


def _named(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry
