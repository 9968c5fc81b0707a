"""The layers of a `tf_keras` model as they are matched with those of a file, and their filling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tf_keras

from tflbuild.weights.layer import KERNEL, ROLES, Layer, layer_of
from tflbuild.weights.matching import Match, Ours


def ours_of(model: Any) -> Ours:
    """Describe the layers with weights of a functional model."""
    layers = [_layer(layer) for layer in model.layers if layer.weights]
    convolutions = frozenset(layer.name for layer in layers if layer.is_convolution)
    norms = {layer.name: norm for layer in model.layers if (norm := _norm_behind(layer))}
    return Ours(name=model.name, layers=layers, norms=norms, before=_before(model, convolutions))


def fill(model: Any, match: Match) -> None:
    """Put what was matched into the model; all else stays as it was built."""
    for name, arrays in match.arrays.items():
        for variable in model.get_layer(name).weights:
            role = _role(variable)
            given = arrays.get(ROLES.get(role, role))
            if given is not None:
                variable.assign(given.reshape(variable.shape))


def _layer(layer: Any) -> Layer:
    arrays = {_role(variable): variable.numpy() for variable in layer.weights}
    if isinstance(layer, tf_keras.layers.DepthwiseConv2D) and KERNEL in arrays:
        arrays["depthwise_kernel"] = arrays.pop(KERNEL)
    return layer_of(layer.name, arrays, epsilon=float(getattr(layer, "epsilon", 0.0)))


def _role(variable: Any) -> str:
    return str(variable.name).removesuffix(":0").rpartition("/")[2]


def _norm_behind(layer: Any) -> str:
    """Name the batch norm that alone reads a layer; "" where there is none."""
    readers = {node.outbound_layer.name: node.outbound_layer for node in layer.outbound_nodes}
    alone = next(iter(readers.values())) if len(readers) == 1 else None
    return str(alone.name) if isinstance(alone, tf_keras.layers.BatchNormalization) else ""


def _before(model: Any, convolutions: frozenset[str]) -> dict[str, frozenset[str]]:
    """Give the convolutions that each one depends on, through layers that are used several times, too."""
    found: dict[str, frozenset[str]] = {layer.name: frozenset() for layer in model.layers}
    changed = True
    while changed:
        changed = False
        for layer in model.layers:
            through = [found[one.name] | {one.name} for one in _read(layer) if one.name in found]
            now = found[layer.name].union(*through) - {layer.name}
            changed = changed or now != found[layer.name]
            found[layer.name] = now
    return {name: found[name] & convolutions for name in convolutions}


def _read(layer: Any) -> Iterator[Any]:
    for node in layer.inbound_nodes:
        given = node.inbound_layers
        yield from given if isinstance(given, list) else [given]
