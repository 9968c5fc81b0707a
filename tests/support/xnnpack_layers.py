"""Files of one layer or product, each of which keeps or breaks one condition of XNNPACK."""

from __future__ import annotations

from typing import Any

from placement_files import Cases, Told, constant, file_of, filled, one, operator, told

IMAGE = (1, 8, 8, 4)
SLIDING = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
POOL = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
CASES = Cases()

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


for _kind, _shape, _axis, _channels in (
    ("CONV_2D", (8, 3, 3, 4), 0, 8),
    ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), 3, 4),
):
    _by_channel = {"scales": [0.01] * _channels, "axis": _axis}
    _biases = filled((_channels,), "int32", [0.0002] * _channels)
    CASES.add(f"{_kind} float", conv, _kind)
    CASES.add(f"{_kind} int8, by tensor", conv, _kind, "int8")
    CASES.add(
        f"{_kind} int8, by channel", conv, _kind, "int8", filled(_shape, "int8", **_by_channel), _biases
    )
    CASES.add(f"{_kind} uint8", conv, _kind, "uint8", filled(_shape, "uint8", 0.01, 128))
    CASES.add(f"{_kind} int8 weights alone", conv, _kind, "float32", filled(_shape, "int8", **_by_channel))
    CASES.add(f"{_kind} int8 weights alone, by tensor", conv, _kind, "float32", filled(_shape, "int8", 0.01))
    CASES.add(
        f"{_kind} int16x8",
        conv,
        _kind,
        "int16",
        filled(_shape, "int8", **_by_channel),
        filled((_channels,), "int64", [0.0002] * _channels),
    )
    CASES.add(f"{_kind} float, weights computed", conv, _kind, kernel=told(_shape))
    CASES.add(f"{_kind} float, bias computed", conv, _kind, bias=told((_channels,)))
    for _activation in (1, 2, 3, 4):
        CASES.add(
            f"{_kind} float, activation {_activation}", conv, _kind, fusedActivationFunction=_activation
        )
    CASES.add(f"{_kind} int8, activation 3", conv, _kind, "int8", fusedActivationFunction=3)
    CASES.add(f"{_kind} float, valid", conv, _kind, out=told((1, 6, 6, _channels)), padding=1)
    CASES.add(f"{_kind} float, stride 2", conv, _kind, out=told((1, 4, 4, _channels)), strideW=2, strideH=2)
    CASES.add(f"{_kind} float, dilated", conv, _kind, dilationWFactor=2, dilationHFactor=2)
    CASES.add(
        f"{_kind} int8, very fine output", conv, _kind, "int8", out=told((1, 8, 8, _channels), "int8", 1e-7)
    )
    CASES.add(
        f"{_kind} int8, coarse output", conv, _kind, "int8", out=told((1, 8, 8, _channels), "int8", 1e6)
    )
    CASES.add(f"{_kind} int8, zero points of weights", conv, _kind, "int8", filled(_shape, "int8", 0.01, 5))
CASES.add("CONV_2D float in two groups", conv, kernel=filled((8, 3, 3, 2)))
CASES.add("CONV_2D int8 in two groups", conv, "CONV_2D", "int8", filled((8, 3, 3, 2), "int8", 0.01))
CASES.add("CONV_2D int4 weights alone", conv, "CONV_2D", "float32", filled((8, 3, 3, 4), "int4", [0.1] * 8))
CASES.add(
    "CONV_2D int4 weights",
    conv,
    "CONV_2D",
    "int8",
    filled((8, 3, 3, 4), "int4", [0.1] * 8),
    filled((8,), "int32", [0.002] * 8),
)
CASES.add(
    "DEPTHWISE_CONV_2D int8, by channel, one scale",
    conv,
    "DEPTHWISE_CONV_2D",
    "int8",
    filled((1, 3, 3, 4), "int8", [0.01], 0, 3),
)


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


