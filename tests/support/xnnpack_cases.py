"""Small files, each of which keeps or breaks one condition of XNNPACK; LiteRT itself says which operators it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from placement_files import Told, constant, file_of, filled, operator

IMAGE, GRID = (1, 8, 8, 4), {"scales": 0.02, "points": 3}
POOL = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
SLIDING = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}

CASES: dict[str, Callable[[], bytes]] = {}
"""Files by a name that says what is special in them."""


def told(shape: tuple[int, ...], dtype: str = "float32", scale: float = 0.02, **more: Any) -> Told:
    """Give a tensor; one of 8 or 16 bits has a grid."""
    if dtype in ("int8", "uint8", "int16") and "scales" not in more:
        more = {"scales": scale, "points": 128 if dtype == "uint8" else 0, **more}
    return Told(shape, dtype, **more)


def add(name: str, make: Callable[..., bytes], *given: Any, **more: Any) -> None:
    """Name a file."""
    assert name not in CASES, name
    CASES[name] = lambda: make(*given, **more)


def one(
    kind: str,
    inputs: Sequence[Told | None],
    outputs: Sequence[Told],
    table: str = "",
    version: int = 1,
    **values: Any,
) -> bytes:
    """Give a file of one operator, whose inputs that are no constants are those of the file."""
    names = [f"in{place}" if tensor else "" for place, tensor in enumerate(inputs)]
    made = [f"out{place}" for place in range(len(outputs))]
    tensors = {name: tensor for name, tensor in zip(names, inputs, strict=True) if tensor is not None}
    ends = [name for name, tensor in tensors.items() if tensor.values is None]
    tensors |= dict(zip(made, outputs, strict=True))
    return file_of(tensors, [operator(kind, names, made, table, **values)], ends, made, {0: version})


# Of one input and one output.

FLOAT_ONLY = "ABS CEIL COS EXP FLOOR GELU HARD_SWISH LOG NEG RELU_N1_TO_1 RELU RELU6 ROUND RSQRT SIN SQRT SQUARE"
for _kind in FLOAT_ONLY.split():
    add(f"{_kind} float", one, _kind, [told(IMAGE)], [told(IMAGE)])
for _kind in ("ABS", "HARD_SWISH", "RELU", "RELU6", "RSQRT"):
    add(f"{_kind} int8", one, _kind, [told(IMAGE, "int8")], [told(IMAGE, "int8")])
for _kind in ("LOGISTIC", "TANH", "ELU"):
    _scale = 1 / 128 if _kind == "TANH" else 1 / 256
    for _type, _point in (("int8", -128), ("uint8", 0)):
        _end = told(IMAGE, _type, scales=_scale, points=(0 if _type == "int8" else 128) if _kind == "TANH" else _point)
        if (_kind, _type) != ("ELU", "uint8"):
            add(f"{_kind} {_type}", one, _kind, [told(IMAGE, _type)], [_end])
    add(f"{_kind} float", one, _kind, [told(IMAGE)], [told(IMAGE)])
    if _kind != "ELU":
        add(f"{_kind} int16", one, _kind, [told(IMAGE, "int16", 2**-12)], [told(IMAGE, "int16", 2**-15)])
add("ELU int8, coarse to fine", one, "ELU", [told(IMAGE, "int8", 4.0)], [told(IMAGE, "int8", 0.001)])
add("ABS of six axes", one, "ABS", [told((1, 2, 1, 2, 1, 2))], [told((1, 2, 1, 2, 1, 2))])
add("ABS of seven axes", one, "ABS", [told((1, 2, 1, 2, 1, 2, 2))], [told((1, 2, 1, 2, 1, 2, 2))])
add("ABS of a scalar", one, "ABS", [told(())], [told(())])
add("ABS of nothing", one, "ABS", [told((1, 0))], [told((1, 0))])
add("ABS of an open batch", one, "ABS", [told((1, 4), open_shape=(-1, 4))], [told((1, 4), open_shape=(-1, 4))])
add("ABS int32", one, "ABS", [told((1, 4), "int32")], [told((1, 4), "int32")])
for _alpha in (0.2, 0.0, -0.5, 200.0):
    for _type in ("float32", "int8"):
        add(
            f"LEAKY_RELU {_type}, alpha {_alpha}", one, "LEAKY_RELU",
            [told(IMAGE, _type)], [told(IMAGE, _type)], "LeakyReluOptions", alpha=_alpha,
        )  # fmt: skip
for _from, _to in ((0.001, 1.0), (1.0, 0.001), (0.004, 1.0), (1.0, 0.0078)):
    add(
        f"LEAKY_RELU int8, scale {_from} to {_to}", one, "LEAKY_RELU",
        [told(IMAGE, "int8", _from)], [told(IMAGE, "int8", _to)], "LeakyReluOptions", alpha=0.5,
    )  # fmt: skip
    add(f"QUANTIZE int8, scale {_from} to {_to}", one, "QUANTIZE", [told(IMAGE, "int8", _from)], [told(IMAGE, "int8", _to)])
for _from, _to in (
    ("float32", "int8"), ("float32", "uint8"), ("float32", "int16"), ("uint8", "int8"), ("int8", "uint8"),
    ("uint8", "uint8"), ("int16", "int8"), ("int16", "int16"),
):  # fmt: skip
    add(f"QUANTIZE {_from} to {_to}", one, "QUANTIZE", [told(IMAGE, _from)], [told(IMAGE, _to)])
for _from in ("int8", "uint8", "int16", "float16"):
    add(f"DEQUANTIZE {_from}", one, "DEQUANTIZE", [told(IMAGE, _from)], [told(IMAGE)])
add(
    "DEQUANTIZE int8 by channel", one, "DEQUANTIZE",
    [Told(IMAGE, "int8", [0.1, 0.2, 0.3, 0.4], 0, 3)], [told(IMAGE)],
)  # fmt: skip

# Of two inputs.

for _kind, _table in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")):
    for _type in ("float32", "int8", "uint8", "int16", "int32"):
        _more = {"potScaleInt16": False} if _kind != "MUL" else {}
        add(
            f"{_kind} {_type}", one, _kind,
            [told(IMAGE, _type), told(IMAGE, _type)], [told(IMAGE, _type)], _table, **_more,
        )  # fmt: skip
    for _left, _out in ((0.0005, 1.0), (300.0, 1.0), (200.0, 1.0), (0.001, 1.0), (1e-7, 1.0), (1.0, 0.001)):
        add(
            f"{_kind} int8, scale {_left} to {_out}", one, _kind,
            [told(IMAGE, "int8", _left), told(IMAGE, "int8", 1.0)], [told(IMAGE, "int8", _out)], _table,
        )  # fmt: skip
    for _activation in (1, 2, 3, 4):
        if _activation < 4 or _kind != "MUL":
            add(
                f"{_kind} float, activation {_activation}", one, _kind,
                [told(IMAGE), told(IMAGE)], [told(IMAGE)], _table, fusedActivationFunction=_activation,
            )  # fmt: skip
    add(
        f"{_kind} int8 with a constant", one, _kind,
        [told(IMAGE, "int8"), filled((4,), "int8", 0.5)], [told(IMAGE, "int8")], _table,
    )  # fmt: skip
add("ADD int8, two scales of the constant", one, "ADD", [told(IMAGE, "int8"), told((1, 1, 1, 4), "int8", 0.3)], [told(IMAGE, "int8")], "AddOptions")
add("ADD of a scalar", one, "ADD", [told(IMAGE), constant(2.0)], [told(IMAGE)], "AddOptions")
add("ADD of six axes", one, "ADD", [told((1, 2) * 3), told((1, 2) * 3)], [told((1, 2) * 3)], "AddOptions")
add("ADD of nothing", one, "ADD", [told((1, 0)), told((1, 0))], [told((1, 0))], "AddOptions")
for _kind, _table in (
    ("DIV", "DivOptions"), ("MAXIMUM", "MaximumMinimumOptions"), ("MINIMUM", "MaximumMinimumOptions"),
    ("SQUARED_DIFFERENCE", "SquaredDifferenceOptions"),
):  # fmt: skip
    add(f"{_kind} float", one, _kind, [told(IMAGE), told(IMAGE)], [told(IMAGE)], _table)
    if _kind != "DIV":
        add(f"{_kind} int8", one, _kind, [told(IMAGE, "int8"), told(IMAGE, "int8")], [told(IMAGE, "int8")], _table)
add("PRELU float", one, "PRELU", [told(IMAGE), filled((1, 1, 4))], [told(IMAGE)])
add("PRELU float, a slope a pixel", one, "PRELU", [told(IMAGE), filled((8, 8, 4))], [told(IMAGE)])
add("PRELU float, slopes computed", one, "PRELU", [told(IMAGE), told((1, 1, 4))], [told(IMAGE)])
add("PRELU int8", one, "PRELU", [told(IMAGE, "int8"), filled((1, 1, 4), "int8", 0.1)], [told(IMAGE, "int8")])
for _kind in ("POW", "FLOOR_DIV"):
    add(f"{_kind} float", one, _kind, [told(IMAGE), told(IMAGE)], [told(IMAGE)])

# Convolutions.


def conv(
    kind: str = "CONV_2D",
    data: str = "float32",
    kernel: Told | None = None,
    bias: Told | None = None,
    out: Told | None = None,
    *,
    version: int = 1,
    **values: Any,
) -> bytes:
    """Give a convolution of 3 x 3."""
    integer = data != "float32"
    wide = kind == "CONV_2D"
    shape = (8, 3, 3, 4) if wide else (1, 3, 3, 4)
    channels = 8 if wide else 4
    kernel = kernel or filled(shape, data if integer else "float32", *((0.01,) if integer else ()))
    bias = bias or filled((channels,), "int32" if integer else "float32", *((0.0002,) if integer else ()))
    out = out or told((1, 8, 8, channels), data)
    table = "Conv2DOptions" if wide else "DepthwiseConv2DOptions"
    more = {} if wide else {"depthMultiplier": 1}
    inputs = [told(IMAGE, data), kernel, bias if bias.shape else None]
    return one(kind, inputs, [out], table, version, **{**SLIDING, **more, **values})


for _kind, _shape, _axis, _channels in (("CONV_2D", (8, 3, 3, 4), 0, 8), ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), 3, 4)):
    _by_channel = {"scales": [0.01] * _channels, "axis": _axis}
    _biases = filled((_channels,), "int32", [0.0002] * _channels)
    add(f"{_kind} float", conv, _kind)
    add(f"{_kind} int8, by tensor", conv, _kind, "int8")
    add(f"{_kind} int8, by channel", conv, _kind, "int8", filled(_shape, "int8", **_by_channel), _biases)
    add(f"{_kind} uint8", conv, _kind, "uint8", filled(_shape, "uint8", 0.01, 128))
    add(f"{_kind} int8 weights alone", conv, _kind, "float32", filled(_shape, "int8", **_by_channel))
    add(f"{_kind} int8 weights alone, by tensor", conv, _kind, "float32", filled(_shape, "int8", 0.01))
    add(
        f"{_kind} int16x8", conv, _kind, "int16",
        filled(_shape, "int8", **_by_channel), filled((_channels,), "int64", [0.0002] * _channels),
    )  # fmt: skip
    add(f"{_kind} float, weights computed", conv, _kind, kernel=told(_shape))
    add(f"{_kind} float, bias computed", conv, _kind, bias=told((_channels,)))
    add(f"{_kind} float, without a bias", conv, _kind, bias=Told(()))
    for _activation in (1, 2, 3, 4):
        add(f"{_kind} float, activation {_activation}", conv, _kind, fusedActivationFunction=_activation)
    add(f"{_kind} int8, activation 3", conv, _kind, "int8", fusedActivationFunction=3)
    add(f"{_kind} float, valid", conv, _kind, out=told((1, 6, 6, _channels)), padding=1)
    add(f"{_kind} float, stride 2", conv, _kind, out=told((1, 4, 4, _channels)), strideW=2, strideH=2)
    add(f"{_kind} float, dilated", conv, _kind, dilationWFactor=2, dilationHFactor=2)
    add(f"{_kind} int8, very fine output", conv, _kind, "int8", out=told((1, 8, 8, _channels), "int8", 1e-7))
    add(f"{_kind} int8, coarse output", conv, _kind, "int8", out=told((1, 8, 8, _channels), "int8", 1e6))
    add(f"{_kind} int8, zero points of weights", conv, _kind, "int8", filled(_shape, "int8", 0.01, 5))
add("CONV_2D float in two groups", conv, kernel=filled((8, 3, 3, 2)))
add("CONV_2D int8 in two groups", conv, "CONV_2D", "int8", filled((8, 3, 3, 2), "int8", 0.01))
add("CONV_2D int4 weights alone", conv, "CONV_2D", "float32", filled((8, 3, 3, 4), "int4", [0.1] * 8))
add("CONV_2D int4 weights", conv, "CONV_2D", "int8", filled((8, 3, 3, 4), "int4", [0.1] * 8), filled((8,), "int32", [0.002] * 8))
add("DEPTHWISE_CONV_2D int8, by channel, one scale", conv, "DEPTHWISE_CONV_2D", "int8", filled((1, 3, 3, 4), "int8", [0.01], 0, 3))


def transpose_conv(
    data: str = "float32",
    kernel: Told | None = None,
    bias: Told | None = None,
    shape: Any = None,
    out: Told | None = None,
    **values: Any,
) -> bytes:
    """Give a transposed convolution that doubles 4 x 4."""
    kernel = kernel or filled((8, 2, 2, 4), data, *((0.01,) if data != "float32" else ()))
    given = [shape or constant([1, 8, 8, 8], "int32"), kernel, told((1, 4, 4, 4), data)]
    given += [bias] if bias else []
    made = out or told((1, 8, 8, 8), data)
    more = {"strideW": 2, "strideH": 2, **values}
    return one("TRANSPOSE_CONV", given, [made], "TransposeConvOptions", 3 if bias else 1, **more)


add("TRANSPOSE_CONV float", transpose_conv)
add("TRANSPOSE_CONV float, bias", transpose_conv, bias=filled((8,)))
add("TRANSPOSE_CONV int8", transpose_conv, "int8", bias=filled((8,), "int32", 0.0002))
add("TRANSPOSE_CONV uint8", transpose_conv, "uint8", filled((8, 2, 2, 4), "uint8", 0.01, 128))
add("TRANSPOSE_CONV int8 by channel", transpose_conv, "int8", filled((8, 2, 2, 4), "int8", [0.01] * 8))
add("TRANSPOSE_CONV int8 weights alone", transpose_conv, "float32", filled((8, 2, 2, 4), "int8", [0.01] * 8))
add("TRANSPOSE_CONV of a shape computed", transpose_conv, shape=told((4,), "int32"))
add("TRANSPOSE_CONV valid", transpose_conv, padding=1)
add("TRANSPOSE_CONV of stride 3, kernel 2", transpose_conv, kernel=filled((8, 2, 2, 4)), shape=constant([1, 12, 12, 8], "int32"), out=told((1, 12, 12, 8)), strideW=3, strideH=3)
add("TRANSPOSE_CONV float, weights computed", transpose_conv, kernel=told((8, 2, 2, 4)))
add("TRANSPOSE_CONV float, activation 3", transpose_conv, bias=filled((8,)), fusedActivationFunction=3)

# Pools.

for _kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
    _half = (1, 4, 4, 4)
    for _type in ("float32", "int8", "uint8", "int16"):
        add(f"{_kind} {_type}", one, _kind, [told(IMAGE, _type)], [told(_half, _type)], "Pool2DOptions", **POOL)
    add(f"{_kind} of stride 3, window 2", one, _kind, [told(IMAGE)], [told((1, 3, 3, 4))], "Pool2DOptions", **{**POOL, "strideW": 3, "strideH": 3})
    add(f"{_kind} of 1 x 1", one, _kind, [told(IMAGE)], [told(IMAGE)], "Pool2DOptions", strideW=1, strideH=1, filterWidth=1, filterHeight=1)
    add(f"{_kind} of 1 x 1, stride 2", one, _kind, [told(IMAGE)], [told(_half)], "Pool2DOptions", strideW=2, strideH=2, filterWidth=1, filterHeight=1)
    for _activation in (1, 3):
        add(f"{_kind} float, activation {_activation}", one, _kind, [told(IMAGE)], [told(_half)], "Pool2DOptions", **POOL, fusedActivationFunction=_activation)
add("MAX_POOL_2D int8, activation 3", one, "MAX_POOL_2D", [told(IMAGE, "int8")], [told((1, 4, 4, 4), "int8")], "Pool2DOptions", **POOL, fusedActivationFunction=3)

# Dense layers and products.


def dense(
    data: str = "float32",
    kernel: Told | None = None,
    bias: Told | None = None,
    out: Told | None = None,
    given: Told | None = None,
    version: int = 1,
    *,
    leave_out: bool = False,
    **values: Any,
) -> bytes:
    """Give a dense layer of 8 by 4."""
    integer = data != "float32"
    kernel = kernel or filled((4, 8), data, *((0.01,) if integer else ()))
    bias = bias or filled((4,), "int32" if integer else "float32", *((0.0002,) if integer else ()))
    inputs = [given or told((1, 8), data), kernel, *([] if leave_out else [bias if bias.shape else None])]
    return one("FULLY_CONNECTED", inputs, [out or told((1, 4), data)], "FullyConnectedOptions", version, **values)


add("FULLY_CONNECTED float", dense)
add("FULLY_CONNECTED float, bias left out", dense, leave_out=True)
add("FULLY_CONNECTED float, bias -1", dense, bias=Told(()))
add("FULLY_CONNECTED float, weights computed", dense, kernel=told((4, 8)))
add("FULLY_CONNECTED float, bias computed", dense, bias=told((4,)))
add("FULLY_CONNECTED float of three axes", dense, given=told((1, 2, 8)), out=told((2, 4)))
add("FULLY_CONNECTED float of three axes, kept", dense, given=told((1, 2, 8)), out=told((1, 2, 4)), version=5, keepNumDims=True)
add("FULLY_CONNECTED int8", dense, "int8", version=4)
add("FULLY_CONNECTED int8 by channel", dense, "int8", filled((4, 8), "int8", [0.01] * 4), filled((4,), "int32", [0.0002] * 4), version=4)
add("FULLY_CONNECTED int8, zero point of weights", dense, "int8", filled((4, 8), "int8", 0.01, 5), version=4)
add("FULLY_CONNECTED uint8", dense, "uint8", filled((4, 8), "uint8", 0.01, 128), version=4)
add("FULLY_CONNECTED int16x8", dense, "int16", filled((4, 8), "int8", 0.01), filled((4,), "int64", 0.0002), version=7)
add("FULLY_CONNECTED int8 weights alone", dense, "float32", filled((4, 8), "int8", 0.01), version=9)
add("FULLY_CONNECTED int8 weights alone, by channel", dense, "float32", filled((4, 8), "int8", [0.01] * 4), version=12)
add("FULLY_CONNECTED int8 weights alone, zero point", dense, "float32", filled((4, 8), "int8", 0.01, 4), version=9)
add("FULLY_CONNECTED int4 weights alone", dense, "float32", filled((4, 8), "int4", [0.1] * 4), version=12)
add("FULLY_CONNECTED int4 weights alone, odd", dense, "float32", filled((4, 7), "int4", [0.1] * 4), given=told((1, 7)), version=12)
add("FULLY_CONNECTED int4 weights", dense, "int8", filled((4, 8), "int4", [0.1] * 4), filled((4,), "int32", [0.002] * 4), version=12)
add("FULLY_CONNECTED int2 weights alone", dense, "float32", filled((4, 8), "int2", [0.1] * 4), version=14)
add("FULLY_CONNECTED int2 weights alone, six", dense, "float32", filled((4, 6), "int2", [0.1] * 4), given=told((1, 6)), version=14)
add("FULLY_CONNECTED version 8", dense, version=8)
for _activation in (1, 3):
    add(f"FULLY_CONNECTED float, activation {_activation}", dense, fusedActivationFunction=_activation)
add("FULLY_CONNECTED int8, float output", dense, "int8", out=told((1, 4)), version=4)
add("FULLY_CONNECTED int8, fine output", dense, "int8", out=told((1, 4), "int8", 1e-7), version=4)


def product(a: Told, b: Told, out: Told, **values: Any) -> bytes:
    """Give a batched matrix product."""
    return one("BATCH_MATMUL", [a, b], [out], "BatchMatMulOptions", 1, **values)


add("BATCH_MATMUL float", product, told((2, 3, 4)), told((2, 4, 5)), told((2, 3, 5)))
add("BATCH_MATMUL float, a constant", product, told((2, 3, 4)), filled((2, 4, 5)), told((2, 3, 5)))
add("BATCH_MATMUL float, transposed", product, told((2, 4, 3)), told((2, 5, 4)), told((2, 3, 5)), adjX=True, adjY=True)
add("BATCH_MATMUL int8", product, told((2, 3, 4), "int8"), told((2, 4, 5), "int8"), told((2, 3, 5), "int8"))
add("BATCH_MATMUL int8, zero point", product, told((2, 3, 4), "int8"), told((2, 4, 5), "int8", points=3), told((2, 3, 5), "int8"))
add("BATCH_MATMUL int8 weights alone", product, told((2, 3, 4)), filled((2, 4, 5), "int8", 0.01), told((2, 3, 5)))
add("BATCH_MATMUL int16", product, told((2, 3, 4), "int16"), told((2, 4, 5), "int16"), told((2, 3, 5), "int16"))

# Reductions.


def reduced(kind: str, data: str, axes: Told, out: tuple[int, ...], *, keep: bool = True, scale: float = 0.02) -> bytes:
    """Give a reduction."""
    return one(kind, [told(IMAGE, data), axes], [told(out, data, scale)], "ReducerOptions", keepDims=keep)


_SPACE = constant([1, 2], "int32")
for _kind in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):
    for _type in ("float32", "int8", "uint8"):
        add(f"{_kind} {_type}", reduced, _kind, _type, _SPACE, (1, 1, 1, 4))
    add(f"{_kind} float, axes not kept", reduced, _kind, "float32", _SPACE, (1, 4), keep=False)
    add(f"{_kind} float of one axis", reduced, _kind, "float32", constant([-1], "int32"), (1, 8, 8, 1))
add("MEAN int8, other scale", reduced, "MEAN", "int8", _SPACE, (1, 1, 1, 4), scale=0.5)
add("REDUCE_MAX int8, other scale", reduced, "REDUCE_MAX", "int8", _SPACE, (1, 1, 1, 4), scale=0.5)
add("MEAN int16", reduced, "MEAN", "int16", _SPACE, (1, 1, 1, 4))
add("MEAN of axes computed", reduced, "MEAN", "float32", told((2,), "int32"), (1, 1, 1, 4))
add("MEAN of all axes", reduced, "MEAN", "float32", constant([0, 1, 2, 3], "int32"), (1, 1, 1, 1))
add("REDUCE_PROD float", reduced, "REDUCE_PROD", "float32", _SPACE, (1, 1, 1, 4))
add("ARG_MAX float", one, "ARG_MAX", [told(IMAGE), constant(3, "int32")], [told((1, 8, 8), "int32")], "ArgMaxOptions", outputType=2)

# Shapes.

for _type in ("float32", "int8", "uint8", "int16", "int32"):
    add(f"RESHAPE {_type}", one, "RESHAPE", [told(IMAGE, _type), constant([1, 256], "int32")], [told((1, 256), _type)], "ReshapeOptions", newShape=[1, 256])
    add(f"TRANSPOSE {_type}", one, "TRANSPOSE", [told(IMAGE, _type), constant([0, 3, 1, 2], "int32")], [told((1, 4, 8, 8), _type)])
    add(f"PAD {_type}", one, "PAD", [told(IMAGE, _type), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32")], [told((1, 10, 10, 4), _type)])
    add(f"SLICE {_type}", one, "SLICE", [told(IMAGE, _type), constant([0, 1, 1, 0], "int32"), constant([1, 4, 4, 4], "int32")], [told((1, 4, 4, 4), _type)])
    add(f"CONCATENATION {_type}", one, "CONCATENATION", [told(IMAGE, _type)] * 2, [told((1, 8, 8, 8), _type)], "ConcatenationOptions", axis=3)
    add(f"SPLIT {_type}", one, "SPLIT", [constant(3, "int32"), told(IMAGE, _type)], [told((1, 8, 8, 2), _type)] * 2, "SplitOptions", numSplits=2)
    add(f"STRIDED_SLICE {_type}", one, "STRIDED_SLICE", [told(IMAGE, _type), *(constant(v, "int32") for v in ([0, 1, 1, 0], [1, 4, 4, 4], [1] * 4))], [told((1, 3, 3, 4), _type)], "StridedSliceOptions")
    add(f"DEPTH_TO_SPACE {_type}", one, "DEPTH_TO_SPACE", [told(IMAGE, _type)], [told((1, 16, 16, 1), _type)], "DepthToSpaceOptions", blockSize=2)
    add(f"SPACE_TO_DEPTH {_type}", one, "SPACE_TO_DEPTH", [told(IMAGE, _type)], [told((1, 4, 4, 16), _type)], "SpaceToDepthOptions", blockSize=2)
    if _type != "int32":
        for _kind, _table in (("RESIZE_BILINEAR", "ResizeBilinearOptions"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")):
            add(f"{_kind} {_type}", one, _kind, [told(IMAGE, _type), constant([16, 16], "int32")], [told((1, 16, 16, 4), _type)], _table)
        add(f"SOFTMAX {_type}", one, "SOFTMAX", [told((1, 8), _type)], [told((1, 8), _type, **({"scales": 1 / 256, "points": -128} if _type == "int8" else {"scales": 1 / 256, "points": 0} if _type == "uint8" else {"scales": 1 / 32768} if _type == "int16" else {}))], "SoftmaxOptions", beta=1.0)
add("SOFTMAX float, beta 2", one, "SOFTMAX", [told((1, 8))], [told((1, 8))], "SoftmaxOptions", beta=2.0)
add("LOG_SOFTMAX float", one, "LOG_SOFTMAX", [told((1, 8))], [told((1, 8))])
add("RESIZE_BILINEAR to a size computed", one, "RESIZE_BILINEAR", [told(IMAGE), told((2,), "int32")], [told((1, 16, 16, 4))], "ResizeBilinearOptions")
add("RESIZE_BILINEAR int8, other scale", one, "RESIZE_BILINEAR", [told(IMAGE, "int8"), constant([16, 16], "int32")], [told((1, 16, 16, 4), "int8", 0.5)], "ResizeBilinearOptions")
add("RESHAPE by its options", one, "RESHAPE", [told(IMAGE)], [told((1, 256))], "ReshapeOptions", newShape=[1, 256])
add("RESHAPE to a shape computed", one, "RESHAPE", [told(IMAGE), told((2,), "int32")], [told((1, 256))])
add("RESHAPE to an open shape", one, "RESHAPE", [told(IMAGE), constant([-1, 64], "int32")], [told((4, 64))])
add("RESHAPE to one open axis", one, "RESHAPE", [told(IMAGE), constant([-1], "int32")], [told((256,))])
add("RESHAPE int8, other scale", one, "RESHAPE", [told(IMAGE, "int8"), constant([1, 256], "int32")], [told((1, 256), "int8", 0.5)])
add("RESHAPE int8, other zero point", one, "RESHAPE", [told(IMAGE, "int8"), constant([1, 256], "int32")], [told((1, 256), "int8", points=9)])
add("RESHAPE to seven axes", one, "RESHAPE", [told(IMAGE), constant([1, 4, 2, 2, 2, 2, 4], "int32")], [told((1, 4, 2, 2, 2, 2, 4))])
add("RESHAPE, shape of two axes", one, "RESHAPE", [told(IMAGE), constant([[1, 256]], "int32")], [told((1, 256))])
add("TRANSPOSE by axes computed", one, "TRANSPOSE", [told(IMAGE), told((4,), "int32")], [told((1, 4, 8, 8))])
add("TRANSPOSE int8, other scale", one, "TRANSPOSE", [told(IMAGE, "int8"), constant([0, 3, 1, 2], "int32")], [told((1, 4, 8, 8), "int8", 0.5)])
add("PAD by paddings computed", one, "PAD", [told(IMAGE), told((4, 2), "int32")], [told((1, 10, 10, 4))])
add("PAD of int64", one, "PAD", [told(IMAGE), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int64")], [told((1, 10, 10, 4))])
add("PADV2 float", one, "PADV2", [told(IMAGE), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32"), constant(1.0)], [told((1, 10, 10, 4))])
add("MIRROR_PAD float", one, "MIRROR_PAD", [told(IMAGE), constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32")], [told((1, 10, 10, 4))], "MirrorPadOptions")
add("SLICE to the end", one, "SLICE", [told(IMAGE), constant([0, 1, 1, 0], "int32"), constant([1, -1, -1, -1], "int32")], [told((1, 7, 7, 4))])
add("SLICE from a place computed", one, "SLICE", [told(IMAGE), told((4,), "int32"), constant([1, 4, 4, 4], "int32")], [told((1, 4, 4, 4))])
add("SLICE of int64", one, "SLICE", [told(IMAGE), constant([0, 1, 1, 0], "int64"), constant([1, 4, 4, 4], "int64")], [told((1, 4, 4, 4))])
add("SLICE int8, other scale", one, "SLICE", [told(IMAGE, "int8"), constant([0, 1, 1, 0], "int32"), constant([1, 4, 4, 4], "int32")], [told((1, 4, 4, 4), "int8", 0.5)])
for _name, _inputs, _scales in (
    ("one input", 1, (0.02,)), ("five inputs", 5, (0.02,) * 5), ("six inputs", 6, (0.02,) * 6),
):  # fmt: skip
    add(f"CONCATENATION of {_name}", one, "CONCATENATION", [told((1, 4))] * _inputs, [told((1, 4 * _inputs))], "ConcatenationOptions", axis=1)
add("CONCATENATION int8, other scale", one, "CONCATENATION", [told((1, 4), "int8"), told((1, 4), "int8", 0.5)], [told((1, 8), "int8")], "ConcatenationOptions", axis=1)
add("CONCATENATION uint8, other scale", one, "CONCATENATION", [told((1, 4), "uint8"), told((1, 4), "uint8", 0.5)], [told((1, 8), "uint8")], "ConcatenationOptions", axis=1)
add("CONCATENATION of the last axis, -1", one, "CONCATENATION", [told((1, 4))] * 2, [told((1, 8))], "ConcatenationOptions", axis=-1)
add("CONCATENATION with a constant", one, "CONCATENATION", [told((1, 4)), filled((1, 4))], [told((1, 8))], "ConcatenationOptions", axis=1)
for _parts in (1, 3, 4, 5):
    add(f"SPLIT into {_parts}", one, "SPLIT", [constant(1, "int32"), told((1, 4 * _parts))], [told((1, 4))] * _parts, "SplitOptions", numSplits=_parts)
add("SPLIT int8, other scale", one, "SPLIT", [constant(1, "int32"), told((1, 8), "int8")], [told((1, 4), "int8"), told((1, 4), "int8", 0.5)], "SplitOptions", numSplits=2)
add("SPLIT of an axis computed", one, "SPLIT", [told((1,), "int32"), told((1, 8))], [told((1, 4))] * 2, "SplitOptions", numSplits=2)
add("SPLIT of axis -1", one, "SPLIT", [constant(-1, "int32"), told((1, 8))], [told((1, 4))] * 2, "SplitOptions", numSplits=2)
add("SPLIT_V float", one, "SPLIT_V", [told((1, 8)), constant([2, 6], "int32"), constant(1, "int32")], [told((1, 2)), told((1, 6))], "SplitVOptions", numSplits=2)
for _name, _words in (
    ("of stride 2", {"strides": [1, 2, 2, 1], "end": [1, 8, 8, 4], "out": (1, 4, 4, 4)}),
    ("that drops an axis", {"shrinkAxisMask": 1, "begin": [0, 0, 0, 0], "end": [1, 8, 8, 4], "out": (8, 8, 4)}),
    ("with a new axis", {"newAxisMask": 1, "begin": [0, 0, 0, 0], "end": [0, 1, 8, 8], "out": (1, 1, 8, 8, 4)}),
    ("by an ellipsis", {"ellipsisMask": 2, "begin": [0, 0, 0], "end": [1, 0, 4], "strides": [1] * 3, "out": (1, 8, 8, 4)}),
    ("with masks", {"beginMask": 2, "endMask": 4, "begin": [0, 5, 1, 0], "end": [1, 6, 1, 4], "out": (1, 6, 7, 4)}),
    ("from behind", {"begin": [0, -4, -4, 0], "end": [1, -1, -1, 4], "out": (1, 3, 3, 4)}),
    ("of three of four axes", {"begin": [0, 1, 1], "end": [1, 4, 4], "strides": [1] * 3, "out": (1, 3, 3, 4)}),
):  # fmt: skip
    _w = {"begin": [0, 0, 0, 0], "strides": [1] * 4, **_words}
    _masks = {k: v for k, v in _w.items() if k.endswith("Mask")}
    add(f"STRIDED_SLICE {_name}", one, "STRIDED_SLICE", [told(IMAGE), *(constant(_w[k], "int32") for k in ("begin", "end", "strides"))], [told(_w["out"])], "StridedSliceOptions", **_masks)
add("DEPTH_TO_SPACE int8, other scale", one, "DEPTH_TO_SPACE", [told(IMAGE, "int8")], [told((1, 16, 16, 1), "int8", 0.5)], "DepthToSpaceOptions", blockSize=2)
add("MAX_POOL_2D int8, other scale", one, "MAX_POOL_2D", [told(IMAGE, "int8")], [told((1, 4, 4, 4), "int8", 0.5)], "Pool2DOptions", **POOL)
for _kind, _table in (("SQUEEZE", "SqueezeOptions"), ("CAST", "CastOptions"), ("SHAPE", "ShapeOptions")):
    add(f"{_kind} float", one, _kind, [told((1, 4))], [told((4,)) if _kind == "SQUEEZE" else told((1, 4)) if _kind == "CAST" else told((2,), "int32")], _table, **({"outType": 2} if _kind == "SHAPE" else {}))
add("EXPAND_DIMS float", one, "EXPAND_DIMS", [told((1, 4)), constant(1, "int32")], [told((1, 1, 4))])
add("PACK float", one, "PACK", [told((1, 4))] * 2, [told((1, 2, 4))], "PackOptions", axis=1, valuesCount=2)
add("GATHER float", one, "GATHER", [told((1, 4)), constant([0, 2], "int32")], [told((1, 2))], "GatherOptions", axis=1)
