"""Compute in NumPy what ONNX describes: its operators of opset 21, without its package."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tflbuild.core.protobuf import Message
from tflbuild.formats.onnx import graph as onnx_graph

Array = np.ndarray[Any, Any]
DTYPES: Mapping[int, Any] = {1: np.float32, 2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64}
"""By their number in TensorProto."""

FLOAT, INT, TEXT, INTS = 1, 2, 3, 7
"""Kinds of attributes, by their number in AttributeProto."""


def run(content: bytes, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Give the outputs of a file by name; an operator or an attribute that is not known is an error."""
    read = onnx_graph.read(content)
    assert read.opset == 21
    known = {name: constant(one) for name, one in read.constants.items()}
    for name, spec in read.inputs.items():
        assert spec is not None
        assert (inputs[name].shape, inputs[name].dtype.name) == (spec.shape, spec.dtype)
        known[name] = inputs[name]
    for node in read.nodes:
        given = [known[name] if name else None for name in node.inputs]
        (output,) = node.outputs
        attributes = {one.text(1): attribute(one) for one in node.message.messages(5)}
        assert output not in known
        known[output] = OPERATORS[node.kind](*given, **attributes)
    for name, spec in read.outputs.items():
        assert spec is not None
        assert (known[name].shape, known[name].dtype.name) == (spec.shape, spec.dtype)
    return {name: known[name] for name in read.outputs}


def constant(tensor: Message) -> Array:
    """Read a TensorProto with raw_data."""
    return np.frombuffer(bytes(tensor.span(9)), DTYPES[tensor.number(2)]).reshape(tensor.numbers(1))


def attribute(one: Message) -> Any:
    """Read an AttributeProto."""
    kind = one.number(20)
    if kind == FLOAT:
        return one.floats(2)[0]
    if kind == INT:
        return one.signed(3)
    assert kind in (TEXT, INTS)
    return one.text(4) if kind == TEXT else one.numbers(8)


def windows(x: Array, sides: Any, strides: Any, dilations: Any) -> Array:
    """Give (batch, channels, rows, columns, height, width): what a kernel sees at each place."""
    reach = [(side - 1) * apart + 1 for side, apart in zip(sides, dilations, strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(2, 3))
    return seen[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]


def padded(x: Array, pads: Any, value: float) -> Array:
    """Pad height and width by (top, left, bottom, right)."""
    return np.pad(
        x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), "constant", constant_values=value
    )


def conv(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    kernel_shape: Any,
    strides: Any,
    dilations: Any,
    group: int,
    pads: Any,
) -> Array:
    assert w.shape[2:] == kernel_shape
    seen = windows(padded(x, pads, 0), kernel_shape, strides, dilations)
    made = [
        np.einsum("ncyxhw,ochw->noyx", part, kernel)
        for part, kernel in zip(np.split(seen, group, 1), np.split(w, group, 0), strict=True)
    ]
    found = np.concatenate(made, 1)
    return found if b is None else found + b[:, None, None]


def pooled(how: Any, nothing: float) -> Callable[..., Array]:
    def pool(
        x: Array, *, kernel_shape: Any, strides: Any, pads: Any, count_include_pad: int | None = None
    ) -> Array:
        assert (count_include_pad == 0) == (how is np.nanmean)
        seen = windows(padded(x, pads, nothing), kernel_shape, strides, (1, 1))
        return np.asarray(how(seen, axis=(4, 5)), np.float32)

    return pool


def resize(
    x: Array,
    roi: None,
    scales: None,
    sizes: Array,
    *,
    mode: str,
    coordinate_transformation_mode: str,
    nearest_mode: str = "",
) -> Array:
    assert tuple(sizes[:2]) == x.shape[:2]
    for axis in (2, 3):
        old, new = x.shape[axis], int(sizes[axis])
        place: Array = {
            "asymmetric": lambda at, a=old, b=new: at * a / b,
            "half_pixel": lambda at, a=old, b=new: (at + 0.5) * a / b - 0.5,
            "align_corners": lambda at, a=old, b=new: at * (a - 1) / (b - 1),
        }[coordinate_transformation_mode](np.arange(new))
        if mode == "nearest":
            nearest = {"floor": np.floor(place), "round_prefer_ceil": np.floor(place + 0.5)}[nearest_mode]
            x = np.take(x, np.clip(nearest, 0, old - 1).astype(int), axis)
            continue
        assert mode == "linear"
        low = np.floor(place)
        share = (place - low).reshape([-1 if k == axis else 1 for k in range(4)])
        first, last = (np.take(x, np.clip(low + k, 0, old - 1).astype(int), axis) for k in (0, 1))
        x = first * (1 - share) + last * share
    return x.astype(np.float32)


def pad(x: Array, pads: Array, value: Array | None = None, *, mode: str = "constant") -> Array:
    sides = list(zip(pads[: x.ndim], pads[x.ndim :], strict=True))
    if mode == "reflect":
        assert value is None
        return np.pad(x, sides, "reflect")
    assert mode == "constant"
    return np.pad(x, sides, constant_values=0 if value is None else float(value))


