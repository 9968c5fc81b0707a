"""Let operators that only look which value is larger read integers: their order is that of what they stand for."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.flatbuffer import DTYPES, code_index
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of
from tflbuild.tflite.unread import drop_unread

ORDERING = {"ARG_MAX": schema.BuiltinOperator.ARG_MAX, "ARG_MIN": schema.BuiltinOperator.ARG_MIN}
"""Operators whose results depend on the order of what they read alone."""

VERSION = 2
"""First version of these that reads int8."""


def without_floats(graph: Graph) -> list[str]:
    """Let ARG_MAX and ARG_MIN read the int8 tensor behind a DEQUANTIZE; quantizers leave them in floats.

    Args:
        graph: edited in place.

    Returns:
        Names of their outputs.
    """
    names = []
    for operator in graph.operators:
        kind = graph.kind(operator)
        maker = graph.maker(int(operator.inputs[0])) if kind in ORDERING else None
        if maker is None or graph.kind(maker) != "DEQUANTIZE":
            continue
        stored = int(maker.inputs[0])
        if DTYPES[graph.tensors[stored].type] != "int8" or len(scales_of(graph.tensors[stored])) != 1:
            continue
        operator.inputs = np.array([stored, *map(int, operator.inputs[1:])], np.int32)
        operator.opcodeIndex = code_index(graph.model, ORDERING[kind], VERSION)
        names.append(graph.name(int(operator.outputs[0])))
    if names:
        _drop_idle(graph)
    return names


def _drop_idle(graph: Graph) -> None:
    """Drop the DEQUANTIZE operators whose floats nobody reads any more."""
    graph.reindex()
    graph.model.subgraphs[0].operators = [
        operator
        for operator in graph.operators
        if graph.kind(operator) != "DEQUANTIZE"
        or graph.readers(int(operator.outputs[0]))
        or int(operator.outputs[0]) in graph.outputs
    ]
    drop_unread(graph.model)
    graph.reindex()
