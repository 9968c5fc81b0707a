"""Let the last operator of an int8 model give its scores in 16 bits.

The scale of what an int8 LOGISTIC or SOFTMAX gives is 1/256 by specification, so that a score of 0.01 is told in
three levels: for detectors and classifiers alike that rounding is most of the error of the scores, and makes ties. In
int16 their scale is 1/32768. They stay integer operators, which NPUs run too; only a DEQUANTIZE, or what takes its
floats, may be behind them.

References:
    LiteRT 8-bit quantization specification (ai.google.dev/edge/litert/models/quantization_spec): LOGISTIC, SOFTMAX.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

KINDS = ("LOGISTIC", "SOFTMAX")
"""Operators whose int8 scale is fixed."""

RESHAPING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
"""Operators that may lie between the scores and the DEQUANTIZE."""

SCALE = 2.0**-15
"""Scale of 16-bit scores, by specification."""

FINER = 128
"""Levels of a 16-bit logit in one of an 8-bit one; 255 of those still fit."""

VERSIONS = {"QUANTIZE": 2, "LOGISTIC": 3, "SOFTMAX": 3, "DEQUANTIZE": 3}
"""First versions of the operators that take or give int16."""


def widen(graph: Graph) -> None:
    """Let every final LOGISTIC and SOFTMAX that computes in int8 do so in int16.

    A LOGISTIC takes and gives the same dtype, so that its logits are requantized, which is exact; a SOFTMAX takes
    int8 and gives int16.

    Args:
        graph: of a quantized model; edited in place.
    """
    found = [(operator, _tail(graph, operator, schema.TensorType.INT8)) for operator in graph.operators]
    for operator, tail in found:
        if tail:
            _widen(graph, operator, tail)
    graph.reindex()


def widened(graph: Graph) -> list[str]:
    """Name the tensors that hold final scores in 16 bits."""
    tails = (_tail(graph, operator, schema.TensorType.INT16) for operator in graph.operators)
    return [graph.name(index) for tail in tails for index in tail]


def _tail(graph: Graph, operator: Any, dtype: int) -> list[int]:
    """Give the tensors that hold an operator's scores until they become floats; none where they go elsewhere."""
    if graph.kind(operator) not in KINDS:
        return []
    tail = [int(operator.outputs[0])]
    for index in tail:  # grows on the way
        readers = graph.readers(index)
        if graph.tensors[index].type != dtype or not readers or index in graph.outputs:
            return []
        for reader in readers:
            if graph.kind(reader) in RESHAPING:
                tail.append(int(reader.outputs[0]))
            elif graph.kind(reader) != "DEQUANTIZE":
                return []
    return tail


def _widen(graph: Graph, operator: Any, tail: list[int]) -> None:
    for index in tail:
        scores = graph.tensors[index]
        scores.type, scores.quantization = schema.TensorType.INT16, _symmetric(SCALE)
        for reader in graph.readers(index):
            if graph.kind(reader) == "DEQUANTIZE":
                _set_kind(graph.model, reader, "DEQUANTIZE")
    if graph.kind(operator) == "LOGISTIC":
        _requantize_input(graph, operator)
    _set_kind(graph.model, operator, graph.kind(operator))


def _requantize_input(graph: Graph, operator: Any) -> None:
    read = int(operator.inputs[0])
    logits = copy.copy(graph.tensors[read])
    logits.name, logits.type, logits.buffer = logits.name + b"_int16", schema.TensorType.INT16, 0
    logits.quantization = _symmetric(float(logits.quantization.scale[0]) / FINER)
    graph.tensors.append(logits)
    finer = schema.OperatorT()
    finer.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    finer.builtinOptions = schema.QuantizeOptionsT()
    finer.inputs, finer.outputs = np.array([read], np.int32), np.array([len(graph.tensors) - 1], np.int32)
    _set_kind(graph.model, finer, "QUANTIZE")
    operator.inputs = finer.outputs
    graph.operators.insert(next(i for i, other in enumerate(graph.operators) if other is operator), finer)


def _symmetric(scale: float) -> Any:
    made = schema.QuantizationParametersT()
    made.scale, made.zeroPoint = np.array([scale], np.float32), np.array([0], np.int64)
    return made


def _set_kind(model: Any, operator: Any, kind: str) -> None:
    """Make an operator one of a kind, in the first version that knows int16."""
    builtin = getattr(schema.BuiltinOperator, kind)
    operator.opcodeIndex = flatbuffer.code_index(model, builtin, VERSIONS[kind])
