"""Leave out transpositions to channels first at the end of a graph, so that outputs have their channels last."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflbuild.tflite.graph import Graph

TO_FIRST = (0, 3, 1, 2)
"""Permutation from channels last to channels first."""

ALIKE = (
    "LOGISTIC",
    "RELU",
    "RELU6",
    "TANH",
    "ABS",
    "NEG",
    "EXP",
    "HARD_SWISH",
    "LEAKY_RELU",
    "SQRT",
    "RSQRT",
)
"""Operators that work on each number alone."""


def without_last_transposes(graph: Graph) -> list[str]:
    """Leave out each transposition to channels first behind which numbers are only changed one by one.

    Args:
        graph: of a model without a signature; edited in place.

    Returns:
        The names of the outputs that have their channels last now.
    """
    names: list[str] = []
    for operator in list(graph.operators):
        behind = _behind(graph, operator) if _to_first(graph, operator) else None
        if behind is None:
            continue
        given, made = int(operator.inputs[0]), int(operator.outputs[0])
        tensors = [int(one.outputs[0]) for one in behind]
        names += [graph.name(index) for index in (made, *tensors) if index in graph.outputs]
        for index in tensors:
            _turn(graph.tensors[index])
        _stand_for(graph, given, made)
        graph.operators.remove(operator)
    return names


def _to_first(graph: Graph, operator: Any) -> bool:
    """Say whether an operator puts channels first that a layer gave last."""
    if graph.kind(operator) != "TRANSPOSE":
        return False
    order, given = graph.constant(operator.inputs[1]), int(operator.inputs[0])
    inside = graph.maker(given) is not None and given not in graph.outputs
    return inside and order is not None and tuple(int(axis) for axis in order) == TO_FIRST


def _behind(graph: Graph, operator: Any) -> list[Any] | None:
    """Give everything that reads a result, and what reads that; None where some of it does more than `ALIKE`."""
    found: list[Any] = []
    waiting = [int(operator.outputs[0])]
    while waiting:
        index = waiting.pop()
        for reader in graph.readers(index):
            if graph.kind(reader) not in ALIKE or reader in found:
                return None
            found.append(reader)
            waiting.append(int(reader.outputs[0]))
    return found


def _stand_for(graph: Graph, given: int, made: int) -> None:
    """Let one tensor stand in the place of another, as an output under its name, too."""
    for reader in graph.readers(made):
        reader.inputs = np.array([given if int(one) == made else int(one) for one in reader.inputs], np.int32)
    if made in graph.outputs:
        own = graph.model.subgraphs[0]
        graph.tensors[given].name = graph.tensors[made].name
        own.outputs = np.array([given if int(one) == made else int(one) for one in own.outputs], np.int32)
        graph.outputs = {int(one) for one in own.outputs}


def _turn(tensor: Any) -> None:
    """Put the channels of a tensor's shape last."""
    for field in ("shape", "shapeSignature"):
        sides = getattr(tensor, field)
        if sides is not None and len(sides) == 4:
            setattr(tensor, field, np.array([sides[0], *sides[2:], sides[1]], np.int32))
