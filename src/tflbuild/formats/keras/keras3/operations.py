"""Operations of Keras 3 on tensors (`keras.ops`, `x + y`) as layers and operations that tf_keras has."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tflbuild.formats.keras.keras3.activations import ALIKE, AS_LAYERS, Step, operation
from tflbuild.formats.keras.keras3.calls import Call, Tensor
from tflbuild.formats.keras.keras3.refusal import refused


class Operated(NamedTuple):
    """The layers that compute an operation.

    Attributes:
        reads: the tensors that the first one reads; none where a number comes first.
        steps: the layers, each reading the one before.
    """

    reads: tuple[Tensor, ...]
    steps: tuple[Step, ...]


class Given(NamedTuple):
    """An operation as the file has it.

    Attributes:
        name: of its layer.
        kind: its class.
        config: its options.
        call: what it is called with.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    call: Call

    def tensor(self) -> Tensor:
        """Give the one tensor that it reads."""
        found = self.call.tensors()
        if len(found) != 1 or self.call.args != (found[0],) or self.call.kwargs:
            raise self.other(f"of {len(found)} tensors and other values")
        return found[0]

    def own_axis(self, rank: int | None) -> int:
        """Give the axis that it works along, where that is not the axis of the samples."""
        axis = self.config.get("axis", 0)
        if type(axis) is not int or axis == 0 or rank is None or axis <= -rank:
            raise self.other(f"along axis {axis}")
        return axis

    def other(self, how: str) -> Exception:
        """Give the exception that refuses it."""
        return refused(self.name, f"is the operation {self.kind} of Keras 3 {how}, which is not translated")

    def check_plain(self, *known: str, **fixed: Any) -> None:
        """Refuse options that are not known, or are not as they must be."""
        for key, value in self.config.items():
            if key in ("name", "dtype", *known) or value is None or value is False:
                continue
            if key not in fixed or value != fixed[key]:
                raise self.other(f"with {key}={value}")


def operated(name: str, kind: str, config: Mapping[str, Any], call: Call) -> Operated:
    """Give the layers that compute an operation.

    Raises:
        Unwanted: there are none.
    """
    given = Given(name, kind, config, call)
    if kind in BINARY:
        return _binary(given)
    if kind in PLAIN:
        given.check_plain()
        return Operated((given.tensor(),), PLAIN[kind])
    if kind in OTHERS:
        return OTHERS[kind](given)
    raise refused(
        name, f"is the operation {kind} of Keras 3, which has no equal among the layers of tf_keras"
    )


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


def _reshaped(given: Given) -> Operated:
    """Reshape each sample, where the first side is that of the batch."""
    given.check_plain("newshape")
    tensor, wanted = given.tensor(), given.config.get("newshape")
    sides = tensor.shape[1:] if tensor.shape else (None,)
    target = wanted[1:] if isinstance(wanted, list) and wanted and wanted[0] in (-1, None) else None
    open_sides = target is None or any(type(side) is not int or side < 1 for side in target)
    if open_sides or None in sides or math.prod(sides) != math.prod(target):  # type: ignore[arg-type]
        raise given.other(f"to {wanted}, which may mix samples")
    return Operated((tensor,), (Step("Reshape", {"target_shape": target}),))


def _transposed(given: Given) -> Operated:
    given.check_plain("axes")
    axes = given.config.get("axes")
    if not isinstance(axes, list) or not axes or axes[0] != 0:
        raise given.other(f"to {axes}, which mixes samples")
    return Operated((given.tensor(),), (Step("Permute", {"dims": axes[1:]}),))


def _joined(given: Given) -> Operated:
    given.check_plain("axis")
    tensors = given.call.tensors()
    if not tensors or given.call.args != (tensors,):
        raise given.other("of other values than tensors")
    axis = given.own_axis(tensors[0].rank)
    return Operated(tuple(tensors), (Step("Concatenate", {"axis": axis}),))


def _clipped(given: Given) -> Operated:
    given.check_plain("x_min", "x_max")
    bounds = {"clip_value_min": given.config["x_min"], "clip_value_max": given.config["x_max"]}
    if not all(_is_numbers(value) for value in bounds.values()):
        raise given.other("by other values than numbers")
    return Operated((given.tensor(),), (operation("clip_by_value", **bounds),))


def _softmax(given: Given) -> Operated:
    given.check_plain("axis", axis=-1)
    return Operated((given.tensor(),), (Step("Activation", {"activation": "softmax"}),))


def _leaky(given: Given) -> Operated:
    given.check_plain("negative_slope")
    return Operated((given.tensor(),), (Step("LeakyReLU", {"alpha": given.config["negative_slope"]}),))


def _gelu(given: Given) -> Operated:
    given.check_plain("approximate", approximate=True)
    approximate = bool(given.config.get("approximate", True))
    return Operated((given.tensor(),), (operation("nn.gelu", approximate=approximate),))


def _expanded(given: Given) -> Operated:
    given.check_plain("axis")
    tensor = given.tensor()
    axis = given.own_axis(tensor.rank and tensor.rank + 1)
    return Operated((tensor,), (operation("expand_dims", axis=axis),))


OTHERS: Mapping[str, Callable[[Given], Operated]] = {
    "Mean": _reduced("math.reduce_mean", "GlobalAveragePooling2D"),
    "Max": _reduced("math.reduce_max", "GlobalMaxPooling2D"),
    "Sum": _reduced("math.reduce_sum", ""),
    "Min": _reduced("math.reduce_min", ""),
    "Reshape": _reshaped,
    "Transpose": _transposed,
    "Concatenate": _joined,
    "Clip": _clipped,
    "Softmax": _softmax,
    "LeakyRelu": _leaky,
    "Gelu": _gelu,
    "ExpandDims": _expanded,
}
"""Operations with options."""

KINDS = frozenset((*BINARY, *PLAIN, *OTHERS))
"""Operations that are translated, by class."""
