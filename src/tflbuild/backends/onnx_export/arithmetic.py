"""Operators that work on each number, or on rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflbuild.backends.onnx_export.activations import activated, clipped
from tflbuild.backends.onnx_export.translation import Translation
from tflbuild.core.errors import PassError


def binary(kind: str) -> Any:
    """Give the function that writes an operator on two tensors, e.g. "Add"."""

    def write(made: Translation, operator: Any) -> None:
        first = _first(made, operator)
        names = [made.read(index, first=first) for index in operator.inputs]
        wish = f"{made.graph.name(operator.outputs[0])}_{kind.lower()}"
        name = made.writer.add(kind, names, wish)
        fused = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
        made.give(operator.outputs[0], activated(made, name, fused, operator.outputs[0]), first=first)

    return write


def _first(made: Translation, operator: Any) -> bool:
    """Say whether an operator is written on channels first: where one tensor has them so, and all others can."""
    computed = [int(index) for index in operator.inputs if made.constant(index) is None]
    fit = all(len(made.shape(index)) == 4 for index in computed)
    return fit and any(made.values[index].first for index in computed)


def unary(kind: str, **attributes: Any) -> Any:
    """Give the function that writes an operator on each number, e.g. "Sigmoid"."""

    def write(made: Translation, operator: Any) -> None:
        first = _first(made, operator)
        wish = f"{made.graph.name(operator.outputs[0])}_{kind.lower()}"
        name = made.writer.add(kind, [made.read(operator.inputs[0], first=first)], wish, **attributes)
        made.give(operator.outputs[0], name, first=first)

    return write


def clip(low: float, high: float) -> Any:
    """Give the function that writes RELU6, or RELU_N1_TO_1."""

    def write(made: Translation, operator: Any) -> None:
        first = _first(made, operator)
        name = clipped(made, made.read(operator.inputs[0], first=first), low, high)
        made.give(operator.outputs[0], name, first=first)

    return write


def prelu(made: Translation, operator: Any) -> None:
    """Write PRELU."""
    binary("PRelu")(made, operator)


def gelu(made: Translation, operator: Any) -> None:
    """Write GELU, exact or by a tanh."""
    unary("Gelu", approximate="tanh" if operator.builtinOptions.approximate else "none")(made, operator)


def chained(*kinds: str) -> Any:
    """Give the function that writes operators on each number, one after the other, e.g. "Sqrt" and "Reciprocal"."""

    def write(made: Translation, operator: Any) -> None:
        first = _first(made, operator)
        name, wish = made.read(operator.inputs[0], first=first), made.graph.name(operator.outputs[0])
        for kind in kinds:
            name = made.writer.add(kind, [name], f"{wish}_{kind.lower()}")
        made.give(operator.outputs[0], name, first=first)

    return write


def squared(made: Translation, operator: Any) -> None:
    """Write SQUARE, or SQUARED_DIFFERENCE."""
    first = _first(made, operator)
    names, wish = [made.read(i, first=first) for i in operator.inputs], made.graph.name(operator.outputs[0])
    name = made.writer.add("Sub", names, f"{wish}_difference") if len(names) > 1 else names[0]
    made.give(operator.outputs[0], made.writer.add("Mul", [name, name], f"{wish}_squared"), first=first)


def leaky(made: Translation, operator: Any) -> None:
    """Write LEAKY_RELU."""
    unary("LeakyRelu", alpha=float(operator.builtinOptions.alpha))(made, operator)


def softmax(made: Translation, operator: Any) -> None:
    """Write SOFTMAX, over the last axis."""
    if abs(operator.builtinOptions.beta - 1) > 1e-6:
        raise PassError(f"a softmax with beta {operator.builtinOptions.beta:g} has no form in ONNX.")
    unary_last("Softmax", axis=-1)(made, operator)


def unary_last(kind: str, **attributes: Any) -> Any:
    """Give the function that writes an operator along the last axis."""

    def write(made: Translation, operator: Any) -> None:
        wish = f"{made.graph.name(operator.outputs[0])}_{kind.lower()}"
        name = made.writer.add(kind, [made.read(operator.inputs[0])], wish, **attributes)
        made.give(operator.outputs[0], name)

    return write


def mean(made: Translation, operator: Any) -> None:
    """Write MEAN; over height and width it is GlobalAveragePool, of which there is an integer form."""
    shape = made.shape(operator.inputs[0])
    axes = sorted({int(axis) % len(shape) for axis in np.ravel(made.numbers(operator.inputs[1]))})
    wish = f"{made.graph.name(operator.outputs[0])}_mean"
    if len(shape) == 4 and axes == [1, 2]:
        name = made.writer.add("GlobalAveragePool", [made.read(operator.inputs[0], first=True)], wish)
        if operator.builtinOptions.keepDims:
            made.give(operator.outputs[0], name, first=True)
            return
        flat = made.writer.constant(np.array(made.shape(operator.outputs[0]), np.int64))
        made.give(operator.outputs[0], made.writer.add("Reshape", [name, flat], wish))
        return
    kept = int(bool(operator.builtinOptions.keepDims))
    given = [made.read(operator.inputs[0]), made.writer.constant(np.array(axes, np.int64), "axes")]
    made.give(operator.outputs[0], made.writer.add("ReduceMean", given, wish, keepdims=kept))
