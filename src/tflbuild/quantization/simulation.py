"""Put the rounding of a quantized `.tflite` into the float one that it was made from, piece by piece.

A weight is replaced by what its levels mean; an activation is quantized and dequantized where it is written. So any
piece can be measured alone or left out, and all together cost what the quantized file does, but for the rounding
inside its kernels.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.quantization.observation import without_custom
from tflbuild.tflite import additions
from tflbuild.tflite.flatbuffer import MOVING, bias_place
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed

WEIGHTS = (schema.TensorType.INT8, schema.TensorType.INT4)
"""Types of rounded weights."""

INTEGERS = (schema.TensorType.INT8, schema.TensorType.INT16)
"""Types of rounded activations."""


@dataclass(frozen=True)
class Rounded:
    """Constants of a layer after rounding.

    Attributes:
        weights: float32, of the shape of the float model's.
        bias: float32; None where the layer has none.
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None


class Simulation:
    """A float model, with the rounding of a quantized one to put into it.

    Args:
        floating: of the float model; it is not edited.
        quantized: of what it became; its tensors keep the names of the float model.

    Attributes:
        graph: of the float model, without the custom operators that it ends in.
        weights: layers whose weights are rounded, by the tensor they write, in order of execution.
        activations: tensors that are rounded, the inputs first. Those that an operator only moves are left out,
            because their values were rounded before.
    """

    def __init__(self, floating: Graph, quantized: Graph) -> None:
        self.graph, rounded = without_custom(floating), quantized
        made = [int(operator.outputs[0]) for operator in self.graph.operators]
        self._float_output = not any(rounded.tensors[index].type in INTEGERS for index in rounded.outputs)
        self._layers = _rounded_layers(rounded)
        self._steps = _rounded_activations(rounded)
        self.weights = tuple(name for name in map(self.graph.name, made) if name in self._layers)
        self.activations = tuple(
            self.graph.name(index)
            for index in (*map(int, self.graph.model.subgraphs[0].inputs), *made)
            if self.graph.name(index) in self._steps and not self._moved(index)
        )

    def build(self, weights: Collection[str], activations: Collection[str]) -> Packed:
        """Give the float model with these pieces rounded."""
        return self._built(weights, activations, ())

    def keeping(self, kept: Collection[str], *, exact_weights: bool) -> Packed:
        """Give the float model with everything quantized but what some operators pass among themselves.

        Args:
            kept: the operators, by the tensor they write.
            exact_weights: whether their weights are not rounded either.
        """
        weights = [name for name in self.weights if not (exact_weights and name in kept)]
        moved = [name for name in kept if name in self._steps]
        return self._built(weights, {*self.activations, *moved}, kept)

    def _built(self, weights: Collection[str], activations: Collection[str], kept: Collection[str]) -> Packed:
        graph = self.graph.copy()
        for operator in list(graph.weighted()):
            name = graph.name(int(operator.outputs[0]))
            if name in weights:
                graph.set_input(operator, 1, self._layers[name].weights)
                bias = self._layers[name].bias
                if bias is not None:
                    graph.set_input(operator, bias_place(graph.kind(operator)), bias)
        _round(graph, {name: self._steps[name] for name in activations}, kept, self._float_output)
        return Packed(graph)

    def _moved(self, index: int) -> bool:
        """Say whether a tensor holds values that were rounded to the same levels before."""
        maker = self.graph.maker(index)
        if maker is None or self.graph.kind(maker) not in MOVING:
            return False
        read = [self._steps.get(self.graph.name(int(i))) for i in maker.inputs if not self._constant(int(i))]
        own = _levels(self._steps[self.graph.name(index)])
        return all(tensor is not None and _levels(tensor) == own for tensor in read)

    def _constant(self, index: int) -> bool:
        inputs = {int(i) for i in self.graph.model.subgraphs[0].inputs}
        return index < 0 or (self.graph.maker(index) is None and index not in inputs)


def _levels(tensor: Any) -> tuple[int, float, int]:
    return tensor.type, float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])


def _rounded_layers(graph: Graph) -> dict[str, Rounded]:
    """Give what the integer constants of each layer mean, by the tensor it writes."""
    found = {}
    for operator in graph.weighted():
        if graph.tensors[operator.inputs[1]].type in WEIGHTS:
            bias = graph.bias(operator)
            found[graph.name(int(operator.outputs[0]))] = Rounded(
                _meant(graph, int(operator.inputs[1])), _meant(graph, bias) if bias >= 0 else None
            )
    return found


