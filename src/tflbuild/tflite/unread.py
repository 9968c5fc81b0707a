"""Drop what nothing in an edited graph refers to any more: it would stay in the file with all of its bytes."""

from __future__ import annotations

from typing import Any

import numpy as np


def drop_unread(model: Any) -> None:
    """Drop tensors of the first subgraph that no operator and no end refers to, and the values of such constants.

    Args:
        model: what `flatbuffer.unpack` gave; edited in place.
    """
    graph = model.subgraphs[0]
    signatures = [one for one in model.signatureDefs or [] if one.subgraphIndex == 0]
    ends = [entry for one in signatures for entry in (*(one.inputs or []), *(one.outputs or []))]
    used = {int(index) for index in (*graph.inputs, *graph.outputs)} | {
        int(entry.tensorIndex) for entry in ends
    }
    for operator in graph.operators:
        for field in ("inputs", "outputs", "intermediates"):
            used |= {int(index) for index in _indices(operator, field) if index >= 0}
    left = sorted(used)
    places = {index: place for place, index in enumerate(left)} | {-1: -1}
    graph.tensors = [graph.tensors[index] for index in left]
    graph.inputs, graph.outputs = (_moved(one, places) for one in (graph.inputs, graph.outputs))
    for operator in graph.operators:
        for field in ("inputs", "outputs", "intermediates"):
            if len(_indices(operator, field)):
                setattr(operator, field, _moved(getattr(operator, field), places))
    for entry in ends:
        entry.tensorIndex = places[int(entry.tensorIndex)]
    _empty_buffers(model)


def _indices(operator: Any, field: str) -> Any:
    found = getattr(operator, field)
    return () if found is None else found


def _moved(indices: Any, places: dict[int, int]) -> Any:
    return np.array([places[int(index)] for index in indices], np.int32)


def _empty_buffers(model: Any) -> None:
    """Take the values out of buffers that nothing refers to; their places stay, since others are counted by them."""
    used = {int(tensor.buffer) for graph in model.subgraphs for tensor in graph.tensors}
    used |= {int(entry.buffer) for entry in model.metadata or []}
    for place, buffer in enumerate(model.buffers):
        if place not in used:
            buffer.data = None
