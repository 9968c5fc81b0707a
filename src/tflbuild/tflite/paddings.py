"""Let PAD stand for PADV2 where zeros do as well: quantizers have an integer form of it, without a wide range."""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.flatbuffer import code_index
from tflbuild.tflite.graph import Graph

LOWEST = -1e30
"""A padding below it is never the largest of a pool: it stands for minus infinity."""

POSITIVE = (
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
)
"""Activations whose results are never below zero."""


def pad_with_zeros(graph: Graph) -> list[str]:
    """Replace paddings with zeros, and those of a maximum over numbers that are never below zero.

    Args:
        graph: of a float model; edited in place.

    Returns:
        The names of the tensors that were padded.
    """
    names = []
    for operator in graph.operators:
        if graph.kind(operator) == "PADV2" and _zeros_do(graph, operator):
            operator.inputs = operator.inputs[:2]
            operator.opcodeIndex = code_index(graph.model, schema.BuiltinOperator.PAD, version=1)
            operator.builtinOptionsType = schema.BuiltinOptions.PadOptions
            operator.builtinOptions = schema.PadOptionsT()
            names.append(graph.name(int(operator.outputs[0])))
    return names


def _zeros_do(graph: Graph, operator: Any) -> bool:
    value = graph.constant(operator.inputs[2])
    if value is None or value.size != 1:
        return False
    if float(value.reshape(-1)[0]) == 0:
        return True
    made = int(operator.outputs[0])
    pooled = all(graph.kind(reader) == "MAX_POOL_2D" for reader in graph.readers(made))
    return bool(
        float(value.reshape(-1)[0]) < LOWEST
        and pooled
        and made not in graph.outputs
        and _positive(graph, operator.inputs[0])
    )


def _positive(graph: Graph, index: int) -> bool:
    """Say whether a tensor is made by a layer whose activation gives nothing below zero."""
    maker = graph.maker(index)
    if maker is None:
        return False
    if graph.kind(maker) in ("RELU", "RELU6", "LOGISTIC", "SOFTMAX"):
        return True
    return getattr(maker.builtinOptions, "fusedActivationFunction", 0) in POSITIVE