def _meant(graph: Graph, index: int) -> npt.NDArray[np.float32]:
    tensor, values = graph.tensors[index], graph.constant(index)
    assert values is not None
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or not len(quantization.scale):
        return values.astype(np.float32)  # a bias of a layer whose activations stay float
    shape = np.ones(values.ndim, np.int64)
    shape[int(quantization.quantizedDimension)] = len(quantization.scale)
    scale = np.asarray(quantization.scale, np.float64).reshape(shape)
    zero_point = np.asarray(quantization.zeroPoint, np.int64).reshape(shape)
    return np.asarray((values.astype(np.int64) - zero_point) * scale, np.float32)


def _rounded_activations(graph: Graph) -> dict[str, Any]:
    """Give the integer tensors that are computed, by name."""
    inputs = {int(index) for index in graph.model.subgraphs[0].inputs}
    return {
        graph.name(index): tensor
        for index, tensor in enumerate(graph.tensors)
        if tensor.type in INTEGERS
        and tensor.quantization is not None
        and tensor.quantization.scale is not None
        and len(tensor.quantization.scale) == 1
        and (index in inputs or graph.maker(index) is not None)
    }


def _round(graph: Graph, steps: dict[str, Any], kept: Collection[str], float_output: bool) -> None:
    """Put QUANTIZE and DEQUANTIZE behind tensors, for all that read them, but not between kept operators.

    Args:
        graph: edited in place.
        steps: scales and types, by tensor.
        kept: operators, by the tensor they write.
        float_output: whether what a kept operator gives as an output is not rounded either.
    """
    rounded: dict[int, int] = {}
    operators: list[Any] = []

    def read(indices: Any, exactly: bool) -> Any:
        loose = [int(i) for i in indices if exactly and i >= 0 and graph.name(int(i)) in kept]
        return np.array(
            [int(i) if int(i) in loose else rounded.get(int(i), int(i)) for i in indices], np.int32
        )

    def round_behind(index: int) -> None:
        if graph.name(index) in steps:
            operators.extend(_pair(graph, index, steps[graph.name(index)], rounded))

    subgraph = graph.model.subgraphs[0]
    for index in subgraph.inputs:
        round_behind(int(index))
    for operator in graph.operators:
        made = int(operator.outputs[0])
        operator.inputs = read(operator.inputs, graph.name(made) in kept)
        operators.append(operator)
        round_behind(made)
    subgraph.operators = operators
    subgraph.outputs = read(subgraph.outputs, float_output)
    graph.reindex()


def _pair(graph: Graph, index: int, like: Any, rounded: dict[int, int]) -> list[Any]:
    """Make QUANTIZE and DEQUANTIZE of one tensor, and say in `rounded` where its rounded values are."""
    source = graph.tensors[index]
    levels, back = copy.copy(source), copy.copy(source)
    levels.name, levels.type, levels.buffer = f"{graph.name(index)}_levels".encode(), like.type, 0
    levels.quantization = like.quantization
    back.name, back.buffer = f"{graph.name(index)}_rounded".encode(), 0
    graph.tensors += [levels, back]
    rounded[index] = len(graph.tensors) - 1
    whole, real = rounded[index] - 1, rounded[index]
    return [
        additions.operator(graph.model, "QUANTIZE", [index], whole, schema.QuantizeOptionsT(), version=2),
        additions.operator(graph.model, "DEQUANTIZE", [whole], real, schema.DequantizeOptionsT(), version=2),
    ]


def restore_weights(graph: Graph, floating: Graph) -> None:
    """Give float layers of a mixed model the weights that they have in a float one, where others had been rounded.

    Args:
        graph: of a quantized model with float layers; edited in place.
        floating: of a float model; its tensors have the same names.
    """
    weights = {floating.name(int(o.outputs[0])): floating.constant(o.inputs[1]) for o in floating.weighted()}
    for operator in list(graph.weighted()):
        wanted = weights.get(graph.name(int(operator.outputs[0])))
        if wanted is not None and graph.tensors[operator.inputs[1]].type == schema.TensorType.FLOAT32:
            graph.set_input(operator, 1, wanted)