def cut(x: Array, starts: Array, ends: Array, axes: Array, steps: Array) -> Array:
    places = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        side = x.shape[axis]
        start, end = (int(one) + side if one < 0 else int(one) for one in (start, end))
        if step > 0:
            places[axis] = slice(np.clip(start, 0, side), np.clip(end, 0, side), int(step))
        else:
            start, end = int(np.clip(start, 0, side - 1)), int(np.clip(end, -1, side - 1))
            places[axis] = slice(start, None if end < 0 else end, int(step))
    return x[tuple(places)]


def softmax(x: Array, *, axis: int) -> Array:
    shares = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(shares / shares.sum(axis=axis, keepdims=True))


def by_axis(values: Array, like: Array, axis: int) -> Array:
    return values if values.ndim == 0 else values.reshape([-1 if k == axis else 1 for k in range(like.ndim)])


def quantize(x: Array, scale: Array, zero: Array) -> Array:
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(x / scale) + int(zero), limits.min, limits.max).astype(zero.dtype)


def dequantize(x: Array, scale: Array, zero: Array, *, axis: int = 1) -> Array:
    assert (x.dtype, scale.shape, scale.dtype) == (zero.dtype, zero.shape, np.float32)
    assert scale.shape == () or scale.shape == (x.shape[axis],), "one for all, or one a place of the axis"
    codes = x.astype(np.int64) - by_axis(zero.astype(np.int64), x, axis)
    return np.asarray(codes * by_axis(scale, x, axis), np.float32)


def reduced(how: Callable[..., Any]) -> Callable[..., Array]:
    def reduce(x: Array, axes: Array, *, keepdims: int) -> Array:
        return np.asarray(how(x, axis=tuple(axes), keepdims=bool(keepdims)), np.float32)

    return reduce


def gelu(x: Array, *, approximate: str) -> Array:
    assert approximate in ("none", "tanh")
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x**3)))
    return np.asarray(0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))), np.float32)


def depth_to_space(x: Array, *, blocksize: int) -> Array:
    """Give channels as blocks of pixels; the place in a block comes first among them, which is the mode DCR."""
    batch, channels, height, width = x.shape
    apart = x.reshape(batch, blocksize, blocksize, channels // blocksize**2, height, width)
    return apart.transpose(0, 3, 4, 1, 5, 2).reshape(batch, -1, height * blocksize, width * blocksize)


def prelu(x: Array, slope: Array) -> Array:
    assert np.broadcast_shapes(x.shape, slope.shape) == x.shape, "the slope is stretched, and never x"
    return np.where(x < 0, slope * x, x)


OPERATORS: Mapping[str, Callable[..., Any]] = {
    "Abs": np.abs,
    "Add": np.add,
    "AveragePool": pooled(np.nanmean, np.nan),
    "Cast": lambda x, *, to: x.astype(DTYPES[to]),
    "Clip": lambda x, low, high: np.clip(x, low, high),
    "Concat": lambda *x, axis: np.concatenate(x, axis),
    "Conv": conv,
    "Cos": np.cos,
    "DepthToSpace": depth_to_space,
    "DequantizeLinear": dequantize,
    "Div": np.divide,
    "Elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "Exp": np.exp,
    "Expand": lambda x, shape: np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape))),
    "Floor": np.floor,
    "Gather": lambda x, places, *, axis: np.take(x, places, axis),
    "Gelu": gelu,
    "Gemm": lambda a, b, c=0, **given: a @ (b.T if given["transB"] else b) + c,
    "GlobalAveragePool": lambda x: x.mean(axis=(2, 3), keepdims=True),
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Identity": lambda x: x,
    "LeakyRelu": lambda x, *, alpha: np.where(x < 0, np.float32(alpha) * x, x),
    "LogSoftmax": lambda x, *, axis: np.log(softmax(x, axis=axis)),
    "MatMul": np.matmul,
    "Max": np.maximum,
    "MaxPool": pooled(np.max, -np.inf),
    "Min": np.minimum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "PRelu": prelu,
    "Pad": pad,
    "QuantizeLinear": quantize,
    "ReduceMax": reduced(np.max),
    "ReduceMean": reduced(np.mean),
    "ReduceMin": reduced(np.min),
    "ReduceProd": reduced(np.prod),
    "ReduceSum": reduced(np.sum),
    "Relu": lambda x: np.maximum(x, 0),
    "Reshape": lambda x, shape: x.reshape(shape),
    "Resize": resize,
    "Round": np.rint,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Sign": np.sign,
    "Sin": np.sin,
    "Slice": cut,
    "Softmax": softmax,
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tanh": np.tanh,
    "Tile": np.tile,
    "Transpose": lambda x, *, perm: x.transpose(perm),
}
