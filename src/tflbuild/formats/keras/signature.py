"""Names and shapes of a Keras model's inputs and outputs, by its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.meaning import IMAGE
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.keras.config import GRAPHS, MALFORMED, Graph, Layer, Place, inside
from tflbuild.formats.keras.shapes import Shape, shape_of

FLOAT = "float32"


def inputs_of(config: Mapping[str, Any]) -> dict[str, TensorSpec]:
    """Describe a model's inputs; the one of a picture's axes is called `image`, as it is when the model is executed.

    {} where the configuration is none of Keras, or does not say the shapes.
    """
    try:
        graph = Graph(config)
        found = [_entrance(graph, tensor.layer) for tensor in graph.inputs]
        specs = [spec_of(_shape(given), _dtype(given)) for given in found]
    except MALFORMED:
        return {}
    if len(specs) == 1 and len(specs[0].shape) == 4:
        return {IMAGE: specs[0]}
    return dict(zip(_told_apart([_name(given) for given in found]), specs, strict=True))


def outputs_of(config: Mapping[str, Any]) -> dict[str, Shape | None]:
    """Give the shapes of a model's outputs, None where they do not show; {} where the configuration is none."""
    try:
        graph = Graph(config)
        names = _told_apart([tensor.layer for tensor in graph.outputs])
        return {
            name: shape_of(inside(Place(graph, tensor)))
            for name, tensor in zip(names, graph.outputs, strict=True)
        }
    except MALFORMED:
        return {}


def spec_of(shape: Shape | None, dtype: str = FLOAT) -> TensorSpec:
    """Describe a tensor by its shape; of one that is not known, only the batch is said."""
    sides = (None,) if shape is None else shape
    return TensorSpec((-1, *(-1 if side is None else side for side in sides[1:])), dtype)


def _entrance(graph: Graph, name: str) -> Layer:
    """Give the layer that says an input's shape: of a model that comes first, its own."""
    layer = graph.layers[name]
    while layer.kind in GRAPHS:
        inner = Graph(layer.entry)
        layer = inner.layers[inner.inputs[0].layer]
    return layer


def _shape(layer: Layer) -> Shape:
    shape = layer.config.get("batch_input_shape") or layer.config["batch_shape"]
    if not isinstance(shape, list) or not all(side is None or type(side) is int for side in shape):
        raise ValueError("it says no shape")
    return tuple(shape)


def _name(layer: Layer) -> str:
    """Name an input; that of a model without an input layer is called after its first layer."""
    return layer.name if layer.kind == "InputLayer" else f"{layer.name}_input"


def _dtype(layer: Layer) -> str:
    dtype = layer.config.get("dtype") if layer.kind == "InputLayer" else FLOAT
    return dtype if isinstance(dtype, str) and dtype.isalnum() else FLOAT


def _told_apart(names: list[str]) -> list[str]:
    """Number names that are there already, as Keras does."""
    found: list[str] = []
    for name in names:
        proposal, count = name, 0
        while proposal in found:
            count += 1
            proposal = f"{name}_{count}"
        found.append(proposal)
    return found
