"""Let PAD stand for PADV2 where that computes the same: a quantizer has an integer form of PAD, with zeros alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.flatbuffer import code_index
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.unread import drop_unread

LOWEST = -1e30
"""Values below are those that stand for minus infinity in front of a maximum."""

NOT_NEGATIVE = ("RELU", "RELU6", "LOGISTIC")
FUSED = (schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6)


def use_pad(graph: Graph) -> list[str]:
    """Replace PADV2 of zeros, and of the lowest number between values that are never negative and their maxima.

    Args:
        graph: of a float model; edited in place, and left as it is where there is nothing to replace.

    Returns:
        The names of the tensors whose operator was replaced.
    """
    names = []
    for operator in graph.operators:
        if graph.kind(operator) == "PADV2" and _like_zero(graph, operator):
            _pad(graph, operator)
            names.append(graph.name(int(operator.outputs[0])))
    if names:
        drop_unread(graph.model)
        graph.reindex()
    return names


def _like_zero(graph: Graph, operator: Any) -> bool:
    value = graph.constant(int(operator.inputs[2]))
    if value is None or value.size != 1 or value.dtype != np.float32:
        return False
    if value.ravel()[0] == 0:
        return True
    made = int(operator.outputs[0])
    pooled = [_pools(graph, reader, operator) for reader in graph.readers(made)]
    return (
        bool(value.ravel()[0] < LOWEST)
        and bool(pooled)
        and all(pooled)
        and made not in graph.outputs
        and _never_negative(graph, int(operator.inputs[0]))
    )


def _pools(graph: Graph, reader: Any, padding: Any) -> bool:
    """Say whether an operator gives maxima of windows none of which is padding alone."""
    widths = graph.constant(int(padding.inputs[1]))
    if graph.kind(reader) != "MAX_POOL_2D" or widths is None or widths.shape != (4, 2):
        return False
    window = (reader.builtinOptions.filterHeight, reader.builtinOptions.filterWidth)
    return bool((widths[1:3].max(axis=1) < window).all() and not widths[[0, 3]].any())


def _never_negative(graph: Graph, index: int) -> bool:
    maker = graph.maker(index)
    if maker is None:
        return False
    return (
        graph.kind(maker) in NOT_NEGATIVE
        or getattr(maker.builtinOptions, "fusedActivationFunction", None) in FUSED
    )


def _pad(graph: Graph, operator: Any) -> None:
    operator.inputs = np.array(operator.inputs[:2], np.int32)
    operator.opcodeIndex = code_index(graph.model, schema.BuiltinOperator.PAD, version=1)
    operator.builtinOptionsType = schema.BuiltinOptions.PadOptions
    operator.builtinOptions = schema.PadOptionsT()
