"""Files of one operator on numbers, each of which keeps or breaks one condition of XNNPACK."""

from __future__ import annotations

from placement_files import Cases, Told, constant, filled, one, told

IMAGE = (1, 8, 8, 4)
CASES = Cases()

# Of one input and one output.

FLOAT_ONLY = (
    "ABS CEIL COS EXP FLOOR GELU HARD_SWISH LOG NEG RELU_N1_TO_1 RELU RELU6 ROUND RSQRT SIN SQRT SQUARE"
)
for _kind in FLOAT_ONLY.split():
    CASES.add(f"{_kind} float", one, _kind, [told(IMAGE)], [told(IMAGE)])
for _kind in ("ABS", "HARD_SWISH", "RELU", "RELU6", "RSQRT"):
    CASES.add(f"{_kind} int8", one, _kind, [told(IMAGE, "int8")], [told(IMAGE, "int8")])
for _kind in ("LOGISTIC", "TANH", "ELU"):
    _scale = 1 / 128 if _kind == "TANH" else 1 / 256
    for _type, _point in (("int8", -128), ("uint8", 0)):
        _end = told(
            IMAGE, _type, scales=_scale, points=(0 if _type == "int8" else 128) if _kind == "TANH" else _point
        )
        if (_kind, _type) != ("ELU", "uint8"):
            CASES.add(f"{_kind} {_type}", one, _kind, [told(IMAGE, _type)], [_end])
    CASES.add(f"{_kind} float", one, _kind, [told(IMAGE)], [told(IMAGE)])
    if _kind != "ELU":
        CASES.add(
            f"{_kind} int16", one, _kind, [told(IMAGE, "int16", 2**-12)], [told(IMAGE, "int16", 2**-15)]
        )
CASES.add("ELU int8, coarse to fine", one, "ELU", [told(IMAGE, "int8", 4.0)], [told(IMAGE, "int8", 0.001)])
CASES.add("ABS of six axes", one, "ABS", [told((1, 2, 1, 2, 1, 2))], [told((1, 2, 1, 2, 1, 2))])
CASES.add("ABS of seven axes", one, "ABS", [told((1, 2, 1, 2, 1, 2, 2))], [told((1, 2, 1, 2, 1, 2, 2))])
CASES.add("ABS of a scalar", one, "ABS", [told(())], [told(())])
CASES.add("ABS of nothing", one, "ABS", [told((1, 0))], [told((1, 0))])
CASES.add(
    "ABS of an open batch", one, "ABS", [told((1, 4), open_shape=(-1, 4))], [told((1, 4), open_shape=(-1, 4))]
)
CASES.add("ABS int32", one, "ABS", [told((1, 4), "int32")], [told((1, 4), "int32")])
for _alpha in (0.2, 0.0, -0.5, 200.0):
    for _type in ("float32", "int8"):
        CASES.add(
            f"LEAKY_RELU {_type}, alpha {_alpha}",
            one,
            "LEAKY_RELU",
            [told(IMAGE, _type)],
            [told(IMAGE, _type)],
            "LeakyReluOptions",
            alpha=_alpha,
        )
for _from, _to in ((0.001, 1.0), (1.0, 0.001), (0.004, 1.0), (1.0, 0.0078)):
    CASES.add(
        f"LEAKY_RELU int8, scale {_from} to {_to}",
        one,
        "LEAKY_RELU",
        [told(IMAGE, "int8", _from)],
        [told(IMAGE, "int8", _to)],
        "LeakyReluOptions",
        alpha=0.5,
    )
    CASES.add(
        f"QUANTIZE int8, scale {_from} to {_to}",
        one,
        "QUANTIZE",
        [told(IMAGE, "int8", _from)],
        [told(IMAGE, "int8", _to)],
    )
for _from, _to in (
    ("float32", "int8"),
    ("float32", "uint8"),
    ("float32", "int16"),
    ("uint8", "int8"),
    ("int8", "uint8"),
    ("uint8", "uint8"),
    ("int16", "int8"),
    ("int16", "int16"),
):
    CASES.add(f"QUANTIZE {_from} to {_to}", one, "QUANTIZE", [told(IMAGE, _from)], [told(IMAGE, _to)])
for _from in ("int8", "uint8", "int16", "float16"):
    CASES.add(f"DEQUANTIZE {_from}", one, "DEQUANTIZE", [told(IMAGE, _from)], [told(IMAGE)])
CASES.add(
    "DEQUANTIZE int8 by channel",
    one,
    "DEQUANTIZE",
    [Told(IMAGE, "int8", [0.1, 0.2, 0.3, 0.4], 0, 3)],
    [told(IMAGE)],
)

# Of two inputs.

