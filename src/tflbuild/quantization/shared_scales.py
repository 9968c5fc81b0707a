"""Find outputs whose parts would share one scale although their ranges lie far apart, and give each a scale of its own.

A tensor that holds boxes in pixels and scores in 0..1 has steps of two pixels in eight bits, and no score is left.
What is looked at are the floats that leave the integer part of a model: its outputs, and what operators behind them
read that stay in floats. Nothing here knows what they mean: parts are those of a concatenation, or runs of neighbours
along an axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.observation import Executable, SampleValues, exposed
from tflbuild.tflite import flatbuffer, float_ends
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.parting import NotAlone, join_in_floats

APART = 8.0
"""Ratio of two ranges from which the narrower part keeps less than 5 of 8 bits."""

MOST_PARTS = 6

SAMPLES = 16
"""Samples that ranges of parts are seen on."""

ONE_SCALE = "an integer output has one scale; output_dtype=float32 would give each its own"

FIXED = ("LOGISTIC", "SOFTMAX")
"""Operators whose integer scale follows from the operator, not from ranges."""

Extremes = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a tensor along an axis: its first place, its length, and the lowest and highest value seen."""

    start: int
    side: int
    low: float
    high: float

    @property
    def width(self) -> float:
        """Give the width of the range that holds its values and 0."""
        return max(self.high, 0.0) - min(self.low, 0.0)


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A tensor whose parts would share a scale.

    Attributes:
        tensor: its name.
        axis: that its parts lie along.
        parts: in order.
        reason: why they still do; "" where each has one of its own now.
    """

    tensor: str
    axis: int
    parts: tuple[Part, ...]
    reason: str = ""

    @property
    def text(self) -> str:
        """Say it for people."""
        ranges = ", ".join(
            f"{p.start}..{p.start + p.side - 1} in {p.low:.4g}..{p.high:.4g}" for p in self.parts
        )
        ratio = max(p.width for p in self.parts) / max(min(p.width for p in self.parts), 1e-12)
        said = f"'{self.tensor}' holds parts whose ranges are {ratio:.0f} x apart along axis {self.axis}: {ranges}"
        end = f"they share a scale, since {self.reason}" if self.reason else "each has a scale of its own now"
        return f"{said}; {end}"

    def to_json(self) -> dict[str, Any]:
        """Give the form that the report holds, with its sentence."""
        parts = [{"start": p.start, "side": p.side, "low": p.low, "high": p.high} for p in self.parts]
        return {
            "text": self.text,
            "tensor": self.tensor,
            "axis": self.axis,
            "parts": parts,
            "mended": not self.reason,
        }


def with_own_scales(
    graph: Graph, samples: Sequence[SampleValues], *, float_outputs: bool = True
) -> tuple[Graph, list[Shared]]:
    """Give parts of outputs scales of their own, where they need them: they are joined in floats then.

    Args:
        graph: of a float model; it stays as it is.
        samples: each the model values of every input by name, in the model's order and without a batch axis.

        float_outputs: whether the quantized file gives floats; an integer output has one scale, whatever is in it.

    Returns:
        A graph with the same outputs, and what was found; the given one where nothing was changed.
    """
    found = []
    borders = [index for index in leaving(graph) if _may_be_parted(graph, index)]
    if not borders:
        return graph, []
    integers = set() if float_outputs else {graph.name(index) for index in graph.outputs}
    seen = _seen(graph, [graph.name(index) for index in borders], samples[:SAMPLES])
    for name, extremes in seen.items():
        one = _apart(graph, _named(graph, name), extremes)
        if one is None:
            continue
        if one.tensor in integers:
            found.append(replace(one, reason=ONE_SCALE))
            continue
        try:
            graph = join_in_floats(graph, _named(graph, name), one.axis, [part.side for part in one.parts])
        except NotAlone as error:
            one = replace(one, reason=f"{error} makes them together")
        found.append(one)
    return graph, found


def leaving(graph: Graph) -> list[int]:
    """Give the tensors that leave the part of a model that is quantized."""
    floats = set(float_ends.kept(graph))
    found: dict[int, None] = {}
    for operator in graph.operators:
        stays = graph.name(int(operator.outputs[0])) in floats or not graph.kind(operator).isupper()
        for index in map(int, operator.inputs) if stays else ():
            found |= {index: None}
    found |= dict.fromkeys(map(int, graph.model.subgraphs[0].outputs))
    return [index for index in found if _made_in_integers(graph, index, floats)]


def _made_in_integers(graph: Graph, index: int, floats: set[str]) -> bool:
    maker = graph.maker(index)
    return (
        maker is not None and graph.kind(maker).isupper() and graph.name(int(maker.outputs[0])) not in floats
    )


def _may_be_parted(graph: Graph, index: int) -> bool:
    """Say whether a tensor may hold several things: it is no row of scores, and none that has a fixed scale."""
    tensor, maker = graph.tensors[index], graph.maker(index)
    sides = [int(side) for side in (tensor.shape if tensor.shape is not None else [])]
    real = flatbuffer.DTYPES[tensor.type] == "float32"
    return real and sum(side > 1 for side in sides) >= 2 and graph.kind(maker) not in FIXED


def _named(graph: Graph, name: str) -> int:
    return next(index for index in range(len(graph.tensors)) if graph.name(index) == name)


def _seen(graph: Graph, names: Sequence[str], samples: Sequence[SampleValues]) -> dict[str, list[Extremes]]:
    """Give, of each tensor and for each of its axes, the lowest and the highest value at every place."""
    running = Executable(exposed(graph, names))
    found: dict[str, list[Extremes]] = {}
    for sample in samples:
        for name, value in zip(names, running.run(sample), strict=True):
            each = [_extremes(value, axis) for axis in range(value.ndim)]
            before = found.get(name, each)
            found[name] = [
                (np.minimum(low, lower), np.maximum(high, higher))
                for (low, high), (lower, higher) in zip(before, each, strict=True)
            ]
    return found


def _extremes(value: npt.NDArray[np.float32], axis: int) -> Extremes:
    rows = np.moveaxis(value, axis, 0).reshape(value.shape[axis], -1).astype(np.float64)
    return rows.min(axis=1), rows.max(axis=1)


def _apart(graph: Graph, index: int, seen: Sequence[Extremes]) -> Shared | None:
    """Find parts that lie apart: those of a concatenation, else the runs along an axis that differ most."""
    offset = len(graph.tensors[index].shape) - len(seen)  # the batch was taken off
    joined = _joined(graph, index)
    if joined is not None:
        axis, sides = joined
        if axis >= offset:
            parts = _parts(seen[axis - offset], np.cumsum([0, *sides]))
            return _if_apart(graph, index, axis, parts)
    candidates = [
        _if_apart(graph, index, axis + offset, _parts(extremes, _runs(extremes)))
        for axis, extremes in enumerate(seen)
    ]
    known = [one for one in candidates if one is not None]
    return min(known, key=lambda one: len(one.parts), default=None)


def _joined(graph: Graph, index: int) -> tuple[int, list[int]] | None:
    """Give axis and sides of what a tensor is joined of; None where it is not, or of too many."""
    maker = graph.maker(index)
    if maker is None or graph.kind(maker) != "CONCATENATION" or not 2 <= len(maker.inputs) <= MOST_PARTS:
        return None
    axis = int(maker.builtinOptions.axis) % len(graph.tensors[index].shape)
    return axis, [int(graph.tensors[int(one)].shape[axis]) for one in maker.inputs]


def _runs(extremes: Extremes) -> npt.NDArray[np.int64]:
    """Give the edges of runs of places that are wide, or 8 x narrower than the widest."""
    low, high = extremes
    widths = np.maximum(high, 0) - np.minimum(low, 0)
    wide = widths > widths.max() / APART
    changes = np.flatnonzero(wide[1:] != wide[:-1]) + 1
    return np.array([0, *changes, len(widths)])


def _parts(extremes: Extremes, edges: npt.NDArray[np.int64]) -> tuple[Part, ...]:
    low, high = extremes
    return tuple(
        Part(start=int(a), side=int(b - a), low=float(low[a:b].min()), high=float(high[a:b].max()))
        for a, b in pairwise(edges)
    )


def _if_apart(graph: Graph, index: int, axis: int, parts: tuple[Part, ...]) -> Shared | None:
    widths = [part.width for part in parts]
    if not 2 <= len(parts) <= MOST_PARTS or max(widths) <= APART * min(widths) or min(widths) <= 0:
        return None
    return Shared(tensor=graph.name(index), axis=axis, parts=parts)