CASES.add("TRANSPOSE_CONV float", transpose_conv)
CASES.add("TRANSPOSE_CONV float, bias", transpose_conv, bias=filled((8,)))
CASES.add("TRANSPOSE_CONV int8", transpose_conv, "int8", bias=filled((8,), "int32", 0.0002))
CASES.add("TRANSPOSE_CONV uint8", transpose_conv, "uint8", filled((8, 2, 2, 4), "uint8", 0.01, 128))
CASES.add("TRANSPOSE_CONV int8 by channel", transpose_conv, "int8", filled((8, 2, 2, 4), "int8", [0.01] * 8))
CASES.add(
    "TRANSPOSE_CONV int8 weights alone", transpose_conv, "float32", filled((8, 2, 2, 4), "int8", [0.01] * 8)
)
CASES.add("TRANSPOSE_CONV of a shape computed", transpose_conv, shape=told((4,), "int32"))
CASES.add("TRANSPOSE_CONV valid", transpose_conv, padding=1)
CASES.add(
    "TRANSPOSE_CONV of stride 3, kernel 2",
    transpose_conv,
    kernel=filled((8, 2, 2, 4)),
    shape=constant([1, 12, 12, 8], "int32"),
    out=told((1, 12, 12, 8)),
    strideW=3,
    strideH=3,
)
CASES.add("TRANSPOSE_CONV float, weights computed", transpose_conv, kernel=told((8, 2, 2, 4)))
CASES.add("TRANSPOSE_CONV float, activation 3", transpose_conv, bias=filled((8,)), fusedActivationFunction=3)

# Pools.

for _kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
    _half = (1, 4, 4, 4)
    for _type in ("float32", "int8", "uint8", "int16"):
        CASES.add(
            f"{_kind} {_type}",
            one,
            _kind,
            [told(IMAGE, _type)],
            [told(_half, _type)],
            "Pool2DOptions",
            **POOL,
        )
    CASES.add(
        f"{_kind} of stride 3, window 2",
        one,
        _kind,
        [told(IMAGE)],
        [told((1, 3, 3, 4))],
        "Pool2DOptions",
        **{**POOL, "strideW": 3, "strideH": 3},
    )
    CASES.add(
        f"{_kind} of 1 x 1",
        one,
        _kind,
        [told(IMAGE)],
        [told(IMAGE)],
        "Pool2DOptions",
        strideW=1,
        strideH=1,
        filterWidth=1,
        filterHeight=1,
    )
    CASES.add(
        f"{_kind} of 1 x 1, stride 2",
        one,
        _kind,
        [told(IMAGE)],
        [told(_half)],
        "Pool2DOptions",
        strideW=2,
        strideH=2,
        filterWidth=1,
        filterHeight=1,
    )
    for _activation in (1, 3):
        CASES.add(
            f"{_kind} float, activation {_activation}",
            one,
            _kind,
            [told(IMAGE)],
            [told(_half)],
            "Pool2DOptions",
            **POOL,
            fusedActivationFunction=_activation,
        )
CASES.add(
    "MAX_POOL_2D int8, activation 3",
    one,
    "MAX_POOL_2D",
    [told(IMAGE, "int8")],
    [told((1, 4, 4, 4), "int8")],
    "Pool2DOptions",
    **POOL,
    fusedActivationFunction=3,
)

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
    return one(
        "FULLY_CONNECTED", inputs, [out or told((1, 4), data)], "FullyConnectedOptions", version, **values
    )


CASES.add("FULLY_CONNECTED float", dense)
CASES.add("FULLY_CONNECTED float, bias left out", dense, leave_out=True)
CASES.add("FULLY_CONNECTED float, bias -1", dense, bias=Told(()))
CASES.add("FULLY_CONNECTED float, weights computed", dense, kernel=told((4, 8)))
CASES.add("FULLY_CONNECTED float, bias computed", dense, bias=told((4,)))
CASES.add("FULLY_CONNECTED float of three axes", dense, given=told((1, 2, 8)), out=told((2, 4)))
CASES.add(
    "FULLY_CONNECTED float of three axes, kept",
    dense,
    given=told((1, 2, 8)),
    out=told((1, 2, 4)),
    version=5,
    keepNumDims=True,
)
CASES.add("FULLY_CONNECTED int8", dense, "int8", version=4)
CASES.add(
    "FULLY_CONNECTED int8 by channel",
    dense,
    "int8",
    filled((4, 8), "int8", [0.01] * 4),
    filled((4,), "int32", [0.0002] * 4),
    version=4,
)
CASES.add(
    "FULLY_CONNECTED int8, zero point of weights", dense, "int8", filled((4, 8), "int8", 0.01, 5), version=4
)
CASES.add("FULLY_CONNECTED uint8", dense, "uint8", filled((4, 8), "uint8", 0.01, 128), version=4)
CASES.add(
    "FULLY_CONNECTED int16x8",
    dense,
    "int16",
    filled((4, 8), "int8", 0.01),
    filled((4,), "int64", 0.0002),
    version=7,
)
CASES.add("FULLY_CONNECTED int8 weights alone", dense, "float32", filled((4, 8), "int8", 0.01), version=9)
CASES.add(
    "FULLY_CONNECTED int8 weights alone, by channel",
    dense,
    "float32",
    filled((4, 8), "int8", [0.01] * 4),
    version=12,
)
CASES.add(
    "FULLY_CONNECTED int8 weights alone, zero point",
    dense,
    "float32",
    filled((4, 8), "int8", 0.01, 4),
    version=9,
)
CASES.add(
    "FULLY_CONNECTED int4 weights alone", dense, "float32", filled((4, 8), "int4", [0.1] * 4), version=12
)
CASES.add(
    "FULLY_CONNECTED int4 weights alone, odd",
    dense,
    "float32",
    filled((4, 7), "int4", [0.1] * 4),
    given=told((1, 7)),
    version=12,
)
CASES.add(
    "FULLY_CONNECTED int4 weights",
    dense,
    "int8",
    filled((4, 8), "int4", [0.1] * 4),
    filled((4,), "int32", [0.002] * 4),
    version=12,
)
CASES.add(
    "FULLY_CONNECTED int2 weights alone", dense, "float32", filled((4, 8), "int2", [0.1] * 4), version=14
)
CASES.add(
    "FULLY_CONNECTED int2 weights alone, six",
    dense,
    "float32",
    filled((4, 6), "int2", [0.1] * 4),
    given=told((1, 6)),
    version=14,
)
CASES.add("FULLY_CONNECTED version 8", dense, version=8)
for _activation in (1, 3):
    CASES.add(f"FULLY_CONNECTED float, activation {_activation}", dense, fusedActivationFunction=_activation)
