"""Scales and zero points of a quantized file: hold each to what the format and its arithmetic ask of it.

References:
    LiteRT 8-bit quantization specification (ai.google.dev/edge/litert/models/quantization_spec): symmetric weights,
    the axis of channels by operator, a bias's scale as a product, int16 activations around zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.errors import BrokenPromise
from tflbuild.tflite import bias_scales, flatbuffer
from tflbuild.tflite.bias_scales import PRODUCT_TOLERANCE
from tflbuild.tflite.flatbuffer import DTYPES, MOVING, WEIGHTED, given_place
from tflbuild.tflite.graph import Graph

NARROWEST = 2e-6
"""Width of an activation's range below which nothing was ever measured for it."""

WIDEST = 1e9
"""Width of an activation's range above which its values ran away."""

LEVELS = {
    "int4": (-8, 7),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
"""Smallest and largest value of the dtypes that a scale may belong to."""

RATIOED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
"""Operators whose sums are brought to the scale of their output."""

LARGEST_RATIO = 256.0
"""Ratio of scales from which XNNPACK refuses an operator, whatever its channel holds; there is no smallest one."""

SYMMETRIC = ("int16", "int32", "int64")
"""Dtypes whose zero point is 0 in every kernel: int16 activations and biases."""

MOST_NAMED = 3
"""Faults that an error spells out at most."""


def check_scales(path: Path) -> None:
    """Hold every scale and zero point of a file to be right.

    Raises:
        BrokenPromise: one is not; names the tensors and says what is wrong with each.
    """
    check_unpacked(flatbuffer.load(path))


def check_unpacked(model: Any) -> None:
    """Hold every scale and zero point of an unpacked file to be right.

    Raises:
        BrokenPromise: as `check_scales`.
    """
    found = list(faults(model))
    if found:
        rest = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise BrokenPromise("; ".join(found[:MOST_NAMED]) + rest + ".")


def faults(model: Any) -> Iterator[str]:
    """Say what is wrong with the scales and zero points of an unpacked file, tensor by tensor.

    Of tensors: a scale that is not finite, not positive, or of a size that no range has; a zero point outside the
    dtype, so that 0 has no value; one scale too few or too many for its channels; constants that are not finite.
    Of operators: weights that are not symmetric or have their channels on another axis; a bias whose scale is not
    the product of input and weights, or whose values do not fit; a copy between different scales.
    """
    graph = Graph(model)
    for index, tensor in enumerate(graph.tensors):
        yield from (f"tensor '{graph.name(index)}' {fault}" for fault in _of_tensor(graph, index, tensor))
    for operator in graph.operators:
        kind = graph.kind(operator)
        if kind in WEIGHTED:
            yield from _of_weights(graph, operator, kind)
        if kind in MOVING:
            yield from _of_move(graph, operator, kind)
    for name in bias_scales.saturated(model):
        yield f"the bias '{name}' does not hold its values: it is cut off at 2^31"


def scales_of(tensor: Any) -> npt.NDArray[np.float32]:
    """Give a tensor's scales, one or one a channel; empty where it has none."""
    quantization = tensor.quantization
    found = None if quantization is None else quantization.scale
    return np.zeros(0, np.float32) if found is None else np.asarray(found, np.float32)


def zero_points_of(tensor: Any) -> npt.NDArray[np.int64]:
    """Give a tensor's zero points; one 0 where it names none."""
    quantization = tensor.quantization
    found = None if quantization is None else quantization.zeroPoint
    return np.zeros(1, np.int64) if found is None or not len(found) else np.asarray(found, np.int64)


def beyond_xnnpack(model: Any) -> Iterator[str]:
    """Name the int8 layers of an unpacked file that XNNPACK refuses: what it multiplies sums by is too large.

    The whole file is then refused when it is loaded, with words that name no layer.
    """
    graph = Graph(model)
    for operator in graph.operators:
        ratio = _ratio(graph, operator) if graph.kind(operator) in RATIOED else 0.0
        if ratio >= LARGEST_RATIO:
            yield (
                f"{graph.kind(operator)} '{graph.name(int(operator.outputs[0]))}' has scales of input and weights that "
                f"are {ratio:.3g} times that of its output, and XNNPACK takes less than {LARGEST_RATIO:g}"
            )


def _ratio(graph: Graph, operator: Any) -> float:
    """Give the largest ratio of the scale of an operator's sums to that of its output; 0 where it is not int8."""
    tensors = [graph.tensors[int(index)] for index in (*operator.inputs[:2], operator.outputs[0])]
    found = [scales_of(tensor).astype(np.float64) for tensor in tensors]
    if any(DTYPES[tensor.type] != "int8" for tensor in tensors) or not all(map(len, found)):
        return 0.0
    sums, output = found[0][0] * found[1].max(), found[2][0]
    return float(sums / output) if output > 0 else 0.0


def _of_tensor(graph: Graph, index: int, tensor: Any) -> Iterator[str]:
    scales, dtype = scales_of(tensor), DTYPES[tensor.type]
    constant = graph.constant(index)
    if constant is not None and constant.dtype.kind == "f" and not np.all(np.isfinite(constant)):
        yield "holds values that are not finite"
    maker = graph.maker(index)
    if dtype in ("int8", "int16") and maker is not None and not len(scales) and graph.kind(maker) != "CAST":
        yield f"is {dtype} but has no scale"
    if not len(scales) or dtype not in LEVELS:
        return
    yield from _of_size(scales, dtype, constant is not None)
    yield from _of_zero(scales, zero_points_of(tensor), dtype)
    if len(scales) > 1:
        axis = int(tensor.quantization.quantizedDimension)
        channels = int(tensor.shape[axis]) if axis < len(tensor.shape) else 0
        if len(scales) != channels:
            yield f"has {len(scales)} scales for {channels} channels along axis {axis}"


def _of_size(scales: npt.NDArray[np.float32], dtype: str, constant: bool) -> Iterator[str]:
    least, most = LEVELS[dtype]
    width = float(scales.max()) * (most - least)
    if not np.all(np.isfinite(scales)):
        yield "has a degenerate scale: it is not finite"
    elif np.any(scales < np.finfo(np.float32).tiny):
        yield f"has a degenerate scale {scales.min():.3g}: it is not a positive normal number"
    elif not constant and width < NARROWEST:
        yield f"has a degenerate scale {scales.max():.3g}: its range was never measured, or it is constant zero"
    elif not constant and width > WIDEST:
        yield f"has a degenerate scale {scales.max():.3g}: its values ran away"


def _of_zero(
    scales: npt.NDArray[np.float32], zero_points: npt.NDArray[np.int64], dtype: str
) -> Iterator[str]:
    least, most = LEVELS[dtype]
    outside = (zero_points < least) | (zero_points > most)
    if len(zero_points) not in (1, len(scales)):
        yield f"has {len(zero_points)} zero points for {len(scales)} scales"
    elif np.any(outside):
        worst = int(np.flatnonzero(outside)[0])
        zero, scale = int(zero_points[worst]), float(scales[min(worst, len(scales) - 1)])
        low, high = (least - zero) * scale, (most - zero) * scale
        yield (
            f"has the range {low:.6g} to {high:.6g}, which does not include zero: its zero point {zero} is no {dtype}"
        )
    elif dtype in SYMMETRIC and np.any(zero_points):
        yield f"has the zero point {int(zero_points[np.flatnonzero(zero_points)[0]])}, but {dtype} is symmetric"


def _of_weights(graph: Graph, operator: Any, kind: str) -> Iterator[str]:
    """Hold the weights and the bias of an operator to its arithmetic."""
    weights = graph.tensors[operator.inputs[1]]
    name, scales = graph.name(operator.inputs[1]), scales_of(weights)
    if not len(scales) or DTYPES[weights.type] not in ("int8", "int4"):
        return
    if np.any(zero_points_of(weights)):
        yield f"the weights '{name}' have a zero point other than 0, but weights are symmetric"
    axis, wanted = int(weights.quantization.quantizedDimension), channel_axis(kind)
    if len(scales) > 1 and axis != wanted:
        yield f"the weights '{name}' have their scales along axis {axis}, but {kind} has its channels along {wanted}"
    yield from _of_bias(graph, operator, kind, scales)


def channel_axis(kind: str) -> int:
    """Give the axis of output channels of an operator's weights."""
    return 3 if kind == "DEPTHWISE_CONV_2D" else 0


def wrong_biases(graph: Graph) -> list[str]:
    """Say of which layers the bias has another scale than its kernel takes it in."""
    weighted = [operator for operator in graph.operators if graph.kind(operator) in WEIGHTED]
    return [
        fault
        for operator in weighted
        for fault in _of_bias(
            graph, operator, graph.kind(operator), scales_of(graph.tensors[operator.inputs[1]])
        )
    ]


def _of_bias(graph: Graph, operator: Any, kind: str, weights: npt.NDArray[np.float32]) -> Iterator[str]:
    index = graph.bias(operator)
    if index < 0:
        return
    found, inputs = (
        scales_of(graph.tensors[index]),
        scales_of(graph.tensors[operator.inputs[given_place(kind)]]),
    )
    values = graph.constant(index)
    if not len(found) or len(inputs) != 1 or (values is not None and not np.any(values)):
        return  # operators share a bias of zeros, which are zeros in any scale
    wanted = weights.astype(np.float64) * float(inputs[0])
    if len(found) not in (1, len(wanted)):
        yield f"the bias '{graph.name(index)}' has {len(found)} scales for {len(wanted)} of the weights"
    elif np.all(np.isfinite(wanted)) and not np.allclose(found, wanted, rtol=PRODUCT_TOLERANCE, atol=0):
        worst = int(np.argmax(np.abs(found - wanted)))
        yield (
            f"the bias '{graph.name(index)}' has the scale {np.broadcast_to(found, wanted.shape)[worst]:.6g}, not "
            f"{wanted[worst]:.6g}, that of its input times that of its weights"
        )


def _of_move(graph: Graph, operator: Any, kind: str) -> Iterator[str]:
    """Hold an operator that copies values to copy between equal scales: none of these kernels looks."""
    output = int(operator.outputs[0])
    after = _grid(graph, output)
    for index in operator.inputs:
        before = _grid(graph, int(index)) if index >= 0 else None
        if before is None or after is None or kind == "CONCATENATION":  # which rescales
            continue
        if before[1] != after[1] or not np.isclose(before[0], after[0], rtol=1e-5, atol=0):
            yield (
                f"{kind} '{graph.name(output)}' copies values of scale {before[0]:.6g} and zero point {before[1]} "
                f"to scale {after[0]:.6g} and zero point {after[1]}"
            )


def _grid(graph: Graph, index: int) -> tuple[float, int] | None:
    """Give scale and zero point of an int8 or int16 tensor."""
    tensor = graph.tensors[index]
    scales = scales_of(tensor)
    if DTYPES[tensor.type] not in ("int8", "int16", "uint8") or len(scales) != 1:
        return None
    return float(scales[0]), int(zero_points_of(tensor)[0])
