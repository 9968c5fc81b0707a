"""Cut operators out of a graph: one as a model of its own, or all of them side by side, each with inputs of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.unread import drop_unread

WITH_STATE = (
    "CALL",
    "CALL_ONCE",
    "IF",
    "WHILE",
    "HASHTABLE",
    "HASHTABLE_FIND",
    "HASHTABLE_IMPORT",
    "HASHTABLE_LOOKUP",
    "HASHTABLE_SIZE",
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "MULTINOMIAL",
    "RANDOM_STANDARD_NORMAL",
    "RANDOM_UNIFORM",
)
"""Operators whose result depends on more than what they read, or that run another graph."""

WITHOUT_NUMBERS = ("string", "resource", "variant")
"""Dtypes of tensors that hold no numbers."""


def separable(graph: Graph) -> list[Any]:
    """Give the operators that can be run alone, in order of execution: built-in ones whose tensors are numbers."""
    return [operator for operator in graph.operators if _is_separable(graph, operator)]


def _is_separable(graph: Graph, operator: Any) -> bool:
    kind = graph.kind(operator)
    if not kind.isupper() or kind in WITH_STATE:
        return False
    tensors = [graph.tensors[int(index)] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return not any(tensor.isVariable or DTYPES[tensor.type] in WITHOUT_NUMBERS for tensor in tensors)


def activations_of(graph: Graph, operator: Any) -> list[int]:
    """Give the places of the tensors that an operator reads and that are computed, each once, in order."""
    read = dict.fromkeys(int(index) for index in operator.inputs if index >= 0)
    return [index for index in read if not _is_stored(graph, index)]


def _is_stored(graph: Graph, index: int) -> bool:
    data = graph.model.buffers[graph.tensors[index].buffer].data
    return data is not None and len(data) > 0


def side_by_side(graph: Graph, operators: Sequence[Any]) -> tuple[Graph, list[int], list[int]]:
    """Let operators read inputs of their own, so that none depends on what another gave.

    Args:
        graph: it is not edited.
        operators: some of its operators.

    Returns:
        The new graph; the places in the given one of the tensors that its inputs stand for; and of its outputs.
    """
    made = graph.copy()
    wanted = {id(operator) for operator in operators}
    kept = [own for one, own in zip(graph.operators, made.operators, strict=True) if id(one) in wanted]
    given: dict[int, int] = {}
    for operator in kept:
        for index in activations_of(graph, operator):
            if index not in given:
                tensor = copy.copy(made.tensors[index])
                tensor.name, tensor.buffer = f"{graph.name(index)};given".encode(), 0
                made.tensors.append(tensor)
                given[index] = len(made.tensors) - 1
        operator.inputs = np.array([given.get(int(index), int(index)) for index in operator.inputs], np.int32)
    outputs = list(dict.fromkeys(int(index) for operator in kept for index in operator.outputs if index >= 0))
    _end(made, kept, list(given.values()), outputs)
    return made, list(given), outputs


def cut_out(graph: Graph, operator: Any) -> Graph:
    """Give one operator as a model of its own: its inputs are what it reads and is computed, its outputs all its own.

    Args:
        graph: it is not edited.
        operator: one of its operators.
    """
    made = graph.copy()
    place = next(number for number, one in enumerate(graph.operators) if one is operator)
    own = made.operators[place]
    _end(made, [own], activations_of(graph, operator), [int(index) for index in own.outputs if index >= 0])
    drop_unread(made.model)
    made.model.operatorCodes = [made.model.operatorCodes[own.opcodeIndex]]
    own.opcodeIndex = 0
    made.reindex()
    return made


def _end(graph: Graph, operators: list[Any], inputs: Sequence[int], outputs: Sequence[int]) -> None:
    """Leave a graph with these operators and ends alone; its names, metadata and other graphs go."""
    model = graph.model
    model.subgraphs, model.signatureDefs, model.metadata = model.subgraphs[:1], [], None
    model.metadataBuffer = None
    subgraph = model.subgraphs[0]
    subgraph.operators = operators
    subgraph.inputs, subgraph.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    graph.reindex()
