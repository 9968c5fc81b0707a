"""Groups of activations that share one range: those between which operators only move values."""

from __future__ import annotations

from dataclasses import dataclass

from tflbuild.tflite.flatbuffer import MOVING
from tflbuild.tflite.float_ends import is_marked
from tflbuild.tflite.graph import Graph

SCORES = ("LOGISTIC", "SOFTMAX")
"""Operators that make scores of logits."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Activations of one range.

    Attributes:
        names: of all of them.
        sources: of those that no moving operator wrote; what the others hold came from there.
        scores: "LOGISTIC" or "SOFTMAX" where nothing else reads the values; "" otherwise.
    """

    names: tuple[str, ...]
    sources: tuple[str, ...]
    scores: str


def shared(graph: Graph) -> list[Shared]:
    """Give the activations of a model in groups of one range, in order of execution.

    Scales of what a moving operator reads and writes have to agree. Where they do not, the quantizer puts a QUANTIZE
    before every input of a concatenation, which rounds twice and which XNNPACK may leave behind.
    """
    group: dict[int, set[int]] = {index: {index} for index in map(int, graph.model.subgraphs[0].inputs)}
    for operator in graph.operators:
        group |= {int(index): {int(index)} for index in operator.outputs}
        if graph.kind(operator) in MOVING and not is_marked(graph.name(int(operator.outputs[0]))):
            for index in (*operator.inputs, *operator.outputs):
                if int(index) in group:
                    _join(group, int(index), int(operator.outputs[0]))
    distinct = {id(members): sorted(members) for members in group.values()}
    return [_described(graph, members) for members in distinct.values()]


def _join(group: dict[int, set[int]], one: int, other: int) -> None:
    group[one] |= group[other]
    for index in group[one]:
        group[index] = group[one]


def _described(graph: Graph, members: list[int]) -> Shared:
    kinds = {graph.kind(operator) for index in members for operator in graph.readers(index)} - set(MOVING)
    scores = kinds.pop() if len(kinds) == 1 and graph.outputs.isdisjoint(members) else ""
    return Shared(
        names=tuple(graph.name(index) for index in members),
        sources=tuple(graph.name(index) for index in members if not _moved(graph, index)),
        scores=scores if scores in SCORES else "",
    )


def _moved(graph: Graph, index: int) -> bool:
    maker = graph.maker(index)
    return maker is not None and graph.kind(maker) in MOVING
