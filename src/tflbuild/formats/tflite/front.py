"""Read off the operators at the beginning of a `.tflite` how the model scales its pixels itself."""

from __future__ import annotations

import math
from typing import NamedTuple

from tflbuild.formats.pictures import own_scaling
from tflbuild.formats.tflite.graph import Graph, Operator

MOVING = (
    *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "PAD", "PADV2", "MIRROR_PAD", "RESHAPE", "STRIDED_SLICE"),
    *("CAST", "QUANTIZE", "DEQUANTIZE"),
)
"""Operators that move pixels or store them otherwise, and leave their range as it is."""

SCALING = ("MUL", "DIV", "ADD", "SUB")


class Scaling(NamedTuple):
    """One operator that scales: what it multiplies by, what it adds, and its words."""

    factor: float
    shift: float
    words: str


class Front(NamedTuple):
    """The scaling at the front of a model: "raw" pixels, "unit" ones in 0..1, or ""; and what shows it."""

    takes: str = ""
    evidence: str = ""


def front_of(graph: Graph, index: int) -> Front:
    """Follow an input over all that scales it, as long as one operator alone reads it."""
    scale, offset, words = 1.0, 0.0, []
    for _ in graph.operators:
        readers = graph.readers(index)
        if len(readers) != 1 or len(readers[0].outputs) != 1 or readers[0].custom:
            break
        (operator,) = readers
        if operator.kind not in (*MOVING, *SCALING):
            break
        if operator.kind in SCALING:
            scaling = _scaling(graph, operator, index)
            if scaling is None:
                break
            scale, offset = scale * scaling.factor, offset * scaling.factor + scaling.shift
            words.append(scaling.words)
            takes = own_scaling(scale, offset)
            if takes:
                return Front(takes, f"the graph begins with {' and '.join(words)}")
        (index,) = operator.outputs
    return Front()


def _scaling(graph: Graph, operator: Operator, index: int) -> Scaling | None:
    """Read what an operator does to the pixels, by the first channel; None where it is computed."""
    others = [one for one in operator.inputs if one != index]
    values = graph.few_values(others[0]) if len(others) == 1 else None
    if not values or operator.activation or not math.isfinite(values[0]):
        return None
    value, kind, first = float(values[0]), operator.kind, operator.inputs[0] == index
    words = f"{kind} by {value:.6g}" if kind in ("MUL", "DIV") else f"{kind} of {value:.6g}"
    if kind == "MUL":
        return Scaling(value, 0.0, words)
    if kind == "DIV":
        return Scaling(1 / value, 0.0, words) if first and value else None
    if kind == "ADD":
        return Scaling(1.0, value, words)
    return Scaling(1.0, -value, words) if first else Scaling(-1.0, value, words)
