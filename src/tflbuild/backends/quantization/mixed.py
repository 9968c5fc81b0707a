"""Mixed precision: which few layers of an int8 model to keep in int16x8 or float, and how many are enough.

A tensor is unrounded only where the operator that writes it and those that read it are kept, so that candidates are
single operators and operators with those that read what they write.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.backends.flatbuffer import MOVING, WEIGHTED
from tflbuild.backends.graph import Graph
from tflbuild.backends.quantization.sensitivity import layer_name

Tensors = frozenset[str]

OVERHEAD = 512
"""Bytes that keeping an operator costs besides its weights: conversions before and behind it, their tensors."""

LEAST_GAIN = 0.002
"""Share of the plain model's error below which a candidate gains nothing worth keeping."""

MOST_STEPS = 16
"""Candidates that are kept at most."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Neighbouring operators that may be kept together.

    Attributes:
        layer: the first of them as the user knows it.
        tensors: those that they write.
    """

    layer: str
    tensors: Tensors


@dataclass(frozen=True, kw_only=True)
class Step:
    """One more candidate that is kept.

    Attributes:
        candidate: which.
        tensors: written by operators that were not kept before.
        bytes: of their weights in int8.
        before: error without it.
        after: error with it.
    """

    candidate: Candidate
    tensors: Tensors
    bytes: int
    before: float
    after: float


def candidates(graph: Graph) -> list[Candidate]:
    """Give what may be kept of a float model, in order of execution.

    Args:
        graph: of a float model.
    """
    found: dict[Tensors, Candidate] = {}
    for operator in graph.operators:
        name, kind = graph.name(int(operator.outputs[0])), graph.kind(operator)
        if kind in MOVING or not kind.isupper():
            continue
        layer = layer_name(name, kind)
        for tensors in (Tensors([name]), Tensors([name, *_readers(graph, operator)])):
            found.setdefault(tensors, Candidate(layer=layer, tensors=tensors))
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


def greedy(
    found: Iterable[Candidate], sizes: Mapping[str, int], most: float, error: Callable[[Tensors], float]
) -> list[Step]:
    """Order candidates by what they gain per byte, each on top of those before.

    A candidate's gain is measured again only when it would be the next by its last measurement.

    Args:
        found: the candidates.
        sizes: bytes of weights by tensor.
        most: bytes of weights that may be kept.
        error: gives the error of the model with operators kept, by the tensors they write.
    """
    steps: list[Step] = []
    kept, used, current = Tensors(), 0, error(Tensors())
    least = LEAST_GAIN * current
    waiting: list[tuple[float, int, int, float, Candidate]] = []

    def measure(place: int, candidate: Candidate) -> None:
        new = candidate.tensors - kept
        size = sum(sizes[name] for name in new)
        if new and used + size <= most:
            after = error(kept | new)
            rate = (current - after) / (size + OVERHEAD * len(new))
            heapq.heappush(waiting, (-rate, place, len(steps), after, candidate))

    for place, candidate in enumerate(found):
        measure(place, candidate)
    while waiting and len(steps) < MOST_STEPS:
        _, place, measured, after, candidate = heapq.heappop(waiting)
        if measured < len(steps):
            measure(place, candidate)
        elif current - after > least:
            new = candidate.tensors - kept
            size = sum(sizes[name] for name in new)
            steps.append(Step(candidate=candidate, tensors=new, bytes=size, before=current, after=after))
            kept, used, current = kept | new, used + size, after
    return steps


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
