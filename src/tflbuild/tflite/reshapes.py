"""Let RESHAPE stand for SQUEEZE and EXPAND_DIMS: it computes the same, and quantizers have an integer form of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import additions
from tflbuild.tflite.flatbuffer import code_index
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.unread import drop_unread

REPLACED = ("SQUEEZE", "EXPAND_DIMS")


def use_reshape(graph: Graph) -> list[str]:
    """Replace what only changes a shape.

    Args:
        graph: of a model with fixed shapes; edited in place, and left as it is where there is nothing to replace.

    Returns:
        The names of the tensors whose operator was replaced.
    """
    names = []
    for operator in graph.operators:
        shape = graph.tensors[int(operator.outputs[0])].shape
        if graph.kind(operator) in REPLACED and shape is not None and min(shape, default=1) > 0:
            reshape(graph, operator, shape)
            names.append(graph.name(int(operator.outputs[0])))
    if names:
        drop_unread(graph.model)
        graph.reindex()
    return names


def reshape(graph: Graph, operator: Any, shape: Any) -> None:
    """Turn an operator into a RESHAPE of its first input."""
    sides = np.array(shape, np.int32)
    sizes = additions.constant(graph.model, f"{graph.name(int(operator.outputs[0]))};shape", sides)
    operator.inputs = np.array([int(operator.inputs[0]), sizes], np.int32)
    operator.opcodeIndex = code_index(graph.model, schema.BuiltinOperator.RESHAPE, version=1)
    options = schema.ReshapeOptionsT()
    options.newShape = sides
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.ReshapeOptions, options
