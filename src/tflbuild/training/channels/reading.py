"""Read the facts of a tf_keras model: what each of its layers does to channels.

Longer than most modules: each kind of layer has a few lines of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import tf_keras

from tflbuild.training.channels.facts import IN, INNER, OUT, RESHAPED, Call, Graph, Kind, Layer, Shape, Weight

_layers = tf_keras.layers

KEEPING = frozenset(
    f"{name}{dimensions}D"
    for name in (
        "MaxPooling",
        "AveragePooling",
        "GlobalMaxPooling",
        "GlobalAveragePooling",
        "UpSampling",
        "ZeroPadding",
        "Cropping",
        "SpatialDropout",
    )
    for dimensions in (1, 2, 3)
) | {
    "Dropout",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "ThresholdedReLU",
    "ActivityRegularization",
}
"""Layers without weights that keep channels apart and in place."""

JOINING = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})

ELEMENTWISE = frozenset(
    {
        "linear",
        "relu",
        "relu6",
        "leaky_relu",
        "sigmoid",
        "hard_sigmoid",
        "tanh",
        "swish",
        "silu",
        "hard_swish",
        "mish",
        "elu",
        "selu",
        "gelu",
        "exponential",
        "softplus",
        "softsign",
    }
)
"""Activations that compute each number by itself; a softmax, for one, does not."""

OPERATIONS = frozenset(
    {"__operators__.add", "math.add", "math.subtract", "math.multiply", "math.divide", "math.truediv"}
)
"""Functions of TensorFlow of two numbers."""

FUNCTIONS = frozenset({"nn.relu", "nn.relu6", "nn.silu", "nn.swish", "nn.elu", "math.sigmoid", "math.tanh"})
"""Functions of TensorFlow of one number."""


FIRST = "channels_first"

Reader = Callable[[Any, Any], Layer]
"""Gives the facts of a layer, for one of its calls."""


def functional(model: Any) -> Any:
    """Give a model as a graph that can be rewritten: a chain becomes one, with the same layers."""
    if isinstance(model, tf_keras.Sequential):
        return tf_keras.Model(model.inputs, model.outputs, name=model.name)
    return model


def graph_of(model: Any) -> Graph:
    """Give the facts of a functional model.

    Args:
        model: a built `tf_keras.Model`, see `functional`.
    """
    numbers: dict[str, int] = {}
    shapes: dict[int, Shape] = {}
    layers: dict[str, Layer] = {}
    calls = []

    def number(key: str, tensor: Any) -> int:
        found = numbers.setdefault(key, len(numbers))
        shapes[found] = tuple(tensor.shape[1:])
        return found

    depths = model._nodes_by_depth
    for node in (node for depth in sorted(depths, reverse=True) for node in depths[depth]):
        given = () if node.is_input else tuple(map(number, node.flat_input_ids, node.keras_inputs))
        made = tuple(map(number, node.flat_output_ids, _flat(node.outputs)))
        fact, known = _read(node), layers.get(node.layer.name)
        layers[fact.name] = fact if known is None or fact.kind is Kind.OPAQUE else known
        calls.append(Call(layer=fact.name, inputs=given, outputs=made))
    ends = tuple(numbers[str(id(tensor))] for tensor in model.outputs)
    return Graph(layers=layers, calls=tuple(calls), shapes=shapes, outputs=ends)


def _read(node: Any) -> Layer:
    """Give the facts of the layer that a node of the graph calls."""
    layer = node.layer
    kind = type(layer).__name__
    own = type(layer).__module__.startswith("tf_keras.")
    if node.is_input:
        return Layer(name=layer.name, kind=Kind.SOURCE)
    if not own or len(_flat(node.outputs)) != 1 or getattr(layer, "data_format", "") == FIRST:
        return _opaque(layer)
    if kind in KEEPING:
        return Layer(name=layer.name, kind=Kind.CHANNELWISE)
    if kind in JOINING:
        return Layer(name=layer.name, kind=Kind.JOINING)
    reader = _READERS.get(kind)
    return reader(layer, node) if reader else _opaque(layer)


def _flat(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, list | tuple) else [tensors]


def _opaque(layer: Any, why: str = "") -> Layer:
    reason = f"{type(layer).__name__} '{layer.name}' {why or 'is not known to keep channels apart'}"
    return Layer(name=layer.name, kind=Kind.OPAQUE, reason=reason)


def _weights(layer: Any, **roles: Mapping[int, str]) -> tuple[Weight, ...]:
    """Give those of the named arrays that a layer has, with the roles of their axes."""
    found = ((name, getattr(layer, name, None), axes) for name, axes in roles.items())
    return tuple(
        Weight(name=name, roles=dict(axes), shape=tuple(array.shape))
        for name, array, axes in found
        if array is not None
    )


def _mixed_after(layer: Any) -> str:
    """Say why what a layer gives stays: its activation may compute with all channels at once."""
    name = getattr(layer.activation, "__name__", "")
    return (
        "" if name in ELEMENTWISE else f"the activation '{name}' of '{layer.name}' reads all of its channels"
    )


def _convolution(layer: Any, node: Any) -> Layer:
    grouped = f"'{layer.name}' convolves channels in {layer.groups} groups" if layer.groups > 1 else ""
    rank = len(layer.kernel_size)
    transposed = "Transpose" in type(layer).__name__
    kernel = {rank: OUT, rank + 1: IN} if transposed else {rank: IN, rank + 1: OUT}
    return Layer(
        name=layer.name,
        kind=Kind.MIXING,
        weights=() if grouped else _weights(layer, kernel=kernel, bias={0: OUT}),
        width="filters",
        channels=layer.filters,
        taps=prod(layer.kernel_size),
        reason=grouped,
        own_reason=_mixed_after(layer),
        transposed=transposed,
    )


def _depthwise(layer: Any, node: Any) -> Layer:
    rank = len(layer.kernel_size)
    return Layer(
        name=layer.name,
        kind=Kind.DEPTHWISE,
        weights=_weights(layer, depthwise_kernel={rank: IN}, bias={0: OUT}),
        multiplier=layer.depth_multiplier,
        taps=prod(layer.kernel_size),
        own_reason=_mixed_after(layer),
    )


def _separable(layer: Any, node: Any) -> Layer:
    rank = len(layer.kernel_size)
    return Layer(
        name=layer.name,
        kind=Kind.SEPARABLE,
        weights=_weights(
            layer, depthwise_kernel={rank: IN}, pointwise_kernel={rank: INNER, rank + 1: OUT}, bias={0: OUT}
        ),
        width="filters",
        channels=layer.filters,
        multiplier=layer.depth_multiplier,
        inner_taps=prod(layer.kernel_size),
        own_reason=_mixed_after(layer),
    )


def _dense(layer: Any, node: Any) -> Layer:
    return Layer(
        name=layer.name,
        kind=Kind.MIXING,
        weights=_weights(layer, kernel={0: IN, 1: OUT}, bias={0: OUT}),
        width="units",
        channels=layer.units,
        own_reason=_mixed_after(layer),
    )


def _norm(layer: Any, node: Any) -> Layer:
    rank = node.keras_inputs[0].shape.rank
    if [axis % rank for axis in layer.axis] != [rank - 1]:
        return _opaque(layer, "normalises along another axis than the last")
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    return Layer(
        name=layer.name,
        kind=Kind.CHANNELWISE,
        weights=_weights(layer, **{name: {0: IN} for name in names}),
        scales=layer.gamma is not None,
    )


def _slope(layer: Any, node: Any) -> Layer:
    """Read a PReLU, whose slopes lie along the channels unless they are shared there."""
    last = len(layer.alpha.shape) - 1
    roles = {last: IN} if layer.alpha.shape[last] == node.keras_inputs[0].shape[-1] else {}
    return Layer(
        name=layer.name, kind=Kind.CHANNELWISE, weights=_weights(layer, alpha=roles) if roles else ()
    )


def _activation(layer: Any, node: Any) -> Layer:
    return Layer(name=layer.name, kind=Kind.CHANNELWISE, own_reason=_mixed_after(layer))


def _softmax(layer: Any, node: Any) -> Layer:
    reason = f"the softmax '{layer.name}' reads all channels"
    return Layer(name=layer.name, kind=Kind.CHANNELWISE, own_reason=reason)


def _rescaling(layer: Any, node: Any) -> Layer:
    numbers = all(isinstance(value, int | float) for value in (layer.scale, layer.offset))
    if not numbers:
        return _opaque(layer, "has a number for each channel")
    return Layer(name=layer.name, kind=Kind.CHANNELWISE)


def _concatenation(layer: Any, node: Any) -> Layer:
    rank = node.keras_inputs[0].shape.rank
    return Layer(name=layer.name, kind=Kind.CONCATENATION, axis=layer.axis % rank - 1)


def _reshape(layer: Any, node: Any) -> Layer:
    explicit = type(layer).__name__ == "Reshape" and layer.target_shape and layer.target_shape[-1] != -1
    return Layer(name=layer.name, kind=Kind.RESHAPING, width=RESHAPED if explicit else "")


def _permutation(layer: Any, node: Any) -> Layer:
    if layer.dims[-1] != len(layer.dims):
        return _opaque(layer, "moves channels to another axis")
    return Layer(name=layer.name, kind=Kind.CHANNELWISE)


def _operation(layer: Any, node: Any) -> Layer:
    """Read a function of TensorFlow; one with arrays in its call stays as it is."""
    given = [value for value in node.call_args if not isinstance(value, int | float)]
    named = [name for name, value in node.call_kwargs.items() if value is not None and name != "name"]
    ranks = {
        tensor.shape.rank for tensor in node.keras_inputs
    }  # other than Keras's layers, they align at the end
    tensors = len(given) == len(node.keras_inputs) and not named and len(ranks) == 1
    if layer.symbol in OPERATIONS and tensors:
        kind = Kind.JOINING if len(given) > 1 else Kind.CHANNELWISE
        return Layer(name=layer.name, kind=kind)
    if layer.symbol in FUNCTIONS and tensors and len(node.call_args) == 1:
        return Layer(name=layer.name, kind=Kind.CHANNELWISE)
    return _opaque(layer)


_READERS: Mapping[str, Reader] = {
    **{f"Conv{dimensions}D": _convolution for dimensions in (1, 2, 3)},
    **{f"Conv{dimensions}DTranspose": _convolution for dimensions in (1, 2, 3)},
    **{f"DepthwiseConv{dimensions}D": _depthwise for dimensions in (1, 2)},
    **{f"SeparableConv{dimensions}D": _separable for dimensions in (1, 2)},
    "Dense": _dense,
    "BatchNormalization": _norm,
    "PReLU": _slope,
    "Activation": _activation,
    "Softmax": _softmax,
    "Rescaling": _rescaling,
    "Concatenate": _concatenation,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Permute": _permutation,
    "TFOpLambda": _operation,
}
