"""Mistakes in a graph that every tool takes without a word: probabilities made twice, batch norm in training mode.

References:
    Ioffe and Szegedy, Batch Normalization, 2015: in training, mean and variance are those of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tflbuild.tflite.flatbuffer import MOVING, WEIGHTED
from tflbuild.tflite.float_weights import values_of
from tflbuild.tflite.graph import Graph, by_output_channel

PROBABILITIES = ("SOFTMAX", "LOGISTIC")
"""Operators that make probabilities of numbers of any size."""

PASSING = (*MOVING, "QUANTIZE", "DEQUANTIZE", "EXPAND_DIMS")
"""Operators that hand values on."""

DEAD = 1e-8
"""Power of a channel's weights, by that of the largest, below which it is dead."""


class Twice(NamedTuple):
    """Probabilities that are made of probabilities.

    Attributes:
        first: the operator that makes them.
        second: the one that makes them again.
        tensor: that the second one writes.
    """

    first: str
    second: str
    tensor: str


class Training(NamedTuple):
    """A batch norm that normalises by its batch.

    Attributes:
        tensor: that is normalised.
        mean: that holds the batch's mean.
        axes: that this is taken over.
    """

    tensor: str
    mean: str
    axes: tuple[int, ...]


class Sparse(NamedTuple):
    """The zeros of a layer's weights.

    Attributes:
        tensor: that the layer writes.
        operator: its kind.
        zeros: share of the weights.
        channels: of the output.
        dead: of them, those whose weights are all nothing beside those of the others.
        head: whether no other layer with weights lies between it and an output.
    """

    tensor: str
    operator: str
    zeros: float
    channels: int
    dead: int
    head: bool


def probabilities_twice(graph: Graph) -> Iterator[Twice]:
    """Find a softmax or a sigmoid that reads what another one gave, moved at most."""
    for operator in graph.operators:
        if graph.kind(operator) in PROBABILITIES:
            maker = _behind(graph, int(operator.inputs[0]))
            if maker is not None and graph.kind(maker) in PROBABILITIES:
                name = graph.name(int(operator.outputs[0]))
                yield Twice(graph.kind(maker), graph.kind(operator), name)


def _behind(graph: Graph, index: int) -> Any | None:
    """Give the operator that made values, behind those that hand them on; None where several are joined."""
    maker = graph.maker(index)
    while maker is not None and graph.kind(maker) in PASSING:
        if graph.kind(maker) == "CONCATENATION" and len(maker.inputs) > 1:
            return None
        place = 1 if graph.kind(maker) == "SPLIT" else 0
        maker = graph.maker(int(maker.inputs[place]))
    return maker


def batch_norms_in_training(graph: Graph) -> Iterator[Training]:
    """Find a mean and a variance over the axis of samples, though not over all, that a tensor is normalised by.

    A layer norm or an instance norm takes them over other axes, and the standard deviation of a picture over all.
    """
    for operator in graph.operators:
        axes = _over_samples(graph, operator)
        if not axes:
            continue
        given, mean = int(operator.inputs[0]), int(operator.outputs[0])
        for reader in graph.readers(mean):
            read = {int(index) for index in reader.inputs}
            if (
                given in read
                and graph.kind(reader) in ("SQUARED_DIFFERENCE", "SUB")
                and _varies(graph, reader)
            ):
                yield Training(graph.name(given), graph.name(mean), axes)
                break


def _over_samples(graph: Graph, operator: Any) -> tuple[int, ...]:
    """Give the axes of a mean that is taken over samples and not over everything; () for another operator."""
    if graph.kind(operator) != "MEAN":
        return ()
    found = graph.constant(int(operator.inputs[1]))
    rank = len(graph.tensors[int(operator.inputs[0])].shape)
    axes = tuple(sorted({int(axis) % rank for axis in found.ravel()})) if found is not None and rank else ()
    return axes if 0 in axes and len(axes) < rank else ()


def _varies(graph: Graph, difference: Any) -> bool:
    """Say whether the square of a difference is averaged over samples, too."""
    waiting = [int(difference.outputs[0])]
    for index in waiting:
        for reader in graph.readers(index):
            if _over_samples(graph, reader):
                return True
            if graph.kind(reader) in ("MUL", "SQUARE") and len(set(map(int, reader.inputs))) == 1:
                waiting.append(int(reader.outputs[0]))
    return False


def zeros_of(graph: Graph) -> list[Sparse]:
    """Count the zeros of every layer's weights, in order of execution."""
    found = []
    for operator in graph.weighted():
        kind, index = graph.kind(operator), int(operator.inputs[1])
        rows = by_output_channel(kind, values_of(graph, index).astype(np.float64))
        powers = np.square(rows).sum(axis=1)
        dead = int(np.sum(powers <= DEAD * powers.max())) if powers.max() > 0 else len(rows)
        found.append(
            Sparse(
                tensor=graph.name(int(operator.outputs[0])),
                operator=kind,
                zeros=float(np.mean(rows == 0)),
                channels=len(rows),
                dead=dead,
                head=_is_head(graph, operator),
            )
        )
    return found


def _is_head(graph: Graph, operator: Any) -> bool:
    """Say whether what a layer gives reaches an output without another layer with weights."""
    waiting, seen = [int(operator.outputs[0])], set()
    for index in waiting:
        if index in graph.outputs:
            return True
        for reader in graph.readers(index):
            if graph.kind(reader) in WEIGHTED or id(reader) in seen:
                continue
            seen.add(id(reader))
            waiting += [int(made) for made in reader.outputs]
    return False