for _kind, _table in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")):
    for _type in ("float32", "int8", "uint8", "int16", "int32"):
        _more = {"potScaleInt16": False} if _kind != "MUL" else {}
        CASES.add(
            f"{_kind} {_type}",
            one,
            _kind,
            [told(IMAGE, _type), told(IMAGE, _type)],
            [told(IMAGE, _type)],
            _table,
            **_more,
        )
    for _left, _out in ((0.0005, 1.0), (300.0, 1.0), (200.0, 1.0), (0.001, 1.0), (1e-7, 1.0), (1.0, 0.001)):
        CASES.add(
            f"{_kind} int8, scale {_left} to {_out}",
            one,
            _kind,
            [told(IMAGE, "int8", _left), told(IMAGE, "int8", 1.0)],
            [told(IMAGE, "int8", _out)],
            _table,
        )
    for _activation in (1, 2, 3, 4):
        if _activation < 4 or _kind != "MUL":
            CASES.add(
                f"{_kind} float, activation {_activation}",
                one,
                _kind,
                [told(IMAGE), told(IMAGE)],
                [told(IMAGE)],
                _table,
                fusedActivationFunction=_activation,
            )
    CASES.add(
        f"{_kind} int8 with a constant",
        one,
        _kind,
        [told(IMAGE, "int8"), filled((4,), "int8", 0.5)],
        [told(IMAGE, "int8")],
        _table,
    )
CASES.add(
    "ADD int8, two scales of the constant",
    one,
    "ADD",
    [told(IMAGE, "int8"), told((1, 1, 1, 4), "int8", 0.3)],
    [told(IMAGE, "int8")],
    "AddOptions",
)
CASES.add("ADD of a scalar", one, "ADD", [told(IMAGE), constant(2.0)], [told(IMAGE)], "AddOptions")
CASES.add(
    "ADD of six axes", one, "ADD", [told((1, 2) * 3), told((1, 2) * 3)], [told((1, 2) * 3)], "AddOptions"
)
CASES.add("ADD of nothing", one, "ADD", [told((1, 0)), told((1, 0))], [told((1, 0))], "AddOptions")
for _kind, _table in (
    ("DIV", "DivOptions"),
    ("MAXIMUM", "MaximumMinimumOptions"),
    ("MINIMUM", "MaximumMinimumOptions"),
    ("SQUARED_DIFFERENCE", "SquaredDifferenceOptions"),
):
    CASES.add(f"{_kind} float", one, _kind, [told(IMAGE), told(IMAGE)], [told(IMAGE)], _table)
    if _kind != "DIV":
        CASES.add(
            f"{_kind} int8",
            one,
            _kind,
            [told(IMAGE, "int8"), told(IMAGE, "int8")],
            [told(IMAGE, "int8")],
            _table,
        )
CASES.add("PRELU float", one, "PRELU", [told(IMAGE), filled((1, 1, 4))], [told(IMAGE)])
CASES.add("PRELU float, a slope a pixel", one, "PRELU", [told(IMAGE), filled((8, 8, 4))], [told(IMAGE)])
CASES.add("PRELU float, slopes computed", one, "PRELU", [told(IMAGE), told((1, 1, 4))], [told(IMAGE)])
CASES.add(
    "PRELU int8", one, "PRELU", [told(IMAGE, "int8"), filled((1, 1, 4), "int8", 0.1)], [told(IMAGE, "int8")]
)
for _kind in ("POW", "FLOOR_DIV"):
    CASES.add(f"{_kind} float", one, _kind, [told(IMAGE), told(IMAGE)], [told(IMAGE)])

CASES.add("ELU uint8", one, "ELU", [told(IMAGE, "uint8")], [told(IMAGE, "uint8")])
CASES.add("DEQUANTIZE int8 to float16", one, "DEQUANTIZE", [told(IMAGE, "int8")], [told(IMAGE, "float16")])
_SEVEN = (1, 2, 1, 2, 1, 2, 2)
CASES.add("ADD of seven axes", one, "ADD", [told(_SEVEN), told(_SEVEN)], [told(_SEVEN)], "AddOptions")
CASES.add(
    "MUL int8 with a constant by channel",
    one,
    "MUL",
    [told(IMAGE, "int8"), filled((4,), "int8", [0.1] * 4)],
    [told(IMAGE, "int8")],
    "MulOptions",
)
CASES.add("DEQUANTIZE int8 to int8", one, "DEQUANTIZE", [told(IMAGE, "int8")], [told(IMAGE, "int8")])
for _kind, _table in (("ADD", "AddOptions"), ("SUB", "SubOptions")):
    CASES.add(
        f"{_kind} int8, a fine second term",
        one,
        _kind,
        [told(IMAGE, "int8", 1.0), told(IMAGE, "int8", 0.0005)],
        [told(IMAGE, "int8", 1.0)],
        _table,
    )
CASES.add(
    "ADD float16 to int8", one, "ADD", [told(IMAGE, "float16")] * 2, [told(IMAGE, "int8")], "AddOptions"
)