CASES.add("FULLY_CONNECTED int8, fine output", dense, "int8", out=told((1, 4), "int8", 1e-7), version=4)


def product(a: Told, b: Told, out: Told, **values: Any) -> bytes:
    """Give a batched matrix product."""
    return one("BATCH_MATMUL", [a, b], [out], "BatchMatMulOptions", 1, **values)


CASES.add("BATCH_MATMUL float", product, told((2, 3, 4)), told((2, 4, 5)), told((2, 3, 5)))
CASES.add("BATCH_MATMUL float, a constant", product, told((2, 3, 4)), filled((2, 4, 5)), told((2, 3, 5)))
CASES.add(
    "BATCH_MATMUL float, transposed",
    product,
    told((2, 4, 3)),
    told((2, 5, 4)),
    told((2, 3, 5)),
    adjX=True,
    adjY=True,
)
CASES.add(
    "BATCH_MATMUL int8", product, told((2, 3, 4), "int8"), told((2, 4, 5), "int8"), told((2, 3, 5), "int8")
)
CASES.add(
    "BATCH_MATMUL int8, zero point",
    product,
    told((2, 3, 4), "int8"),
    told((2, 4, 5), "int8", points=3),
    told((2, 3, 5), "int8"),
)
CASES.add(
    "BATCH_MATMUL int8 weights alone",
    product,
    told((2, 3, 4)),
    filled((2, 4, 5), "int8", 0.01),
    told((2, 3, 5)),
)
CASES.add(
    "BATCH_MATMUL int16",
    product,
    told((2, 3, 4), "int16"),
    told((2, 4, 5), "int16"),
    told((2, 3, 5), "int16"),
)

