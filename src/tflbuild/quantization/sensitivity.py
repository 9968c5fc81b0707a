"""Measure how much error each layer's rounding adds to a quantized `.tflite`.

References:
    Google, AutoQuant (`experimental/skills/auto_quant` of ai-edge-quantizer), 2025: weights alone against
    activations alone, before layers are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tflbuild.quantization.output_error import OutputError
from tflbuild.quantization.simulation import Simulation
from tflbuild.tflite.flatbuffer import WEIGHTED
from tflbuild.tflite.graph import Graph

Progress = Callable[[float, float, str], None]

KERNELS = re.compile(r"(Conv2D|depthwise|MatMul|conv2d_transpose|separable_conv2d)\d*$")
"""Last part of the name of what the converter fuses into a layer and that has its weights."""

OWN = {
    "CONV_2D": re.compile(r"Conv2D\d*$"),
    "DEPTHWISE_CONV_2D": re.compile(r"depthwise\d*$"),
}
"""The same of an operator whose name may hold that of another layer, whose batch norm was folded into it."""


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """The error that rounding one layer adds, in units of `OutputError`.

    Attributes:
        layer: as the user knows it: the Keras layer's name where there is one.
        tensor: that it writes.
        operator: e.g. "CONV_2D"; "INPUT" for the model's own.
        weights: error with nothing but its weights rounded; None where it has none.
        activations: error with nothing but its output rounded; None where that adds nothing to its inputs' rounding.
        alone: error with nothing but this layer rounded, weights and output.
        left_out: error with everything quantized but this layer.
        bytes: of its weights in int8.
        macs: multiplications it takes for one image.
    """

    layer: str
    tensor: str
    operator: str
    weights: float | None
    activations: float | None
    alone: float
    left_out: float
    bytes: int
    macs: int


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The error that rounding adds to a model, as a whole and by layer.

    Attributes:
        error_of_all: with all weights and activations rounded.
        error_of_weights: with all weights rounded, activations in float (W8A32).
        error_of_activations: with all activations rounded, weights in float (W32A8).
        layers: each layer, the worst to leave in first: by how much leaving it out would gain.
    """

    error_of_all: float
    error_of_weights: float
    error_of_activations: float
    layers: tuple[LayerCost, ...]

    @property
    def guilty(self) -> Literal["weights", "activations"]:
        """Say which of the two costs more."""
        return "weights" if self.error_of_weights > self.error_of_activations else "activations"


def sensitivity(
    floating: Graph,
    quantized: Graph,
    reference: OutputError,
    progress: Progress = lambda done, total, note: None,
) -> Sensitivity:
    """Measure the error that each layer's rounding adds.

    Args:
        floating: of the float model.
        quantized: of what it became; its tensors keep the names of the float model.
        reference: what errors are measured against.
        progress: is told how many layers are done.
    """
    simulated = Simulation(floating, quantized)
    weights, activations = set(simulated.weights), set(simulated.activations)

    def error(rounded_weights: Collection[str], rounded_activations: Collection[str]) -> float:
        return reference.of(simulated.build(rounded_weights, rounded_activations))

    overall = error(weights, activations)
    found: list[LayerCost] = []
    rounded = [layer for layer in layers(simulated.graph) if layer.tensor in weights | activations]
    for layer in rounded:
        own = {layer.tensor}
        of_weights = error(own, ()) if layer.tensor in weights else None
        of_activations = error((), own) if layer.tensor in activations else None
        both = of_weights is not None and of_activations is not None
        found.append(
            LayerCost(
                layer=layer.name,
                tensor=layer.tensor,
                operator=layer.operator,
                weights=of_weights,
                activations=of_activations,
                alone=error(own, own) if both else of_weights or of_activations or 0.0,
                left_out=error(weights - own, activations - own),
                bytes=layer.bytes,
                macs=layer.macs,
            )
        )
        progress(len(found), len(rounded), layer.name)
    return Sensitivity(
        error_of_all=overall,
        error_of_weights=error(weights, ()),
        error_of_activations=error((), activations),
        layers=tuple(sorted(found, key=lambda cost: cost.left_out)),
    )


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operator as a person would name it.

    Attributes:
        name: of the Keras layer, or of the tensor.
        tensor: that it writes.
        operator: e.g. "CONV_2D".
        bytes: of its weights in int8.
        macs: multiplications for one image.
    """

    name: str
    tensor: str
    operator: str
    bytes: int
    macs: int


def layers(graph: Graph) -> Iterator[Layer]:
    """Give the input and every operator, in order of execution."""
    for index in graph.model.subgraphs[0].inputs:
        name = graph.name(int(index))
        yield Layer(name=layer_name(name, "INPUT"), tensor=name, operator="INPUT", bytes=0, macs=0)
    for operator in graph.operators:
        name, kind = graph.name(int(operator.outputs[0])), graph.kind(operator)
        weights = graph.constant(operator.inputs[1]) if kind in WEIGHTED else None
        yield Layer(
            name=layer_name(name, kind),
            tensor=name,
            operator=kind,
            bytes=0 if weights is None else int(weights.size),
            macs=0 if weights is None else _macs(graph, operator, kind),
        )


def layer_name(tensor: str, operator: str) -> str:
    """Give the Keras layer that an operator was converted from.

    The converter joins the names of what it fuses with ";", each of the form model/layer/operation. The layer with the
    weights is meant; where there is none, the first one that is not the model itself.

    >>> layer_name("ssd/conv_pw_3_relu/Relu6;ssd/conv_pw_3_bn/FusedBatchNormV3;ssd/conv_pw_3/Conv2D1", "CONV_2D")
    'conv_pw_3'
    >>> layer_name("model/act_2/Relu;model/depthwise_conv2d_1/depthwise;model/conv2d_1/Conv2D1", "CONV_2D")
    'conv2d_1'
    >>> layer_name("mobilenet/pool/Mean", "MEAN")
    'pool'
    >>> layer_name("StatefulPartitionedCall:0", "SOFTMAX")
    'softmax'
    """
    parts = tensor.split(";")
    if operator in WEIGHTED:
        own = OWN.get(operator, KERNELS)
        parts = (
            [part for part in parts if own.search(part)]
            or [part for part in parts if KERNELS.search(part)]
            or parts
        )
    names = parts[0].split("/")
    if len(names) > 1:
        return "/".join(names[1:-1] or names[:1])
    if names[0].startswith("StatefulPartitionedCall"):
        return operator.lower()
    return names[0].removeprefix("serving_default_").split(":")[0]


def _macs(graph: Graph, operator: Any, kind: str) -> int:
    weights, made = graph.tensors[operator.inputs[1]].shape, graph.tensors[operator.outputs[0]].shape
    size = 1
    for side in made:
        size *= int(side)
    if kind == "TRANSPOSE_CONV":  # each value of its input meets every weight of its channel
        size = 1
        for side in graph.tensors[operator.inputs[2]].shape:
            size *= int(side)
        return size * int(weights[0]) * int(weights[1]) * int(weights[2])
    if kind == "DEPTHWISE_CONV_2D":
        return size * int(weights[1]) * int(weights[2])
    if kind == "FULLY_CONNECTED":
        return size * int(weights[1])
    return size * int(weights[1]) * int(weights[2]) * int(weights[3])
