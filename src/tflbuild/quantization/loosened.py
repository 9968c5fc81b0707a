"""The float model of a quantized file with its rounding put in, but for single pieces that are left in float.

As in a ladder, weights are rounded first: a layer's weights are left out where nothing else is rounded, a layer's
output where weights are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from tflbuild.quantization.weight_noise import float_weights
from tflbuild.tflite.dequantization import Dequantized, dequantize
from tflbuild.tflite.flatbuffer import MOVING, WEIGHTED, bias_place
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid
from tflbuild.tflite.rounded import round_to


@dataclass(frozen=True, order=True)
class Piece:
    """A piece of a file's rounding.

    Attributes:
        part: what is rounded.
        tensor: that the layer writes.
    """

    part: Literal["weights", "activations"]
    tensor: str


class Loosened:
    """A quantized file's float model, to put its rounding into.

    Args:
        quantized: of the file; it is not edited.
        floats: of the float model that the file was made of; None where there is none.

    Attributes:
        quantized: of the file.
        floats: as given.
        graph: of the float model that the file computes: its weights are rounded, its activations are not.
        made: how that was made.
        restorable: tensors of layers whose float weights are known.

    Raises:
        PassError: the file cannot be taken apart.
    """

    def __init__(self, quantized: Graph, floats: Graph | None = None) -> None:
        self.quantized, self.floats = quantized, floats
        self.graph = quantized.copy()
        self.made: Dequantized = dequantize(self.graph)
        self._floats = float_weights(quantized, floats) if floats is not None else {}
        own = (operator for operator in quantized.operators if quantized.kind(operator) in WEIGHTED)
        others = (operator for operator in self.graph.operators if self.graph.kind(operator) in WEIGHTED)
        self._names = {
            self.graph.name(int(other.outputs[0])): quantized.name(int(one.outputs[0]))
            for one, other in zip(own, others, strict=True)
        }
        self.restorable = tuple(self._floats)

    def rounded(self, freed: Collection[str] = ()) -> Graph:
        """Give the model with all of its grids put in, but for some tensors and what only moves their values."""
        graph = self.graph.copy()
        loose = {name for tensor in freed for name in self._moved_with(tensor)}
        round_to(graph, {name: grid for name, grid in self.made.grids.items() if name not in loose})
        return graph

    def floating(self) -> Graph:
        """Give the model without a grid, with all the float weights that are known."""
        return self._with(self.restorable)

    def without(self, piece: Piece) -> Graph:
        """Give the model without a piece of rounding: of weights, and no grid; or of grids, and all weights rounded."""
        return self._with([piece.tensor]) if piece.part == "weights" else self.rounded([piece.tensor])

    def _with(self, weights: Collection[str]) -> Graph:
        graph = self.graph.copy()
        for operator in [one for one in graph.operators if graph.kind(one) in WEIGHTED]:
            name = self._names[graph.name(int(operator.outputs[0]))]
            if name not in weights:
                continue
            kernel, bias = self._floats[name]
            graph.set_input(operator, 1, kernel)
            if bias is not None and graph.bias(operator) >= 0:
                graph.set_input(operator, bias_place(graph.kind(operator)), bias)
        return graph

    def _moved_with(self, tensor: str) -> set[str]:
        """Name a tensor and those that hold the same values on the same grid, moved."""
        grids: dict[str, Grid] = self.made.grids
        found, waiting = set(), [tensor]
        places = {self.graph.name(index): index for index in range(len(self.graph.tensors))}
        while waiting:
            name = waiting.pop()
            if name in found or name not in places:
                continue
            found.add(name)
            near: list[Any] = [*self.graph.readers(places[name]), self.graph.maker(places[name])]
            for operator in (one for one in near if one is not None and self.graph.kind(one) in MOVING):
                ends = (*operator.inputs, *operator.outputs)
                names = (self.graph.name(int(index)) for index in ends if index >= 0)
                waiting += [other for other in names if name in grids and grids.get(other) == grids[name]]
        return found