CASES.add(
    "CONV_2D of nothing",
    one,
    "CONV_2D",
    [told((0, 8, 8, 4)), filled((8, 3, 3, 4)), filled((8,))],
    [told((0, 8, 8, 8))],
    "Conv2DOptions",
    **SLIDING,
)
CASES.add("CONV_2D int8, bias without a scale", conv, "CONV_2D", "int8", bias=filled((8,), "int32"))
CASES.add(
    "CONV_2D float, uint8 weights", conv, "CONV_2D", "float32", filled((8, 3, 3, 4), "uint8", 0.01, 128)
)
CASES.add(
    "CONV_2D int8 by channel, bias by tensor",
    conv,
    "CONV_2D",
    "int8",
    filled((8, 3, 3, 4), "int8", [0.01] * 8),
    filled((8,), "int32", 0.0002),
)
CASES.add("CONV_2D int8, bias by channel", conv, "CONV_2D", "int8", bias=filled((8,), "int32", [0.0002] * 8))
CASES.add("TRANSPOSE_CONV int16x8", transpose_conv, "int16", filled((8, 2, 2, 4), "int8", [0.01] * 8))
CASES.add("TRANSPOSE_CONV float, bias computed", transpose_conv, bias=told((8,)))
CASES.add(
    "TRANSPOSE_CONV to 7 x 7",
    transpose_conv,
    shape=constant([1, 7, 7, 8], "int32"),
    out=told((1, 7, 7, 8)),
)
CASES.add("FULLY_CONNECTED int2 weights by tensor", dense, "float32", filled((4, 8), "int2", 0.1), version=14)
CASES.add(
    "FULLY_CONNECTED uint8 weights alone", dense, "float32", filled((4, 8), "uint8", 0.01, 128), version=4
)
CASES.add("FULLY_CONNECTED int8, bias without a scale", dense, "int8", bias=filled((4,), "int32"), version=4)
CASES.add(
    "FULLY_CONNECTED int8, bias around 5", dense, "int8", bias=filled((4,), "int32", 0.0002, 5), version=4
)
CASES.add(
    "FULLY_CONNECTED int8, bias by channel",
    dense,
    "int8",
    bias=filled((4,), "int32", [0.0002] * 4),
    version=4,
)
CASES.add(
    "FULLY_CONNECTED int8 by channel, bias by tensor",
    dense,
    "int8",
    filled((4, 8), "int8", [0.01] * 4),
    version=4,
)
CASES.add(
    "BATCH_MATMUL int8 weights along another axis",
    product,
    told((2, 3, 4)),
    filled((2, 4, 5), "int8", [0.01] * 4, 0, 1),
    told((2, 3, 5)),
)
for _type in ("float32", "int8"):
    CASES.add(
        f"BATCH_MATMUL {_type} by weights by channel",
        product,
        told((2, 3, 4), _type),
        filled((2, 4, 5), "int8", [0.01] * 5, 0, 2),
        told((2, 3, 5), _type),
    )
CASES.add(
    "TRANSPOSE_CONV int8, very fine output", transpose_conv, "int8", out=told((1, 8, 8, 8), "int8", 1e-7)
)
CASES.add(
    "TRANSPOSE_CONV int8, zero points of weights",
    transpose_conv,
    "int8",
    filled((8, 2, 2, 4), "int8", 0.01, 5),
)
CASES.add(
    "TRANSPOSE_CONV int8 by channel, bias by tensor",
    transpose_conv,
    "int8",
    filled((8, 2, 2, 4), "int8", [0.01] * 8),
    filled((8,), "int32", 0.0002),
)
CASES.add(
    "FULLY_CONNECTED int4 weights along another axis",
    dense,
    "float32",
    filled((4, 8), "int4", [0.1] * 8, 0, 1),
    version=12,
)
CASES.add("CONV_2D whose output is told with three axes", conv, out=told((8, 8, 8)))
CASES.add(
    "AVERAGE_POOL_2D int8 of all",
    one,
    "AVERAGE_POOL_2D",
    [told(IMAGE, "int8")],
    [told((1, 1, 1, 4), "int8")],
    "Pool2DOptions",
    padding=1,
    strideW=8,
    strideH=8,
    filterWidth=8,
    filterHeight=8,
)
CASES.add(
    "CONV_2D int8 weights alone, along axis 3", conv, kernel=filled((8, 3, 3, 4), "int8", [0.01] * 4, 0, 3)
)
CASES.add(
    "DEPTHWISE_CONV_2D of a multiplier that does not divide", conv, "DEPTHWISE_CONV_2D", depthMultiplier=3
)
CASES.add(
    "TRANSPOSE_CONV uint8 to channels",
    transpose_conv,
    "uint8",
    out=Told((1, 8, 8, 8), "uint8", [0.01] * 8, 0, 3),
)


def blocks(size: int) -> bytes:
    """Give a dense layer of 64 by 4 with 4-bit weights, and a scale for every so many of them."""
    tensors = {
        "x": told((1, 64)),
        "w": filled((4, 64), "int4")._replace(block=size),
        "scales": constant([[0.1] * (64 // size)] * 4, "float16"),
        "b": filled((4,)),
        "y": told((1, 4)),
    }
    step = operator("FULLY_CONNECTED", ["x", "w", "b"], ["y"], "FullyConnectedOptions")
    return file_of(tensors, [step], ["x"], ["y"], {0: 13})


for _size in (16, 32, 64):
    CASES.add(f"FULLY_CONNECTED int4 weights in blocks of {_size}", blocks, _size)
CASES.add(
    "FULLY_CONNECTED int4 weights without a scale", dense, "float32", filled((4, 8), "int4"), version=12
)
CASES.add("TRANSPOSE_CONV whose output is told with three axes", transpose_conv, out=told((8, 8, 8)))
