"""Shapes of a Keras model's tensors, followed from its configuration as far as that is simple."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tflbuild.formats.keras.config import MALFORMED, TOLD, Layer, Place
from tflbuild.formats.keras.ends import PASSING
from tflbuild.formats.keras.front import AUGMENTATION, NOISE

Shape = tuple[int | None, ...]
"""Sides, the batch first; None for one that is open."""

MOST_SIDE = 1 << 24
MOST_PLACES = 20_000

ALIKE = (
    *(kind for kind in PASSING if kind not in ("Reshape", "Flatten", "Permute", "Concatenate")),
    *(kind for kind in AUGMENTATION if kind not in ("RandomCrop", "RandomHeight", "RandomWidth")),
    *NOISE,
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU", "Softmax"),
    *("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization"),
    *("Rescaling", "Normalization"),
)
"""Layers whose output has the shape of their input."""

ALIKE_OPERATIONS = (
    *("softmax", "sigmoid", "relu", "relu6", "tanh", "cast", "identity", "stop_gradient"),
    *("truediv", "divide", "multiply", "subtract", "add"),
)
"""Operations of one tensor that give its shape, whatever number they take besides."""

MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


def shape_of(place: Place) -> Shape | None:
    """Give the shape of a tensor; None where the configuration does not tell, or is none of Keras."""
    known: dict[tuple[str, ...], Shape | None] = {}
    waiting = [place]
    try:
        while waiting:
            given = waiting[-1].given()
            missing = [one for one in given if one.key not in known]
            if missing:
                waiting += missing
            else:
                done = waiting.pop()
                known[done.key] = _checked(_shape(done, [known.get(one.key) for one in given]))
            if len(waiting) + len(known) > MOST_PLACES:
                return None
    except (*MALFORMED, ArithmeticError):
        return None
    return known[place.key]


def _checked(shape: Shape | None) -> Shape | None:
    if shape is None or not all(
        side is None or (type(side) is int and 0 < side <= MOST_SIDE) for side in shape
    ):
        return None
    return shape


def _shape(place: Place, given: Sequence[Shape | None]) -> Shape | None:
    layer, config = place.layer, place.layer.config
    said = config.get("batch_input_shape") or config.get("batch_shape")
    if not place.given() and isinstance(said, list):
        if layer.kind == "InputLayer":
            return tuple(said)
        given = [tuple(said)]  # first in a Sequential model
    if config.get(TOLD):
        return tuple(config[TOLD])
    if layer.kind == "Reshape":
        return _reshaped(config["target_shape"], given[0] if given else None)
    shapes = [shape for shape in given if shape is not None]
    if not shapes or len(shapes) < len(given):
        return (None, None) if _makes_rows(layer) else None
    if layer.kind in ALIKE or layer.operation in ALIKE_OPERATIONS:
        return shapes[0]
    if layer.kind in MERGING:
        return _broadcast(shapes)
    if layer.kind == "Concatenate":
        return _joined(shapes, config.get("axis", -1))
    follow = FOLLOWING.get(layer.kind)
    over_time = layer.wrapped and len(shapes[0]) > 4  # TimeDistributed
    if follow is None or over_time or config.get("data_format") == "channels_first":
        return None
    return follow(config, shapes[0])


def _makes_rows(layer: Layer) -> bool:
    """Say whether a layer gives one row for each sample, whatever it is given."""
    rows = layer.kind == "Flatten" or layer.kind.startswith("Global")
    return rows and not layer.config.get("keepdims") and not layer.wrapped


def _reshaped(target: Any, given: Shape | None) -> Shape | None:
    sides = tuple(target)
    if -1 not in sides:
        return (None, *sides)
    rest = [side for side in given[1:] if side is not None] if given else []
    if given is None or len(rest) < len(given) - 1:
        return (None, *(None if side == -1 else side for side in sides))
    open_side = math.prod(rest) // math.prod(side for side in sides if side != -1)
    return (None, *(open_side if side == -1 else side for side in sides))


def _broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """Give the shape of values that are joined one by one, of which a side of 1 counts for any."""
    sides = []
    for given in zip(*shapes, strict=True):
        others = [side for side in dict.fromkeys(given) if side != 1] or [1]
        if len(others) > 1:
            return None
        sides += others
    return tuple(sides)


def _joined(shapes: Sequence[Shape], axis: int) -> Shape | None:
    first = list(shapes[0])
    sides = [shape[axis] for shape in shapes]
    first[axis] = None if None in sides else sum(side for side in sides if side is not None)
    return tuple(first)


def _dense(config: Mapping[str, Any], given: Shape) -> Shape:
    return (*given[:-1], config["units"])


def _flat(config: Mapping[str, Any], given: Shape) -> Shape:
    """Give the shape behind flattening."""
    sides = [side for side in given[1:] if side is not None]
    return (given[0], math.prod(sides) if len(sides) == len(given) - 1 else None)


def _pooled(config: Mapping[str, Any], given: Shape) -> Shape:
    """Give the shape behind a global pooling."""
    middle = (1,) * (len(given) - 2) if config.get("keepdims") else ()
    return (given[0], *middle, given[-1])


def _window(config: Mapping[str, Any], given: Shape, size: str, strides: Any, channels: int | None) -> Shape:
    """Give the shape behind a window that slides over all axes but the first and the last."""
    count = len(given) - 2
    sizes, steps = _each(config[size], count), _each(strides, count)
    dilations = _each(config.get("dilation_rate", 1), count) if size == "kernel_size" else (1,) * count
    sides = []
    for side, width, step, dilation in zip(given[1:-1], sizes, steps, dilations, strict=True):
        reach = 0 if config.get("padding") in ("same", "causal") else (width - 1) * dilation
        sides.append(None if side is None else -(-(side - reach) // step))
    return (given[0], *sides, channels)


def _convolved(config: Mapping[str, Any], given: Shape) -> Shape:
    return _window(config, given, "kernel_size", config.get("strides", 1), config["filters"])


def _depthwise(config: Mapping[str, Any], given: Shape) -> Shape:
    channels = None if given[-1] is None else given[-1] * config.get("depth_multiplier", 1)
    return _window(config, given, "kernel_size", config.get("strides", 1), channels)


def _slid(config: Mapping[str, Any], given: Shape) -> Shape:
    """Give the shape behind a pooling."""
    return _window(config, given, "pool_size", config.get("strides") or config["pool_size"], given[-1])


def _padded(config: Mapping[str, Any], given: Shape) -> Shape:
    """Give the shape behind padding of height and width."""
    padding = config["padding"]
    more = [sum(_each(one, 2)) for one in _each(padding, 2)]
    sides = (None if side is None else side + extra for side, extra in zip(given[1:3], more, strict=True))
    return (given[0], *sides, given[3])


def _recurrent(config: Mapping[str, Any], given: Shape) -> Shape:
    return (*given[:2], config["units"]) if config.get("return_sequences") else (given[0], config["units"])


def _each(value: Any, count: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,) * count


def _alike(follow: Follow, *kinds: str) -> dict[str, Follow]:
    return dict.fromkeys(kinds, follow)


Follow = Callable[[Mapping[str, Any], Shape], Shape | None]

FOLLOWING: Mapping[str, Follow] = {
    "Dense": _dense,
    "Flatten": _flat,
    **_alike(
        _pooled,
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
    ),
    **_alike(_convolved, "Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D"),
    **_alike(_depthwise, "DepthwiseConv1D", "DepthwiseConv2D"),
    **_alike(_slid, "MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"),
    "ZeroPadding2D": _padded,
    **_alike(_recurrent, "LSTM", "GRU", "SimpleRNN"),
}
"""Layers by kind, with what gives the shape of their output by their options and the shape of their input."""
