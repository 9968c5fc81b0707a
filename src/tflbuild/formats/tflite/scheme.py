"""The scheme of a quantized `.tflite`, by the dtypes of its weights and activations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tflbuild.formats.tflite.graph import Graph

WEIGHTED: Mapping[str, tuple[int, int]] = {
    "CONV_2D": (0, 1),
    "DEPTHWISE_CONV_2D": (0, 1),
    "FULLY_CONNECTED": (0, 1),
    "TRANSPOSE_CONV": (2, 1),
    "CONV_3D": (0, 1),
    "CONV_3D_TRANSPOSE": (2, 1),
    "BATCH_MATMUL": (0, 1),
    "SVDF": (0, 1),
    "RNN": (0, 1),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (0, 1),
    "LSTM": (0, 2),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (0, 2),
}
"""Operators with weights: the places of the activation and of a weight among their inputs."""

UNPACKING = ("DEQUANTIZE", "DENSIFY")
"""Operators that stand between stored weights and who reads them."""

WHOLE: Mapping[str, str] = {"int16": "int16x8", "int8": "int8", "uint8": "uint8"}
"""Schemes by the dtype of activations."""

WEIGHTS_ALONE: Mapping[str, str] = {
    "float16": "float16",
    **dict.fromkeys(("int8", "uint8", "int4", "int2"), "dynamic"),
}
"""Schemes of float activations by the dtype of stored weights."""


class Scheme(NamedTuple):
    """How a file is quantized.

    Attributes:
        name: "int8", "uint8", "int16x8", "float16", "dynamic", "fake" for floats that are rounded by FAKE_QUANT, or ""
            for not at all.
        evidence: what shows it.
    """

    name: str = ""
    evidence: str = ""


class Pair(NamedTuple):
    """Dtypes of the activations that a layer reads, and of its weights as they are stored."""

    activation: str
    weight: str

    @property
    def scheme(self) -> str:
        """The scheme that it is of."""
        return WHOLE.get(self.activation, "") or WEIGHTS_ALONE.get(self.weight, "")

    @property
    def words(self) -> str:
        """The pair as a sentence has it."""
        return f"{self.weight} weights and {self.activation} activations"


def scheme_of(graph: Graph) -> Scheme:
    """Find the scheme that most weights are of; of a graph without weights, that of most of its tensors."""
    found = _of_layers(graph)
    rounding = sum(one.kind == "FAKE_QUANT" for one in graph.operators)
    if found.name or not rounding:
        return found
    return Scheme("fake", f"{rounding} FAKE_QUANT operators round what floats compute")


def _of_layers(graph: Graph) -> Scheme:
    layers: Counter[Pair] = Counter()
    sizes: Counter[Pair] = Counter()
    for pair, size in _layers(graph):
        layers[pair] += 1
        sizes[pair] += size
    if not layers:
        return _of_tensors(graph)
    pair, _ = sizes.most_common(1)[0]
    if not pair.scheme:
        return Scheme()
    others = [f"{count} with {other.words}" for other, count in layers.items() if other != pair]
    evidence = f"{layers[pair]} of {layers.total()} layers with {pair.words}"
    return Scheme(pair.scheme, "; ".join([evidence, *others[:3]]))


def _layers(graph: Graph) -> Iterator[tuple[Pair, int]]:
    for operator in graph.operators:
        places = WEIGHTED.get(operator.kind)
        if places is None or operator.custom or len(operator.inputs) <= max(places):
            continue
        activation, weight = (operator.inputs[place] for place in places)
        stored = _stored(graph, weight)
        if stored >= 0:
            yield Pair(graph.dtype(activation), graph.dtype(stored)), math.prod(graph.tensors[stored].shape)


def _stored(graph: Graph, index: int) -> int:
    """Give the constant behind a weight; -1 where it is computed."""
    for _ in UNPACKING:
        maker = graph.maker(index)
        if maker is None or maker.kind not in UNPACKING:
            break
        index = maker.inputs[0]
    return index if index >= 0 and graph.tensors[index].constant else -1


def _of_tensors(graph: Graph) -> Scheme:
    """Find the scheme of most quantized tensors: of those inside, since a border may be in another dtype."""
    every = {index for one in graph.operators for index in (*one.inputs, *one.outputs) if index >= 0}
    quantized = {index for index in every if graph.quantization(index)[0] and graph.dtype(index) in WHOLE}
    inside = quantized - {*graph.inputs, *graph.outputs} or quantized
    counts = Counter(graph.dtype(index) for index in sorted(inside))
    if not counts:
        return Scheme()
    dtype = max(counts, key=lambda one: (counts[one], one == "int8"))
    return Scheme(WHOLE[dtype], f"{counts[dtype]} of {counts.total()} quantized tensors are {dtype}")
