"""Quantized `.tflite` files of one operator each, with every shape, dtype, scale and option that a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import flatbuffer

Shape = tuple[int, ...]


class Held(NamedTuple):
    """A tensor: its shape, what it is held in, and the values of a constant.

    Attributes:
        shape: sizes of its axes.
        dtype: e.g. "int8".
        scale: one or one for each channel; None for none.
        point: the zero point.
        values: of a constant.
        axis: of the channels that have a scale each.
        signature: shape with -1 for an open axis.
    """

    shape: Shape
    dtype: str = "int8"
    scale: Any = 0.1
    point: int = 0
    values: Any = None
    axis: int = 0
    signature: Shape | None = None


class Operator(NamedTuple):
    """An operator, by the names of its tensors; an input that is left out is ""."""

    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    options: Mapping[str, Any] = {}
    kind: str = ""


def whole(values: Any, dtype: str = "int32") -> Held:
    """Give a constant without a scale, such as a shape or axes."""
    found = np.asarray(values, dtype)
    return Held(found.shape, dtype, None, values=found)


def weights(*shape: int, dtype: str = "int8", value: int = 1) -> Held:
    """Give weights that are all one value."""
    return Held(shape, dtype, 0.01, values=np.full(shape, value, dtype))


def bias(channels: int, dtype: str = "int32", value: int = 0) -> Held:
    """Give a bias that is all one value."""
    return Held((channels,), dtype, 0.001, values=np.full(channels, value, dtype))


def one(
    name: str,
    inputs: Sequence[Held | None],
    outputs: Sequence[Held],
    kind: str = "",
    **options: Any,
) -> bytes:
    """Give the file of one operator.

    Args:
        name: of the operator; one that TensorFlow Lite does not have is a custom operator.
        inputs: None for one that is left out.
        outputs: its outputs.
        kind: of its options, e.g. "Conv2D"; "" for none.
        options: by the names of the schema.
    """
    tensors = {f"in{place}": held for place, held in enumerate(inputs) if held is not None}
    tensors |= {f"out{place}": held for place, held in enumerate(outputs)}
    names = ["" if held is None else f"in{place}" for place, held in enumerate(inputs)]
    operator = Operator(name, names, [f"out{place}" for place in range(len(outputs))], options, kind)
    return network(tensors, [operator])


def network(tensors: Mapping[str, Held], operators: Sequence[Operator]) -> bytes:
    """Give a file; what no operator makes and no constant is, is an input, and what nobody reads is an output."""
    model = schema.ModelT()
    model.version, model.description = 3, "one operator"
    model.buffers, model.operatorCodes = [schema.BufferT()], []
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    place = {name: index for index, name in enumerate(tensors)}
    for name, held in tensors.items():
        graph.tensors.append(_tensor(name, held, model.buffers))
    for operator in operators:
        graph.operators.append(_operator(operator, place, model.operatorCodes))
    read = {name for operator in operators for name in operator.inputs}
    made = {name for operator in operators for name in operator.outputs}
    graph.inputs = [place[name] for name in tensors if tensors[name].values is None and name not in made]
    graph.outputs = [place[name] for name in tensors if name in made and name not in read]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def side_by_side(files: Sequence[bytes]) -> bytes:
    """Put the graphs of files beside each other in one file, in order; nothing joins them."""
    whole_model, *others = [flatbuffer.unpack(content) for content in files]
    graph = whole_model.subgraphs[0]
    for number, other in enumerate(others, 1):
        (added,) = other.subgraphs
        tensors, buffers, codes = len(graph.tensors), len(whole_model.buffers), len(whole_model.operatorCodes)
        for tensor in added.tensors:
            tensor.name = f"{number}/{tensor.name.decode()}"
            tensor.buffer += buffers if tensor.buffer else 0
        for operator in added.operators:
            operator.opcodeIndex += codes
            operator.inputs = [index + tensors if index >= 0 else -1 for index in operator.inputs]
            operator.outputs = [index + tensors for index in operator.outputs]
        graph.tensors += added.tensors
        graph.operators += added.operators
        graph.inputs = [*graph.inputs, *(index + tensors for index in added.inputs)]
        graph.outputs = [*graph.outputs, *(index + tensors for index in added.outputs)]
        whole_model.buffers += other.buffers
        whole_model.operatorCodes += other.operatorCodes
    return flatbuffer.pack(whole_model)


def _tensor(name: str, held: Held, buffers: list[Any]) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, np.array(held.shape, np.int32), 0
    tensor.type = getattr(schema.TensorType, held.dtype.upper())
    if held.signature is not None:
        tensor.shapeSignature = np.array(held.signature, np.int32)
    if held.values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(held.values).tobytes(), np.uint8)
        tensor.buffer = len(buffers)
        buffers.append(buffer)
    if held.scale is not None:
        tensor.quantization = schema.QuantizationParametersT()
        scales = np.atleast_1d(np.asarray(held.scale, np.float32))
        tensor.quantization.scale = scales
        tensor.quantization.zeroPoint = np.full(scales.shape, held.point, np.int64)
        tensor.quantization.quantizedDimension = held.axis
    return tensor


def _operator(operator: Operator, place: Mapping[str, int], codes: list[Any]) -> Any:
    number = getattr(schema.BuiltinOperator, operator.name, schema.BuiltinOperator.CUSTOM)
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
    code.customCode = operator.name if number == schema.BuiltinOperator.CUSTOM else None
    made = schema.OperatorT()
    made.opcodeIndex = len(codes)
    codes.append(code)
    made.inputs = [place[name] if name else -1 for name in operator.inputs]
    made.outputs = [place[name] for name in operator.outputs]
    if operator.kind:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, f"{operator.kind}Options")
        made.builtinOptions = getattr(schema, f"{operator.kind}OptionsT")()
        for name, value in operator.options.items():
            assert hasattr(made.builtinOptions, name), (operator.kind, name)
            setattr(
                made.builtinOptions, name, np.array(value, np.int32) if isinstance(value, list) else value
            )
    return made
