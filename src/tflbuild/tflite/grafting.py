"""Graft operators onto the end of a float model: they read its outputs, and make those of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.assemble import Step
from tflbuild.tflite.assembly import Assembly
from tflbuild.tflite.flatbuffer import code_index, ends_of
from tflbuild.tflite.float_ends import marked
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.unread import drop_unread

CUSTOM = schema.BuiltinOperator.CUSTOM


def graft(graph: Graph, assembly: Assembly, outputs: Mapping[str, str]) -> None:
    """Let operators read outputs of a model, and make others; those that nothing reads any more go, with their makers.

    Built-in ones stay in floats when the file is quantized, see `tflbuild.tflite.float_ends`.

    Args:
        graph: of a float model; edited in place.
        assembly: the operators; its inputs are names of the model's outputs.
        outputs: new outputs by name: the assembly's tensor for each.
    """
    model, ends = graph.model, ends_of(graph.model)[1]
    places = {name: ends[name] for name in assembly.inputs}
    taken = {one.name for one in graph.tensors}
    custom = {name for step in assembly.steps if step.operator == CUSTOM for name in step.outputs}
    for name, value in assembly.tensors.items():
        if name not in places:
            own = name if name in custom else marked(name)
            while own.encode() in taken:  # tensors are found again by their names
                own += "_"
            graph.tensors.append(_tensor(model, own, value))
            places[name] = len(graph.tensors) - 1
    added = [_operator(model, step, places) for step in assembly.steps]
    model.subgraphs[0].operators = [*graph.operators, *added]
    set_outputs(model, {name: places[tensor] for name, tensor in outputs.items()})
    drop_dead(model)
    graph.reindex()


def set_outputs(model: Any, outputs: Mapping[str, int]) -> None:
    """Make tensors the outputs of a model, in its graph and in its signature."""
    model.subgraphs[0].outputs = np.array(list(outputs.values()), np.int32)
    for one in (model.signatureDefs or [])[:1]:
        one.outputs = [_entry(name, index) for name, index in outputs.items()]


def drop_dead(model: Any) -> None:
    """Drop operators whose results nobody reads, and what only they refer to."""
    graph = model.subgraphs[0]
    used = {int(index) for index in graph.outputs}
    kept = []
    for operator in reversed(graph.operators):
        if any(int(index) in used for index in operator.outputs):
            used |= {int(index) for index in operator.inputs}
            kept.append(operator)
    graph.operators = kept[::-1]
    drop_unread(model)


def _entry(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), index
    return entry


def _tensor(model: Any, name: str, value: Any) -> Any:
    constant = isinstance(value, np.ndarray)
    tensor = schema.TensorT()
    tensor.name, tensor.buffer = name.encode(), 0
    tensor.shape = np.array(value.shape if constant else value, np.int32)
    integers = constant and value.dtype == np.int32
    tensor.type = schema.TensorType.INT32 if integers else schema.TensorType.FLOAT32
    if constant:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    return tensor


def _operator(model: Any, step: Step, places: Mapping[str, int]) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = (
        _custom_code(model, step.custom) if step.custom else code_index(model, step.operator, 1)
    )
    operator.inputs = _places(step.inputs, places)
    operator.outputs = _places(step.outputs, places)
    operator.builtinOptionsType, operator.builtinOptions = step.kind, step.options
    if step.custom_options:
        operator.customOptions = np.frombuffer(step.custom_options, np.uint8)
    return operator


def _places(names: Sequence[str], places: Mapping[str, int]) -> Any:
    return np.array([places[name] for name in names], np.int32)


def _custom_code(model: Any, name: str) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = CUSTOM
    code.customCode, code.version = name.encode(), 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
