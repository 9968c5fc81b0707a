"""Files of single operators at either side of each condition that vela has for an Ethos-U.

A name says what is special. What vela makes of each is not here: tests and `benchmarks/placement_ethos.py` ask it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from single_operators import Held, bias, one, weights, whole

Case = tuple[str, bytes]
IMAGE = (1, 4, 4, 8)
WHOLE = ("int8", "uint8", "int16", "int32")

UNARY = {
    "ABS": "Abs",
    "ELU": "",
    "EXP": "Exp",
    "GELU": "Gelu",
    "HARD_SWISH": "HardSwish",
    "LEAKY_RELU": "LeakyRelu",
    "LOG": "",
    "LOGISTIC": "",
    "L2_NORMALIZATION": "L2Norm",
    "LOG_SOFTMAX": "LogSoftmax",
    "NEG": "Neg",
    "QUANTIZE": "Quantize",
    "RELU": "",
    "RELU6": "",
    "RELU_0_TO_1": "",
    "RELU_N1_TO_1": "",
    "RSQRT": "",
    "SOFTMAX": "Softmax",
    "SQRT": "",
    "SQUARE": "Square",
    "TANH": "",
}
BINARY = {
    "ADD": "Add",
    "DIV": "Div",
    "FLOOR_DIV": "FloorDiv",
    "MAXIMUM": "MaximumMinimum",
    "MINIMUM": "MaximumMinimum",
    "MUL": "Mul",
    "POW": "Pow",
    "SQUARED_DIFFERENCE": "SquaredDifference",
    "SUB": "Sub",
}
COMPARISONS = {"EQUAL": "Equal", "GREATER": "Greater", "LESS_EQUAL": "LessEqual", "NOT_EQUAL": "NotEqual"}


def cases() -> Iterator[Case]:
    """Give all of them."""
    for group in (
        convolutions,
        depthwise,
        dense,
        transposed,
        pools,
        unary,
        binary,
        matmul,
        reshapes,
        transposes,
        pads,
        slices,
        joins,
        reductions,
        resizes,
        lookups,
        others,
    ):
        yield from group()


def convolutions() -> Iterator[Case]:
    """Give CONV_2D."""

    def conv(name: str, size: int = 8, gives: int = 8, **changes: Any) -> Case:
        tensors = {
            "data": Held((1, size, size, 4)),
            "weights": weights(8, 3, 3, 4),
            "bias": bias(8),
            "out": Held((1, gives, gives, 8)),
        }
        options = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
        tensors |= {key: value for key, value in changes.items() if key in tensors}
        options |= {key: value for key, value in changes.items() if key not in tensors}
        inputs = [tensors["data"], tensors["weights"], tensors["bias"]]
        return f"CONV_2D {name}", one("CONV_2D", inputs, [tensors["out"]], "Conv2D", **options)

    yield conv("plain")
    for activation, said in ((1, "RELU"), (2, "RELU_N1_TO_1"), (3, "RELU6"), (4, "TANH")):
        yield conv(f"with {said}", fusedActivationFunction=activation)
    for stride in (2, 3, 4):
        yield conv(f"stride {stride}, padded", gives=-(-8 // stride), strideW=stride, strideH=stride)
        yield conv(
            f"stride {stride}, valid", gives=-(-6 // stride), strideW=stride, strideH=stride, padding=1
        )
    yield conv("stride 4, same, nothing to pad", gives=2, strideW=4, strideH=4, weights=weights(8, 4, 4, 4))
    yield conv("stride 4, same, 5 to pad", gives=2, strideW=4, strideH=4, weights=weights(8, 5, 5, 4))
    far = {"dilationWFactor": 2, "dilationHFactor": 2}
    yield conv("dilated", 16, 16, **far)
    yield conv("dilated, stride 4, valid", 16, 3, strideW=4, strideH=4, padding=1, **far)
    wide = {"data": Held((1, 8, 8, 4), "int16"), "out": Held((1, 8, 8, 8), "int16")}
    yield conv("int16", **wide, bias=bias(8, "int64"))
    yield conv("int16, bias int32", **wide)
    for value in (2**40 - 1, 2**40, -(2**41), 2**47):
        yield conv(f"int16, bias {value}", **wide, bias=bias(8, "int64", value))
    yield conv("int16, zero point 5", data=Held((1, 8, 8, 4), "int16", point=5), out=wide["out"])
    yield conv("to int16", out=wide["out"])
    yield conv("from int16", data=wide["data"])
    yield conv("to int32", out=Held((1, 8, 8, 8), "int32"))
    yield conv("to float", out=Held((1, 8, 8, 8), "float32", None))
    unsigned = {"data": Held((1, 8, 8, 4), "uint8", point=128), "out": Held((1, 8, 8, 8), "uint8", point=128)}
    yield conv("uint8", **unsigned, weights=weights(8, 3, 3, 4, dtype="uint8"))
    yield conv("uint8, zero point -1", **{**unsigned, "data": Held((1, 8, 8, 4), "uint8", point=-1)})
    yield conv("zero point 300", data=Held((1, 8, 8, 4), point=300))
    yield conv("weights of int16", weights=weights(8, 3, 3, 4, dtype="int16"))
    yield conv("weights of int4", weights=Held((8, 3, 3, 4), "int4", 0.01, values=np.full(144, 17, "int8")))
    yield conv("weights computed", weights=Held((8, 3, 3, 4)))
    yield conv("weights without a scale", weights=weights(8, 3, 3, 4)._replace(scale=None))
    yield conv("a scale each", weights=weights(8, 3, 3, 4)._replace(scale=[0.01] * 8))
    yield conv("bias computed", bias=Held((8,), "int32", 0.001))
    yield conv("bias int8", bias=bias(8, "int8"))
    yield conv("bias of two axes", bias=Held((8, 1), "int32", 0.001, values=np.zeros((8, 1), "int32")))
    yield conv("no bias", bias=None)
    yield conv("two samples", data=Held((2, 8, 8, 4)), out=Held((2, 8, 8, 8)))
    yield conv("no scale", data=Held((1, 8, 8, 4), scale=None))
    yield conv("huge scale", data=Held((1, 8, 8, 4), scale=2.0**32))
    plain = Held((1, 8, 8, 4), "float32", None)
    yield conv("float", data=plain, out=Held((1, 8, 8, 8), "float32", None))
    yield conv("open batch", data=Held((1, 8, 8, 4), signature=(-1, 8, 8, 4)))
    yield conv("open height", data=Held((1, 8, 8, 4), signature=(1, -1, 8, 4)))
    yield conv("groups", data=Held((1, 8, 8, 8)))
    yield conv("kernel 70x70", 80, 80, weights=weights(8, 70, 70, 4))
    for value in (83, 84):  # 100,000 weights: 8,300,000 and 8,400,000, around 127 * 65,536 = 8,323,072
        heavy = {
            "data": Held((1, 5, 5, 4000)),
            "weights": weights(2, 5, 5, 4000, value=value),
            "bias": bias(2),
        }
        yield conv(f"weights of {value}", **heavy, out=Held((1, 5, 5, 2)))
    for channels in (65536, 65537):
        deep = {"data": Held((1, 1, 1, channels)), "weights": weights(1, 1, 1, channels), "bias": bias(1)}
        yield conv(f"{channels} channels", **deep, out=Held((1, 1, 1, 1)))


def depthwise() -> Iterator[Case]:
    """Give DEPTHWISE_CONV_2D."""

    def conv(name: str, kernel: Held, size: int, out: Held, data: Held | None = None, **options: Any) -> Case:
        usual = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1, "depthMultiplier": 1}
        inputs = [data or Held((1, size, size, 4)), kernel, bias(kernel.shape[-1])]
        made = one("DEPTHWISE_CONV_2D", inputs, [out], "DepthwiseConv2D", **{**usual, **options})
        return f"DEPTHWISE_CONV_2D {name}", made

    kernel = weights(1, 3, 3, 4)
    for stride in (1, 2, 3, 4):
        out = Held((1, -(-16 // stride), -(-16 // stride), 4))
        yield conv(f"stride {stride}", kernel, 16, out, strideW=stride, strideH=stride)
    yield conv("stride 4 in width", kernel, 16, Held((1, 16, 4, 4)), strideW=4)
    yield conv("stride 4, valid", kernel, 16, Held((1, 4, 4, 4)), strideW=4, strideH=4, padding=1)
    yield conv("dilated", kernel, 16, Held((1, 16, 16, 4)), dilationWFactor=3, dilationHFactor=2)
    yield conv("multiplier 2", weights(1, 3, 3, 8), 16, Held((1, 16, 16, 8)), depthMultiplier=2)
    wide = Held((1, 16, 16, 4), "int16")
    yield conv("int16", kernel, 16, wide, data=wide)
    yield conv("weights computed", Held((1, 3, 3, 4)), 16, Held((1, 16, 16, 4)))
    single = Held((1, 300, 300, 1))
    for value in (126, 127):  # 65,536 weights: 127 * 65,536 is the limit
        yield conv(f"weights of {value}", weights(1, 256, 256, 1, value=value), 300, single, data=single)
    yield conv("too heavy", weights(1, 257, 256, 1, value=127), 300, single, data=single)


def dense() -> Iterator[Case]:
    """Give FULLY_CONNECTED."""

    def layer(
        name: str, data: Held, kernel: Held, out: Held, add: Held | None = None, **options: Any
    ) -> Case:
        return f"FULLY_CONNECTED {name}", one(
            "FULLY_CONNECTED", [data, kernel, add], [out], "FullyConnected", **options
        )

    row, kernel, out = Held((1, 16)), weights(8, 16), Held((1, 8))
    yield layer("plain", row, kernel, out, bias(8))
    yield layer("no bias", row, kernel, out)
    yield layer("four samples", Held((4, 16)), kernel, Held((4, 8)))
    yield layer("keeps axes", Held((1, 4, 16)), kernel, Held((1, 4, 8)), keepNumDims=True)
    yield layer("flattens", Held((1, 2, 2, 4)), kernel, out)
    yield layer("a scale each", row, kernel._replace(scale=[0.01] * 8), out)
    yield layer("weights of four axes", row, weights(8, 1, 1, 16), out)
    yield layer("weights of another form", row, weights(8, 2, 2, 4), out)
    yield layer(
        "float weights in int8", Held((1, 16), "float32", None), kernel, Held((1, 8), "float32", None)
    )
    yield layer("int16", Held((1, 16), "int16"), kernel, Held((1, 8), "int16"), bias(8, "int64"))
    yield layer("to int32", row, kernel, Held((1, 8), "int32"))
    yield layer("to int32, RELU", row, kernel, Held((1, 8), "int32"), fusedActivationFunction=1)
    for dtype in ("int8", "uint8", "int16"):
        computed = Held((8, 16), "int8" if dtype == "int16" else dtype)
        yield layer(f"weights computed, {dtype}", Held((1, 16), dtype), computed, Held((1, 8), dtype))
    for value in (118, 119):  # 70,000 weights
        yield layer(
            f"70000 weights of {value}", Held((1, 70000)), weights(2, 70000, value=value), Held((1, 2))
        )
    many = Held((1, 60000)), weights(2, 60000), Held((1, 2))
    yield layer("60000 weights of 1", *many)


def transposed() -> Iterator[Case]:
    """Give TRANSPOSE_CONV."""
    rows: list[tuple[str, tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int], int]] = [
        ("2x2 same", (4, 4), (3, 3), (8, 8), (2, 2), 0),
        ("2x2 valid", (4, 4), (3, 3), (9, 9), (2, 2), 1),
        ("2x2 valid, another size", (4, 4), (3, 3), (10, 10), (2, 2), 1),
        ("2x2 same, another size", (4, 4), (3, 3), (7, 7), (2, 2), 0),
        ("1x1", (4, 4), (3, 3), (4, 4), (1, 1), 0),
        ("3x3", (4, 4), (3, 3), (12, 12), (3, 3), 0),
        ("1x2", (4, 4), (3, 3), (4, 8), (1, 2), 0),
        ("1x2 of one row", (1, 4), (1, 3), (1, 8), (1, 2), 0),
        ("2x1 of one column", (4, 1), (3, 1), (8, 1), (2, 1), 0),
        ("kernel 2, valid", (4, 4), (2, 2), (8, 8), (2, 2), 1),
    ]
    for name, size, kernel, out, stride, padding in rows:
        shape = (1, *out, 8)
        inputs = [whole(shape), weights(8, *kernel, 4), Held((1, *size, 4)), bias(8)]
        options = {"strideH": stride[0], "strideW": stride[1], "padding": padding}
        made = one("TRANSPOSE_CONV", inputs, [Held(shape)], "TransposeConv", **options)
        yield f"TRANSPOSE_CONV {name}", made
    shape = (1, 8, 8, 8)
    inputs = [whole(shape), weights(8, 3, 3, 4), Held((1, 4, 4, 4), "int16")]
    made = one("TRANSPOSE_CONV", inputs, [Held(shape, "int16")], "TransposeConv", strideW=2, strideH=2)
    yield "TRANSPOSE_CONV int16, no bias", made


def pools() -> Iterator[Case]:
    """Give AVERAGE_POOL_2D and MAX_POOL_2D."""
    for kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):

        def pool(
            name: str,
            size: tuple[int, int],
            out: tuple[int, int],
            kind: str = kind,
            dtype: str = "int8",
            **options: Any,
        ) -> Case:
            usual = {"strideW": 1, "strideH": 1, "filterWidth": 2, "filterHeight": 2}
            tensors = [Held((1, *size, 4), dtype)], [Held((1, *out, 4), dtype)]
            return f"{kind} {name}", one(kind, *tensors, "Pool2D", **{**usual, **options})

        for dtype in WHOLE:
            yield pool(dtype, (8, 8), (8, 8), dtype=dtype)
        for side in (8, 9):
            yield pool(f"same {side}x{side}", (16, 16), (16, 16), filterWidth=side, filterHeight=side)
        yield pool("same 1x9", (16, 16), (16, 16), filterWidth=9, filterHeight=1)
        whole_image = {"strideW": 9, "strideH": 9, "filterWidth": 9, "filterHeight": 9}
        yield pool("same, nothing to pad", (9, 9), (1, 1), **whole_image)
        for height, width in ((256, 256), (257, 16), (16, 257)):
            both = {"filterWidth": width, "filterHeight": height, "padding": 1}
            yield pool(f"valid {height}x{width}", (height, width), (1, 1), **both)
        four = {"strideW": 4, "strideH": 4}
        yield pool("stride 4, valid", (16, 16), (4, 4), padding=1, filterWidth=4, filterHeight=4, **four)
        yield pool("stride 4, same, nothing to pad", (16, 16), (4, 4), filterWidth=4, filterHeight=4, **four)
        yield pool("stride 4, same", (16, 16), (4, 4), filterWidth=5, filterHeight=5, **four)
        yield pool("stride 4 in width, same", (16, 16), (16, 4), filterWidth=5, filterHeight=2, strideW=4)
        tensors = [Held((1, 8, 8, 4), "int16", point=7)], [Held((1, 8, 8, 4), "int16")]
        usual = {"strideW": 1, "strideH": 1, "filterWidth": 2, "filterHeight": 2}
        yield f"{kind} int16 with zero point", one(kind, *tensors, "Pool2D", **usual)


def unary() -> Iterator[Case]:
    """Give activations and other operators of one tensor."""
    for name, kind in UNARY.items():
        options = {"beta": 1.0} if name == "SOFTMAX" else {"alpha": 0.1} if name == "LEAKY_RELU" else {}

        def of(
            said: str,
            data: Held,
            out: Held,
            name: str = name,
            kind: str = kind,
            options: dict[str, Any] = options,
        ) -> Case:
            return f"{name} {said}", one(name, [data], [out], kind, **options)

        for dtype in WHOLE:
            yield of(dtype, Held(IMAGE, dtype), Held(IMAGE, dtype))
        yield of("int8 to int16", Held(IMAGE), Held(IMAGE, "int16"))
        yield of("int16 to int8", Held(IMAGE, "int16"), Held(IMAGE))
        yield of("five axes", Held((1, 2, 4, 4, 8)), Held((1, 2, 4, 4, 8)))
        yield of("without a scale", Held(IMAGE), Held(IMAGE, scale=None))
        yield of("a scale each", Held(IMAGE, scale=[0.1] * 8, axis=3), Held(IMAGE))
    for given, made in (("int8", "int32"), ("int32", "int8"), ("uint8", "int8"), ("float32", "int8")):
        scales = [None if dtype == "float32" else 0.1 for dtype in (given, made)]
        tensors = [Held(IMAGE, given, scales[0])], [Held(IMAGE, made, scales[1])]
        yield f"QUANTIZE {given} to {made}", one("QUANTIZE", *tensors, "Quantize")
        yield f"CAST {given} to {made}", one("CAST", *tensors, "Cast")
    for dtype in ("int8", "int16", "int32"):
        out = Held(IMAGE, "float32", None)
        yield f"DEQUANTIZE {dtype}", one("DEQUANTIZE", [Held(IMAGE, dtype)], [out], "Dequantize")
    for shape in ((1, 256, 256, 2), (1, 256, 257, 2), (65536, 2), (65537, 2)):
        yield f"SOFTMAX {shape}", one("SOFTMAX", [Held(shape)], [Held(shape)], "Softmax", beta=1.0)
    yield "RELU of a number", one("RELU", [Held(())], [Held(())])
    yield "PRELU", one("PRELU", [Held(IMAGE), weights(1, 1, 8)], [Held(IMAGE)])
    each = weights(1, 1, 8)._replace(scale=[0.01] * 8, axis=2)
    yield "PRELU, a scale each", one("PRELU", [Held(IMAGE), each], [Held(IMAGE)])


def binary() -> Iterator[Case]:
    """Give operators of two tensors."""
    for name, kind in BINARY.items():

        def of(
            said: str,
            first: Held,
            second: Held,
            out: Held,
            name: str = name,
            kind: str = kind,
            **options: Any,
        ) -> Case:
            return f"{name} {said}", one(name, [first, second], [out], kind, **options)

        for dtype in (*WHOLE, "int64"):
            yield of(dtype, Held(IMAGE, dtype), Held(IMAGE, dtype), Held(IMAGE, dtype))
        yield of("of other scales", Held(IMAGE), Held(IMAGE, scale=0.2), Held(IMAGE, scale=0.3))
        yield of("of another zero point", Held(IMAGE), Held(IMAGE, point=3), Held(IMAGE))
        yield of("with a channel", Held(IMAGE), Held((8,)), Held(IMAGE))
        yield of("with a constant", Held(IMAGE), Held((8,), values=np.ones(8, "int8")), Held(IMAGE))
        yield of("with a number", Held(IMAGE), Held((), values=np.array(1, "int8")), Held(IMAGE))
        yield of("of three samples", Held((3, 4, 4, 8)), Held((1, 4, 4, 8)), Held((3, 4, 4, 8)))
        yield of("of five axes", *[Held((1, 2, 4, 4, 8))] * 3)
        yield of("to int16", Held(IMAGE), Held(IMAGE), Held(IMAGE, "int16"))
        yield of("to int32", Held(IMAGE), Held(IMAGE), Held(IMAGE, "int32"))
        yield of("int32 with zero point", *[Held(IMAGE, "int32", point=4)] * 2, Held(IMAGE, "int32"))
        yield of("without a scale", *[Held(IMAGE, scale=None)] * 2, Held(IMAGE))
        if kind in {"Add", "Sub", "Mul", "Div"}:
            yield of("with RELU", *[Held(IMAGE)] * 3, fusedActivationFunction=1)
            yield of("int32 with RELU", *[Held(IMAGE, "int32")] * 3, fusedActivationFunction=1)
    for name, kind in COMPARISONS.items():
        for dtype in ("int8", "int32"):
            out = Held(IMAGE, "bool", None)
            yield f"{name} {dtype}", one(name, [Held(IMAGE, dtype)] * 2, [out], kind)
    for name, kind in {"SELECT": "Select", "SELECT_V2": "SelectV2"}.items():
        inputs = [Held(IMAGE, "bool", None), Held(IMAGE), Held(IMAGE)]
        yield name, one(name, inputs, [Held(IMAGE)], kind)
    yield (
        "LOGICAL_AND",
        one("LOGICAL_AND", [Held(IMAGE, "bool", None)] * 2, [Held(IMAGE, "bool", None)], "LogicalAnd"),
    )


def matmul() -> Iterator[Case]:
    """Give BATCH_MATMUL."""
    for dtype in WHOLE:
        inputs = [Held((1, 4, 8), dtype), Held((1, 8, 5), dtype)]
        yield f"BATCH_MATMUL {dtype}", one("BATCH_MATMUL", inputs, [Held((1, 4, 5), dtype)], "BatchMatMul")
    rows: list[tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, bool]]] = [
        ("turned left", (1, 8, 4), (1, 8, 5), (1, 4, 5), {"adjX": True}),
        ("turned right", (1, 4, 8), (1, 5, 8), (1, 4, 5), {"adjY": True}),
        ("of batches", (2, 3, 4, 8), (2, 3, 8, 5), (2, 3, 4, 5), {}),
        ("deep", (1, 1, 65537), (1, 65537, 1), (1, 1, 1), {}),
        ("deep, turned", (1, 65537, 1), (1, 65537, 1), (1, 1, 1), {"adjX": True}),
        ("wide", (1, 1, 2), (1, 2, 65537), (1, 1, 65537), {}),
    ]
    for name, left, right, out, options in rows:
        made = one("BATCH_MATMUL", [Held(left), Held(right)], [Held(out)], "BatchMatMul", **options)
        yield f"BATCH_MATMUL {name}", made


def reshapes() -> Iterator[Case]:
    """Give RESHAPE, SQUEEZE and EXPAND_DIMS."""
    rows: list[tuple[str, list[Held], tuple[int, ...], str, dict[str, Any]]] = [
        ("RESHAPE", [whole([1, 128])], (1, 128), "Reshape", {"newShape": [1, 128]}),
        ("SQUEEZE", [], (4, 4, 8), "Squeeze", {"squeezeDims": [0]}),
        ("EXPAND_DIMS", [whole(0)], (1, 1, 4, 4, 8), "ExpandDims", {}),
    ]
    for name, more, out, kind, options in rows:
        for dtype in (*WHOLE, "int64", "bool", "float32"):
            scale = None if dtype in {"bool", "float32"} else 0.1
            made = one(name, [Held(IMAGE, dtype, scale), *more], [Held(out, dtype, scale)], kind, **options)
            yield f"{name} {dtype}", made
        for said, held in {
            "without a scale": {"scale": None},
            "to another scale": {"scale": 0.2},
            "to another zero point": {"point": 2},
        }.items():
            made = one(name, [Held(IMAGE), *more], [Held(out, **held)], kind, **options)  # type: ignore[arg-type]
            yield f"{name} {said}", made
    inputs = [Held(IMAGE), Held((2,), "int32", None)]
    yield "RESHAPE by a computed shape", one("RESHAPE", inputs, [Held((1, 128))], "Reshape")
    opened = Held((1, 128), signature=(-1, 128))
    data = Held(IMAGE, signature=(-1, 4, 4, 8))
    yield "RESHAPE of an open batch", one("RESHAPE", [data, whole([-1, 128])], [opened], "Reshape")


def transposes() -> Iterator[Case]:
    """Give TRANSPOSE."""
    rows: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
        (dtype, (1, 4, 5, 8), order)
        for dtype in ("int8", "int16", "int32")
        for order in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 1, 3, 2), (0, 3, 2, 1), (0, 2, 3, 1), (3, 2, 1, 0))
    ]
    rows += [
        ("int8", (4, 8), (1, 0)),
        ("int32", (4, 5, 8), (1, 0, 2)),
        ("int8", (1, 2, 3, 4, 5), (0, 1, 2, 4, 3)),
        ("int8", (1, 2, 1, 2, 3, 2, 2, 2), (7, 6, 5, 4, 3, 2, 1, 0)),
        ("int8", (65536, 2), (1, 0)),
        ("int8", (65537, 2), (1, 0)),
        ("int8", (1, 70000, 2, 2), (0, 2, 1, 3)),
        ("int8", (2, 40000, 2, 2), (0, 2, 1, 3)),
        ("int8", (1, 2, 300, 400, 5), (0, 1, 2, 4, 3)),
        ("int8", (41, 40, 40, 40), (3, 2, 1, 0)),
        ("int32", (1, 1, 1, 32768), (0, 1, 2, 3)),
        ("int32", (1, 1, 1, 32769), (0, 1, 2, 3)),
        ("int32", (1, 2, 3, 16384), (0, 2, 1, 3)),
        ("int32", (1, 2, 3, 16385), (0, 2, 1, 3)),
        ("int32", (2, 2, 3, 4), (0, 2, 1, 3)),
        ("int32", (1, 1, 2, 3, 4), (0, 1, 3, 2, 4)),
    ]
    for dtype, shape, order in rows:
        out = tuple(shape[axis] for axis in order)
        made = one("TRANSPOSE", [Held(shape, dtype), whole(order)], [Held(out, dtype)], "Transpose")
        yield f"TRANSPOSE {dtype} {shape} {order}", made
    inputs = [Held(IMAGE), Held((4,), "int32", None)]
    yield "TRANSPOSE by a computed order", one("TRANSPOSE", inputs, [Held(IMAGE)], "Transpose")
    made = one("TRANSPOSE", [Held(IMAGE), whole((0, 2, 1, 3), "int64")], [Held(IMAGE)], "Transpose")
    yield "TRANSPOSE by int64", made


def pads() -> Iterator[Case]:
    """Give PAD, PADV2 and MIRROR_PAD."""
    around = [[0, 0], [1, 1], [1, 1], [0, 0]]
    for name, kind in {"PAD": "Pad", "PADV2": "PadV2", "MIRROR_PAD": "MirrorPad"}.items():

        def pad(
            said: str, widths: Held, dtype: str = "int8", scale: Any = 0.1, name: str = name, kind: str = kind
        ) -> Case:
            out = Held((1, 6, 6, 8), dtype, scale)
            more = [Held((1,), dtype, values=np.zeros(1, dtype))] if name == "PADV2" else []
            return f"{name} {said}", one(name, [Held(IMAGE, dtype), widths, *more], [out], kind)

        for dtype in WHOLE:
            yield pad(dtype, whole(around), dtype)
        yield pad("by int64", whole(around, "int64"))
        yield pad("to another scale", whole(around), scale=0.2)
        yield pad("without a scale", whole(around), scale=None)
        yield pad("by computed widths", Held((4, 2), "int32", None))
        if name != "PAD":
            yield pad("by int16", whole(around, "int16"))


def slices() -> Iterator[Case]:
    """Give SLICE and STRIDED_SLICE."""
    for dtype in WHOLE:
        inputs = [Held(IMAGE, dtype), whole([0, 1, 1, 0]), whole([1, 2, 2, 8])]
        yield f"SLICE {dtype}", one("SLICE", inputs, [Held((1, 2, 2, 8), dtype)], "Slice")
    inputs = [Held(IMAGE), Held((4,), "int32", None), whole([1, 2, 2, 8])]
    yield "SLICE from a computed place", one("SLICE", inputs, [Held((1, 2, 2, 8))], "Slice")

    def part(
        name: str,
        ends: tuple[list[int], list[int], list[int]],
        out: tuple[int, ...],
        shape: tuple[int, ...] = IMAGE,
        dtype: str = "int8",
        **options: int,
    ) -> Case:
        inputs = [Held(shape, dtype), *(whole(one_of) for one_of in ends)]
        made = one("STRIDED_SLICE", inputs, [Held(out, dtype)], "StridedSlice", **options)
        return f"STRIDED_SLICE {name}", made

    zeros, full, ones = [0, 0, 0, 0], [1, 4, 4, 8], [1, 1, 1, 1]
    for dtype in WHOLE:
        yield part(dtype, ([0, 1, 1, 0], [1, 3, 3, 8], ones), (1, 2, 2, 8), dtype=dtype)
    yield part("every second row", (zeros, full, [1, 2, 1, 1]), (1, 2, 4, 8))
    yield part("every second column", (zeros, full, [1, 1, 2, 1]), (1, 4, 2, 8))
    yield part("every second channel", (zeros, full, [1, 1, 1, 2]), (1, 4, 4, 4))
    yield part("every second sample", (zeros, [4, 4, 4, 8], [2, 1, 1, 1]), (2, 4, 4, 8), (4, 4, 4, 8))
    yield part("backwards", ([0, -1, 0, 0], [1, -5, 4, 8], [1, -1, 1, 1]), IMAGE)
    yield part("a row", ([0, 1, 0, 0], [1, 2, 4, 8], ones), (1, 4, 8), shrinkAxisMask=2)
    yield part("a new axis", ([0] * 5, [1, 0, 4, 4, 8], [1] * 5), (1, 1, 4, 4, 8), newAxisMask=2)
    yield part("an ellipsis", ([0, 0], [0, 4], [1, 1]), (1, 4, 4, 4), ellipsisMask=1)
    yield part("of two axes, rows", ([0, 0], [8, 8], [2, 1]), (4, 8), (8, 8))
    yield part("of two axes, columns", ([0, 0], [8, 8], [1, 2]), (8, 4), (8, 8))
    yield part("of one axis", ([0], [8], [2]), (4,), (8,))
    yield part("a number of a shape", ([0], [1], [1]), (), (4,), "int32", shrinkAxisMask=1)


def joins() -> Iterator[Case]:
    """Give CONCATENATION, PACK, UNPACK, SPLIT, SPLIT_V and TILE."""
    for dtype in (*WHOLE, "int64"):
        two = [Held(IMAGE, dtype)] * 2
        yield (
            f"CONCATENATION {dtype}",
            one("CONCATENATION", two, [Held((1, 4, 4, 16), dtype)], "Concatenation", axis=3),
        )
        halves = [Held((1, 4, 4, 4), dtype)] * 2
        yield f"SPLIT {dtype}", one("SPLIT", [whole(3), Held(IMAGE, dtype)], halves, "Split", numSplits=2)
        yield (
            f"TILE {dtype}",
            one("TILE", [Held(IMAGE, dtype), whole([1, 2, 1, 1])], [Held((1, 8, 4, 8), dtype)], "Tile"),
        )
        flat = [Held((4, 8), dtype)] * 3
        yield f"PACK {dtype}", one("PACK", flat, [Held((3, 4, 8), dtype)], "Pack", axis=0, valuesCount=3)
        yield f"UNPACK {dtype}", one("UNPACK", [Held((3, 4, 8), dtype)], flat, "Unpack", axis=0, num=3)
    mixed = [Held(IMAGE), Held(IMAGE, scale=0.3)]
    out = [Held((1, 4, 4, 16), scale=0.3)]
    yield "CONCATENATION of scales", one("CONCATENATION", mixed, out, "Concatenation", axis=-1)
    numbers = [Held((), "int32", None)] * 3
    yield "PACK of numbers", one("PACK", numbers, [Held((3,), "int32", None)], "Pack", valuesCount=3)
    halves = [Held((1, 4, 4, 4))] * 2
    yield (
        "SPLIT along a computed axis",
        one("SPLIT", [Held((1,), "int32", None), Held(IMAGE)], halves, "Split", numSplits=2),
    )
    parts = [Held((1, 4, 4, 3)), Held((1, 4, 4, 5))]
    yield "SPLIT_V", one("SPLIT_V", [Held(IMAGE), whole([3, 5]), whole(3)], parts, "SplitV", numSplits=2)
    times = [Held(IMAGE), Held((4,), "int32", None)]
    yield "TILE by computed numbers", one("TILE", times, [Held((1, 8, 4, 8))], "Tile")


def reductions() -> Iterator[Case]:
    """Give MEAN, SUM, REDUCE_MAX and REDUCE_MIN."""
    for name in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"):

        def over(
            said: str,
            shape: tuple[int, ...],
            axes: list[int],
            dtype: str = "int8",
            to: str = "",
            name: str = name,
        ) -> Case:
            places = {axis % len(shape) for axis in axes}
            out = tuple(1 if place in places else side for place, side in enumerate(shape))
            tensors = [Held(shape, dtype), whole(axes)], [Held(out, to or dtype)]
            return f"{name} {said}", one(name, *tensors, "Reducer", keepDims=True)

        for dtype in WHOLE:
            yield over(dtype, IMAGE, [1, 2], dtype)
        yield over("to int16", IMAGE, [1, 2], to="int16")
        yield over("to int32", IMAGE, [1, 2], to="int32")
        yield over("over channels", IMAGE, [3])
        yield over("over channels, from the end", IMAGE, [-1])
        yield over("over channels of one column", (1, 4, 1, 8), [3])
        yield over("over two axes of three", (2, 4, 8), [2])
        yield over("over one axis of two", (4, 8), [1])
        yield over("of two samples", (2, 4, 4, 8), [1, 2])
        yield over("of five axes", (1, 2, 4, 4, 8), [2, 3])
        yield over("over everything", IMAGE, [0, 1, 2, 3])
        yield over("over 4096", (1, 4096, 1, 8), [1])
        yield over("over 4097", (1, 4097, 1, 8), [1])
        yield over("over 65536 int16", (1, 256, 256, 2), [1, 2], "int16")
        yield over("over 65792 int16", (1, 256, 257, 2), [1, 2], "int16")
        computed = [Held(IMAGE), Held((2,), "int32", None)]
        yield (
            f"{name} over computed axes",
            one(name, computed, [Held((1, 1, 1, 8))], "Reducer", keepDims=True),
        )
    for name in ("REDUCE_ANY", "REDUCE_ALL"):
        tensors = [Held(IMAGE, "bool", None), whole([1, 2])], [Held((1, 8), "bool", None)]
        yield name, one(name, *tensors, "Reducer")


def resizes() -> Iterator[Case]:
    """Give RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR."""
    for name, kind in {
        "RESIZE_BILINEAR": "ResizeBilinear",
        "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    }.items():

        def to(
            size: tuple[int, int],
            out: tuple[int, int],
            dtype: str = "int8",
            batch: int = 1,
            name: str = name,
            kind: str = kind,
            **options: bool,
        ) -> Case:
            tensors = [Held((batch, *size, 8), dtype), whole(out)], [Held((batch, *out, 8), dtype)]
            said = " ".join([dtype, f"batch {batch}", *options])
            return f"{name} {size} to {out} {said}", one(name, *tensors, kind, **options)

        for factor in (1, 2, 3, 4, 8, 16):
            larger = (4 * factor, 4 * factor)
            yield to((4, 4), larger)
            yield to((4, 4), larger, halfPixelCenters=True)
            yield to((4, 4), (3 * factor + 1, 3 * factor + 1), alignCorners=True)
        for size, out in (
            ((1, 1), (7, 5)),
            ((4, 4), (8, 16)),
            ((1, 4), (1, 8)),
            ((4, 1), (8, 1)),
            ((8, 8), (4, 4)),
            ((1, 2), (1, 2048)),
            ((1, 2), (1, 4096)),
        ):
            yield to(size, out)
            yield to(size, out, halfPixelCenters=True)
        yield to((4, 4), (8, 8), halfPixelCenters=True, alignCorners=True)
        for dtype in ("uint8", "int16", "int32"):
            yield to((4, 4), (8, 8), dtype)
        yield to((4, 4), (8, 8), batch=2)


def lookups() -> Iterator[Case]:
    """Give ARG_MAX, GATHER, REVERSE_V2 and SCATTER_ND."""
    for depth in (127, 128):
        tensors = [Held((1, 4, 4, depth)), whole(3)], [Held((1, 4, 4), "int32", None)]
        yield f"ARG_MAX of {depth}", one("ARG_MAX", *tensors, "ArgMax", outputType=2)
    for said, data, axis in (
        ("int8", Held(IMAGE), -1),
        ("int16", Held(IMAGE, "int16"), 3),
        ("along rows", Held(IMAGE), 1),
        ("of two samples", Held((2, 4, 4, 8)), 3),
    ):
        out = Held(tuple(side for place, side in enumerate(data.shape) if place != axis % 4), "int32", None)
        yield f"ARG_MAX {said}", one("ARG_MAX", [data, whole(axis)], [out], "ArgMax", outputType=2)
    table, places = Held((4, 8)), whole([1, 2])
    yield "GATHER rows", one("GATHER", [table, places], [Held((2, 8))], "Gather")
    yield "GATHER columns", one("GATHER", [table, places], [Held((4, 2))], "Gather", axis=1)
    each = whole([[1, 2]] * 4)
    yield "GATHER of each row", one("GATHER", [table, each], [Held((4, 2))], "Gather", axis=1, batchDims=1)
    computed = Held((2,), "int32", None)
    yield "GATHER computed places", one("GATHER", [table, computed], [Held((2, 8))], "Gather")
    for axes in ([1], [3], [1, 2]):
        yield f"REVERSE_V2 {axes}", one("REVERSE_V2", [Held(IMAGE), whole(axes)], [Held(IMAGE)], "ReverseV2")
    for said, where in {"": [[0], [2]], " twice": [[0], [0]]}.items():
        inputs = [whole(where), Held((2, 8)), whole([4, 8])]
        yield f"SCATTER_ND{said}", one("SCATTER_ND", inputs, [Held((4, 8))], "ScatterNd")
    inputs = [Held((2, 1), "int32", None), Held((2, 8)), whole([4, 8])]
    yield "SCATTER_ND to computed places", one("SCATTER_ND", inputs, [Held((4, 8))], "ScatterNd")


def others() -> Iterator[Case]:
    """Give operators that no Ethos-U has."""
    yield (
        "SPACE_TO_DEPTH",
        one("SPACE_TO_DEPTH", [Held(IMAGE)], [Held((1, 2, 2, 32))], "SpaceToDepth", blockSize=2),
    )
    yield (
        "DEPTH_TO_SPACE",
        one("DEPTH_TO_SPACE", [Held((1, 2, 2, 32))], [Held(IMAGE)], "DepthToSpace", blockSize=2),
    )
    yield "SHAPE", one("SHAPE", [Held(IMAGE)], [Held((4,), "int32", None)], "Shape", outType=2)
    yield "CUMSUM", one("CUMSUM", [Held(IMAGE), whole(1)], [Held(IMAGE)], "Cumsum")
    yield "BROADCAST_TO", one("BROADCAST_TO", [Held((1, 8)), whole([4, 8])], [Held((4, 8))], "BroadcastTo")
    yield "a custom operator", one("Mine", [Held(IMAGE)], [Held(IMAGE)])
    both = [Held((1, 2)), Held((1, 2), "int32", None)]
    yield "TOPK_V2", one("TOPK_V2", [Held((1, 8)), whole(2)], both, "TopKV2")
    yield (
        "ARG_MIN",
        one("ARG_MIN", [Held((1, 8)), whole([1])], [Held((1,), "int32", None)], "ArgMin", outputType=2),
    )
