"""Mixed precision: which few layers of an int8 model to keep in int16x8 or float, and how many are enough.

A tensor is unrounded only where the operator that writes it and those that read it are kept, so that groups are
single operators and operators with those that read what they write.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.quantization.sensitivity import layer_name
from tflbuild.tflite.flatbuffer import MOVING, WEIGHTED
from tflbuild.tflite.graph import Graph

Tensors = frozenset[str]

OVERHEAD = 512
"""Bytes that keeping an operator costs besides its weights: conversions before and behind it, their tensors."""

LEAST_GAIN = 0.002
"""Share of the plain model's error below which a group gains nothing worth keeping."""

MOST_STEPS = 16
"""Groups that are kept at most."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Neighbouring operators that may be kept together.

    Attributes:
        layer: the first of them as the user knows it.
        tensors: those that they write.
    """

    layer: str
    tensors: Tensors


@dataclass(frozen=True, kw_only=True)
class Addition:
    """One more group that is kept.

    Attributes:
        group: which.
        tensors: written by operators that were not kept before.
        bytes: of their weights in int8.
        before: error without it.
        after: error with it.
    """

    group: Group
    tensors: Tensors
    bytes: int
    before: float
    after: float


def groups(graph: Graph) -> list[Group]:
    """Give what may be kept of a float model, in order of execution.

    An operator without weights changes nothing alone: what it reads is rounded, and what it gives. Only one that gives
    an output of the model may.

    Args:
        graph: of a float model.
    """
    found: dict[Tensors, Group] = {}
    ends = {int(index) for index in graph.outputs}
    for operator in graph.operators:
        name, kind = graph.name(int(operator.outputs[0])), graph.kind(operator)
        if kind in MOVING or not kind.isupper():
            continue
        layer = layer_name(name, kind)
        alone = kind in WEIGHTED or int(operator.outputs[0]) in ends
        together = Tensors([name, *_readers(graph, operator)])
        for tensors in (Tensors([name]), together) if alone else (together,):
            found.setdefault(tensors, Group(layer=layer, tensors=tensors))
    return list(found.values())


def _readers(graph: Graph, operator: Any) -> Iterable[str]:
    """Name what is written by the operators that read an operator's output, behind those that only move it."""
    for reader in graph.readers(int(operator.outputs[0])):
        if graph.kind(reader).isupper():  # a custom operator takes floats anyway
            yield graph.name(int(reader.outputs[0]))
            if graph.kind(reader) in MOVING:
                yield from _readers(graph, reader)


def weight_bytes(graph: Graph) -> dict[str, int]:
    """Give the bytes of each operator's weights in int8, by the tensor it writes; 0 for those without."""
    sizes = {}
    for operator in graph.operators:
        weights = graph.constant(operator.inputs[1]) if graph.kind(operator) in WEIGHTED else None
        sizes[graph.name(int(operator.outputs[0]))] = 0 if weights is None else int(weights.size)
    return sizes


def neighbours(graph: Graph) -> dict[str, Tensors]:
    """Name, for each operator by the tensor it writes, those that feed it and that read it."""
    found: dict[str, set[str]] = {graph.name(int(operator.outputs[0])): set() for operator in graph.operators}
    for operator in graph.operators:
        name = graph.name(int(operator.outputs[0]))
        for reader in graph.readers(int(operator.outputs[0])):
            behind = graph.name(int(reader.outputs[0]))
            found[name].add(behind)
            found[behind].add(name)
    return {name: Tensors(near) for name, near in found.items()}


@dataclass
class _Waiting:
    """A group with what it last promised: gain per byte, the error then, and how many steps there were."""

    group: Group
    rate: float = math.inf
    after: float = 0.0
    measured: int = -1


def greedy(
    found: Iterable[Group],
    sizes: Mapping[str, int],
    near: Mapping[str, Tensors],
    most: float,
    error: Callable[[Tensors], float],
) -> list[Addition]:
    """Order groups by what they gain per byte, each on top of those before.

    A group's gain is measured again where it would be the next by its last measurement, and where a neighbour was
    kept, because what two operators pass to each other is exact only if both are.

    Args:
        found: the groups.
        sizes: bytes of weights, by tensor.
        near: neighbours, by tensor.
        most: bytes of weights that may be kept.
        error: gives the error of the model with operators kept, by the tensors they write.
    """
    steps: list[Addition] = []
    kept, used, current = Tensors(), 0, error(Tensors())
    least = LEAST_GAIN * current
    waiting = [_Waiting(group) for group in found]
    while len(steps) < MOST_STEPS:
        waiting = [w for w in waiting if w.group.tensors - kept]
        waiting = [w for w in waiting if used + _size(w.group.tensors - kept, sizes) <= most]
        best = max(waiting, key=lambda w: w.rate, default=None)
        if best is None or best.rate <= 0:
            break
        new = best.group.tensors - kept
        if best.measured < len(steps):
            best.after, best.measured = error(kept | new), len(steps)
            gain = current - best.after
            best.rate = gain / (_size(new, sizes) + OVERHEAD * len(new)) if gain > least else 0.0
            continue
        size = _size(new, sizes)
        steps.append(Addition(group=best.group, tensors=new, bytes=size, before=current, after=best.after))
        kept, used, current = kept | new, used + size, best.after
        touched = new.union(*(near[name] for name in new))
        for other in waiting:
            if other.group.tensors & touched:
                other.rate = math.inf
    return steps


def _size(tensors: Tensors, sizes: Mapping[str, int]) -> int:
    return sum(sizes[name] for name in tensors)


def fewest(count: int, holds: Callable[[int], bool]) -> int | None:
    """Give the smallest number of steps that is enough, taking more of them to be better.

    Args:
        count: of all steps.
        holds: says whether so many are enough; asked about 2 log2(count) times.

    Returns:
        None if not even all of them are.
    """
    low, high = -1, 0
    while not holds(high):
        if high == count:
            return None
        low, high = high, min(max(1, 2 * high), count)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
