"""Operations of Keras 3 on tensors (`keras.ops`, `x + y`) as layers and operations that tf_keras has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tflbuild.formats.keras.keras3.activations import ALIKE, AS_LAYERS, Step, operation
from tflbuild.formats.keras.keras3.calls import Call, Tensor
from tflbuild.formats.keras.keras3.given import Given, Operated
from tflbuild.formats.keras.keras3.refusal import no_equal
from tflbuild.formats.keras.keras3.shaping import SHAPING


def operated(name: str, kind: str, config: Mapping[str, Any], call: Call) -> Operated:
    """Give the layers that compute an operation.

    Raises:
        NoEqual: there are none.
    """
    given = Given(name, kind, config, call)
    if kind in BINARY:
        return _binary(given)
    if kind in PLAIN:
        given.check_plain()
        return Operated((given.tensor(),), PLAIN[kind])
    if kind in OTHERS:
        return OTHERS[kind](given)
    raise no_equal(name, f"is the operation {kind} of Keras 3, which has no equivalent layer in tf_keras")


def _binary(given: Given) -> Operated:
    """Join two tensors, or a tensor and numbers; tensors of one rank by a layer, where there is one."""
    given.check_plain()
    function, layer = BINARY[given.kind]
    values = [*given.call.args, *given.call.kwargs.values()]
    if len(values) != 2:
        raise given.other(f"of {len(values)} values")
    first, second = values
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        if layer and first.rank is not None and first.rank == second.rank:
            return Operated((first, second), (Step(layer, {}),))
        return Operated((first,), (operation(function, y=second),))
    if isinstance(first, Tensor) and _is_numbers(second):
        return Operated((first,), (operation(function, y=second),))
    if isinstance(second, Tensor) and _is_numbers(first):
        return Operated((), (operation(function, constant=first, y=second),))
    raise given.other("of such values")


def _is_numbers(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_numbers(one) for one in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


BINARY: Mapping[str, tuple[str, str]] = {
    "Add": ("__operators__.add", "Add"),
    "Subtract": ("math.subtract", "Subtract"),
    "Multiply": ("math.multiply", "Multiply"),
    "Divide": ("math.truediv", ""),
    "TrueDivide": ("math.truediv", ""),
    "Maximum": ("math.maximum", "Maximum"),
    "Minimum": ("math.minimum", "Minimum"),
    "Power": ("math.pow", ""),
}
"""Operations of two values: TensorFlow's function, and the layer that joins tensors of one rank so; "" for none."""

PLAIN: Mapping[str, tuple[Step, ...]] = {
    "Relu": (Step("ReLU", {}),),
    "Sigmoid": (Step("Activation", {"activation": "sigmoid"}),),
    "Tanh": (Step("Activation", {"activation": "tanh"}),),
    "Silu": (Step("Activation", {"activation": ALIKE["silu"]}),),
    "Selu": (Step("Activation", {"activation": "selu"}),),
    "Softplus": (Step("Activation", {"activation": "softplus"}),),
    "Softsign": (Step("Activation", {"activation": "softsign"}),),
    "Relu6": AS_LAYERS["relu6"],
    "HardSigmoid": AS_LAYERS["hard_sigmoid"],
    "HardSilu": AS_LAYERS["hard_silu"],
    "LogSigmoid": AS_LAYERS["log_sigmoid"],
    "HardTanh": AS_LAYERS["hard_tanh"],
    "Exp": (operation("math.exp"),),
    "Log": (operation("math.log"),),
    "Sqrt": (operation("math.sqrt"),),
    "Rsqrt": (operation("math.rsqrt"),),
    "Square": (operation("math.square"),),
    "Absolute": (operation("math.abs"),),
    "Abs": (operation("math.abs"),),
    "Negative": (operation("math.negative"),),
}
"""Operations of one tensor without options."""


def _reduced(function: str, layer: str) -> Callable[[Given], Operated]:
    """Give what translates a reduction; over height and width of pictures it is a layer."""

    def made(given: Given) -> Operated:
        given.check_plain("axis", "keepdims")
        tensor, axes, keep = given.tensor(), given.config.get("axis"), bool(given.config.get("keepdims"))
        axes = [axes] if type(axes) is int else axes
        rank = tensor.rank or 0
        if not isinstance(axes, list) or not rank or any(type(axis) is not int for axis in axes):
            raise given.other("over all axes")
        axes = sorted(axis % rank for axis in axes)
        if 0 in axes:
            raise given.other("over the samples of a batch")
        if layer and rank == 4 and axes == [1, 2]:
            return Operated((tensor,), (Step(layer, {"keepdims": keep}),))
        return Operated((tensor,), (operation(function, axis=axes, keepdims=keep),))

    return made


def _clipped(given: Given) -> Operated:
    given.check_plain("x_min", "x_max")
    bounds = {"clip_value_min": given.config["x_min"], "clip_value_max": given.config["x_max"]}
    if not all(_is_numbers(value) for value in bounds.values()):
        raise given.other("by other values than numbers")
    return Operated((given.tensor(),), (operation("clip_by_value", **bounds),))


def _softmax(given: Given) -> Operated:
    given.check_plain("axis")
    tensor = given.tensor()
    if given.config.get("axis", -1) == -1:
        return Operated((tensor,), (Step("Activation", {"activation": "softmax"}),))
    return Operated((tensor,), (Step("Softmax", {"axis": given.own_axis(tensor.rank)}),))


def _leaky(given: Given) -> Operated:
    given.check_plain("negative_slope")
    return Operated((given.tensor(),), (Step("LeakyReLU", {"alpha": given.config["negative_slope"]}),))


def _elu(given: Given) -> Operated:
    given.check_plain("alpha")
    return Operated((given.tensor(),), (Step("ELU", {"alpha": given.config.get("alpha", 1.0)}),))


def _gelu(given: Given) -> Operated:
    given.check_plain("approximate")
    approximate = bool(given.config.get("approximate", True))
    return Operated((given.tensor(),), (operation("nn.gelu", approximate=approximate),))


OTHERS: Mapping[str, Callable[[Given], Operated]] = {
    **SHAPING,
    "Elu": _elu,
    "Mean": _reduced("math.reduce_mean", "GlobalAveragePooling2D"),
    "Max": _reduced("math.reduce_max", "GlobalMaxPooling2D"),
    "Sum": _reduced("math.reduce_sum", ""),
    "Min": _reduced("math.reduce_min", ""),
    "Clip": _clipped,
    "Softmax": _softmax,
    "LeakyRelu": _leaky,
    "Gelu": _gelu,
}
"""Operations with options."""

KINDS = frozenset((*BINARY, *PLAIN, *OTHERS))
"""Operations that are translated, by class."""
