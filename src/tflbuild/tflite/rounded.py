"""Round a float graph's tensors to grids while it runs: a quantized file loses the same by its grids alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import additions
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid

MOST_BITS = 16
"""Bits of the widest grid that FAKE_QUANT knows."""


def round_to(graph: Graph, grids: Mapping[str, Grid]) -> None:
    """Put a FAKE_QUANT behind every input and operator whose result is held in a grid.

    Args:
        graph: of a float model; edited in place.
        grids: by tensor.
    """
    operators: list[Any] = []
    moved: dict[int, int] = {}
    for index in (int(one) for one in graph.model.subgraphs[0].inputs):
        grid = grids.get(graph.name(index))
        if grid is not None and grid.bits <= MOST_BITS and graph.readers(index):
            moved[index] = _copied(graph, index, "rounded")
            operators.append(_rounding(graph, index, moved[index], grid))
    for operator in graph.operators:
        operator.inputs = np.array([moved.get(int(index), int(index)) for index in operator.inputs], np.int32)
        operators.append(operator)
        for place, index in enumerate(int(one) for one in operator.outputs):
            grid = grids.get(graph.name(index))
            if grid is None or grid.bits > MOST_BITS:
                continue
            raw = _copied(graph, index, "exact")
            operator.outputs = np.array(operator.outputs, np.int32)
            operator.outputs[place] = raw
            operators.append(_rounding(graph, raw, index, grid))
    graph.model.subgraphs[0].operators = operators
    graph.reindex()


def _copied(graph: Graph, index: int, word: str) -> int:
    """Add a float tensor of the shape of another."""
    tensor, given = schema.TensorT(), graph.tensors[index]
    tensor.name, tensor.shape = f"{graph.name(index)};{word}".encode(), given.shape
    tensor.type, tensor.buffer = schema.TensorType.FLOAT32, 0
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _rounding(graph: Graph, given: int, made: int, grid: Grid) -> Any:
    options = schema.FakeQuantOptionsT()
    options.min, options.max, options.numBits, options.narrowRange = grid.low, grid.high, grid.bits, False
    return additions.operator(graph.model, "FAKE_QUANT", [given], made, options)
