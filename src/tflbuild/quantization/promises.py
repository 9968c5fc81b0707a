"""Hold a quantized `.tflite` to what its pass promises, by what is in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.core.errors import BrokenPromise
from tflbuild.quantization.grid import SMALLEST_BOUND
from tflbuild.tflite import bias_scales, flatbuffer, scales
from tflbuild.tflite.flatbuffer import Operator
from tflbuild.tflite.islands import BORDERS, Island
from tflbuild.tflite.weights import Weights, weights_in

ACTIVATIONS = ("float32", "float16", "int8", "int16")
"""Dtypes of activations; tensors of others hold indices, shapes and sizes, or raw bytes at the border."""

RECURRENT = (
    "WHILE",
    "LSTM",
    "RNN",
    "SVDF",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_RNN",
)
"""Operators of recurrent layers, which LiteRT Quantizer has no integer form of: they stay in floats, and are listed."""

ROUNDING = 1e-6
"""Tolerance of a share of zeros, for what it loses when it is written as a decimal number."""


def check_full_integer(path: Path, activations: str, islands: Iterable[Island] = ()) -> list[dict[str, Any]]:
    """Hold a file to compute in integers between its borders, except where it is meant not to.

    Args:
        path: the file.
        activations: "int8" or "int16".
        islands: what may compute in another dtype; each has to be there.

    Returns:
        `operator`, `tensor`, `dtype` and `reason` of each operator that computes in another dtype, in order of
        execution; custom operators that take floats among them.

    Raises:
        BrokenPromise: an operator computes in another dtype, nothing does in integers, or an island is not there;
            names the operator.
    """
    operators, wanted = flatbuffer.operators(path), tuple(islands)
    found = [_island(operator, activations, wanted) for operator in operators]
    if not any(activations in operator.outputs for operator in operators):
        raise BrokenPromise(f"{activations} activations were promised, but no operator gives any.")
    for island in wanted:
        if not any(
            o.name not in BORDERS and island.dtype in o.outputs and island.holds(o.output) for o in operators
        ):
            raise BrokenPromise(
                f"'{island.name}' was to be {island.dtype} ({island.reason}), but no operator of that name computes in "
                f"{island.dtype}."
            )
    scales.check_scales(path)
    return [entry for entry in found if entry is not None]


def recurrent(operators: Iterable[Operator]) -> list[Island]:
    """Give the recurrent layers of a file that compute in floats, as islands of what LiteRT Quantizer made."""
    return [
        Island(name=operator.output, dtype="float32", reason="no integer form")
        for operator in operators
        if operator.name in RECURRENT and _computed(operator) == "float32"
    ]


def check_weights(source: Path, result: Path) -> None:
    """Hold a quantized file to keep its source's weights: some where there are any, and every zero.

    Args:
        source: the file that was quantized; its weights are found again by the names of their tensors.
        result: the quantized file.

    Raises:
        BrokenPromise: a layer lost all its weights, or some of the zeros that pruning gave it; names it.
    """
    before = {weights.name: weights for weights in weights_in(source)}
    for after in weights_in(result):
        wanted = before.get(after.name)
        if wanted is None or wanted.values.shape != after.values.shape:
            continue
        zeros, empty = wanted.values == wanted.zero_point, after.values == after.zero_point
        if np.all(empty) and not np.all(zeros) and not _next_to_nothing(wanted, result):
            raise BrokenPromise(f"all weights of '{after.name}' are zero after quantization.")
        lost = int(np.sum(zeros & ~empty))
        if lost:
            raise BrokenPromise(f"'{after.name}' lost {lost} of {int(zeros.sum())} zeros in quantization.")


def _next_to_nothing(weights: Weights, result: Path) -> bool:
    """Say whether weight decay left float weights so small that a quantizer has no level for them, beside the bias."""
    if weights.dtype != "float32":
        return False
    others = tuple(axis for axis in range(weights.values.ndim) if axis != weights.axis)
    small = np.abs(weights.values).max(axis=others) < SMALLEST_BOUND
    if small.all():
        return True
    filled = bias_scales.filling(result.read_bytes()).get(weights.name)
    return filled is not None and filled.shape == small.shape and bool((small | filled).all())


def check_declared(path: Path, zeros: Mapping[str, float], clusters: Mapping[str, int]) -> None:
    """Hold the weights of a file to the zeros and clusters that earlier passes gave them.

    Args:
        path: the file.
        zeros: share of zeros in 0..1 by kernel, "layer/kernel" as tf_keras names it.
        clusters: distinct values of the output channel that has most of them, likewise.

    Raises:
        BrokenPromise: a layer has fewer zeros, or more distinct values; names it.
    """
    found = weights_in(path)
    for name in zeros.keys() | clusters.keys():
        for weights in (weights for weights in found if weights.layers & _layer_names(name)):
            if weights.sparsity < zeros.get(name, 0.0) - ROUNDING:
                raise BrokenPromise(
                    f"{name} had {zeros[name]:.2%} zeros, but in the file it has {weights.sparsity:.2%}."
                )
            if weights.channel_clusters > clusters.get(name, weights.channel_clusters):
                raise BrokenPromise(
                    f"{name} had at most {clusters[name]} distinct values in an output channel, but in the file it "
                    f"has {weights.channel_clusters}; equalization and learned rounding undo clusters."
                )


def _layer_names(kernel: str) -> set[str]:
    """Give the names that a kernel's layer may have in a file, "layer/kernel" of a fake-quantized one included."""
    layer = kernel.rpartition("/")[0]
    return {layer, f"quant_{layer}"}


def _island(operator: Operator, activations: str, islands: tuple[Island, ...]) -> dict[str, Any] | None:
    """Describe an operator that computes in another dtype; None for one that does as it should."""
    dtypes = {dtype for dtype in (*operator.inputs, *operator.outputs) if dtype in ACTIVATIONS}
    custom = not operator.name.isupper()
    if operator.name in BORDERS:
        return None
    entry = {"operator": operator.name, "tensor": operator.output}
    if custom:
        return {**entry, "dtype": "float32", "reason": "custom operator"} if "float32" in dtypes else None
    computed = _computed(operator)
    if computed in (activations, ""):
        return None
    reasons = [i.reason for i in islands if i.dtype == computed and i.holds(operator.output)]
    if not reasons:
        raise BrokenPromise(
            f"full-integer was promised, but {operator.name} '{operator.output}' computes in {computed}"
            f"{_why(operator.name, activations)}."
        )
    return {**entry, "dtype": computed, "reason": reasons[0]}


def _why(operator: str, activations: str) -> str:
    """Give the reason that an operator is no integer one, where it is none of the model's, and what would work."""
    from tflbuild.quantization import quantizer  # takes a second, and is needed for the message alone

    scheme = "int8" if activations == "int8" else "int16x8"
    schemes = quantizer.integer_schemes(operator)
    if scheme in schemes:
        return ""
    if schemes:
        return f": LiteRT Quantizer has no {scheme} form of {operator}, but one for scheme {schemes[0]}"
    return (
        f": LiteRT Quantizer has no integer form of {operator}; TensorFlow's converter ('convert_quantized') may, and "
        f"schemes dynamic and float16 leave it float"
    )


def _computed(operator: Operator) -> str:
    """Give the dtype that an operator computes in; "" where it is about none, e.g. SHAPE."""
    found = (*operator.outputs, *operator.inputs[:1])
    if "float32" in (*operator.inputs, *operator.outputs):
        return "float32"
    return next((dtype for dtype in found if dtype in ACTIVATIONS), "")
