"""Files of several operators: where the place in the graph decides what XNNPACK takes."""

from __future__ import annotations

from collections.abc import Sequence

import stateful_files
from placement_files import Cases, Told, by_rows, file_of, filled, one, operator, told
from tflbuild.tflite.tiny import brightness_detector

IMAGE = (1, 8, 8, 4)
ROW = (1, 4)
SLIDING = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}

CASES = Cases()


def unpacked(weights: str, bias: str, reader: str = "") -> bytes:
    """Give a convolution whose weights and bias DEQUANTIZE may unpack, and one who reads the weights beside it."""
    tensors = {"x": told(IMAGE), "y": told((1, 8, 8, 8)), "w": told((8, 3, 3, 4)), "b": told((8,))}
    steps, outputs = [], ["y"]
    for name, dtype in (("w", weights), ("b", bias)):
        if dtype == "float32":
            tensors[name] = filled(tensors[name].shape)
            continue
        tensors[f"{name}_packed"] = filled(
            tensors[name].shape, dtype, *((0.01,) if dtype != "float16" else ())
        )
        steps.append(operator("DEQUANTIZE", [f"{name}_packed"], [name]))
    steps.append(operator("CONV_2D", ["x", "w", "b"], ["y"], "Conv2DOptions", **SLIDING))
    if reader:
        tensors["z"] = told((8, 3, 3, 4))
        steps.append(operator(reader, ["w"], ["z"]))
        outputs.append("z")
    return file_of(tensors, steps, ["x"], outputs)


for _weights, _bias, _reader in (
    ("float16", "float16", ""),
    ("float16", "float32", ""),
    ("float32", "float16", ""),
    ("int8", "float32", ""),
    ("int8", "float16", ""),
    ("uint8", "float32", ""),
    ("float16", "float16", "ABS"),
    ("float16", "float32", "ABS"),
    ("float16", "float32", "ZEROS_LIKE"),
    ("float16", "float16", "ZEROS_LIKE"),
    ("int8", "float32", "ZEROS_LIKE"),
):
    CASES.add(
        f"weights from {_weights}, bias from {_bias}{', read by ' if _reader else ''}{_reader}",
        unpacked,
        _weights,
        _bias,
        _reader,
    )


def chain(steps: Sequence[tuple[str, str, str]], outputs: Sequence[str] = ("y",)) -> bytes:
    """Give operators on rows of four: kind, what is read ("a+b") and what is written; `c` is unpacked from float16."""
    names = {name for _, reads, writes in steps for name in (*reads.split("+"), writes)}
    tensors = {
        "x": told(ROW),
        "packed": filled(ROW, "float16"),
        **{name: told(ROW) for name in sorted(names - {"packed"})},
    }
    tables = {"ADD": "AddOptions"}
    made = [operator(kind, reads.split("+"), [writes], tables.get(kind, "")) for kind, reads, writes in steps]
    return file_of(tensors, made, ["x"], outputs)


UNPACK = ("DEQUANTIZE", "packed", "c")
for _name, _steps, _outputs in (
    ("two parts", [("ABS", "x", "a"), ("ZEROS_LIKE", "a", "b"), ("NEG", "b", "d"), ("ADD", "a+d", "y")], "y"),
    (
        "one part behind another operator",
        [("ZEROS_LIKE", "x", "a"), ("ABS", "x", "b"), ("ADD", "a+b", "y")],
        "y",
    ),
    ("what nobody reads", [("ABS", "x", "a"), ("NEG", "x", "y")], "y"),
    ("what nobody reads, of two", [("ABS", "x", "a"), ("NEG", "a", "b"), ("NEG", "x", "y")], "y"),
    ("what nobody reads, left", [("ZEROS_LIKE", "x", "a"), ("NEG", "x", "y")], "y"),
    ("what nobody reads, alone", [("ABS", "x", "a")], "x"),
    (
        "what nobody reads, of what is left",
        [("ZEROS_LIKE", "x", "a"), ("NEG", "a", "b"), ("NEG", "x", "y")],
        "y",
    ),
    ("a constant unpacked for a sum", [UNPACK, ("ADD", "x+c", "y")], "y"),
    ("a constant unpacked for a sum and the app", [UNPACK, ("ADD", "x+c", "y")], "yc"),
    ("a constant unpacked for nobody", [UNPACK, ("NEG", "x", "y")], "y"),
    (
        "a constant unpacked for two parts",
        [UNPACK, ("ADD", "x+c", "a"), ("ZEROS_LIKE", "a", "b"), ("ADD", "b+c", "y")],
        "y",
    ),
    (
        "a constant unpacked behind another operator",
        [("ZEROS_LIKE", "x", "a"), UNPACK, ("ADD", "a+c", "y")],
        "y",
    ),
    (
        "a constant unpacked for one that is left",
        [UNPACK, ("ZEROS_LIKE", "c", "a"), ("ADD", "x+a", "y")],
        "y",
    ),
):
    CASES.add(_name, chain, _steps, list(_outputs))


def variable(
    dtype: str = "float32", kept: tuple[int, ...] = ROW, *, read: bool = True, assigned: bool = True
) -> bytes:
    """Give a variable that is assigned the absolute values of `x`, and read."""
    tensors: dict[str, Told] = {
        "x": told(ROW, dtype),
        "v": Told((), "resource"),
        "a": told(ROW, dtype),
        "y": told(kept, dtype),
    }
    steps = [operator("VAR_HANDLE", [], ["v"], "VarHandleOptions", sharedName="kept", container="")]
    if assigned:
        steps.append(operator("ABS", ["x"], ["a"]))
        steps.append(operator("ASSIGN_VARIABLE", ["v", "a"], [], "AssignVariableOptions"))
    if read:
        steps.append(operator("READ_VARIABLE", ["v"], ["y"], "ReadVariableOptions"))
    return file_of(tensors, steps, ["x"], ["y"] if read else ["a"])


CASES.add("a variable", variable)
CASES.add("a variable that is only assigned", variable, read=False)
CASES.add("a variable that is only read", variable, assigned=False)
CASES.add("a variable of int32", variable, "int32")
CASES.add("a variable read in another shape", variable, kept=(1, 5))
CASES.add("a counter", stateful_files.counter)
CASES.add("a loop", stateful_files.loop)

for _kind, _table, _values in (
    ("ABS", "", {}),
    ("LOGISTIC", "", {}),
    ("SOFTMAX", "SoftmaxOptions", {"beta": 1.0}),
):
    CASES.add(
        f"{_kind} float16", one, _kind, [told(ROW, "float16")], [told(ROW, "float16")], _table, **_values
    )
CASES.add("ADD float16", one, "ADD", [told(ROW, "float16")] * 2, [told(ROW, "float16")], "AddOptions")
for _kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
    CASES.add(
        f"{_kind} float16",
        one,
        _kind,
        [told(IMAGE, "float16")],
        [told((1, 4, 4, 4), "float16")],
        "Pool2DOptions",
        strideW=2,
        strideH=2,
        filterWidth=2,
        filterHeight=2,
    )
CASES.add("a variable of one number", variable, kept=())
CASES.add("a variable of int8", variable, "int8")


def unscaled() -> bytes:
    """Give a variable of int8 numbers without a scale."""
    row = Told(ROW, "int8")
    steps = [
        operator("VAR_HANDLE", [], ["v"], "VarHandleOptions", sharedName="kept", container=""),
        operator("ASSIGN_VARIABLE", ["v", "x"], [], "AssignVariableOptions"),
        operator("READ_VARIABLE", ["v"], ["y"], "ReadVariableOptions"),
    ]
    return file_of({"x": row, "v": Told((), "resource"), "y": row}, steps, ["x"], ["y"])


CASES.add("a variable of int8 without a scale", unscaled)
CASES.add("a detector", brightness_detector)


def sparse(reader: str = "", dtype: str = "float32") -> bytes:
    """Give a dense layer of sparse weights that DENSIFY unpacks, after DEQUANTIZE where they are short."""
    tensors = {
        "x": told((1, 8)),
        "packed": filled((4, 8), dtype),
        "w": told((4, 8), dtype),
        "b": filled((4,)),
    }
    steps = [operator("DENSIFY", ["packed"], ["w"], "DensifyOptions")]
    kernel = "w"
    if dtype == "float16":
        tensors["wide"] = told((4, 8))
        steps.append(operator("DEQUANTIZE", ["w"], ["wide"]))
        kernel = "wide"
    tensors |= {"y": told((1, 4)), "z": told((4, 8))}
    steps.append(operator("FULLY_CONNECTED", ["x", kernel, "b"], ["y"], "FullyConnectedOptions"))
    outputs = ["y"]
    if reader:
        steps.append(operator(reader, [kernel], ["z"]))
        outputs.append("z")
    return by_rows(file_of(tensors, steps, ["x"], outputs), "packed")


for _dtype in ("float32", "float16"):
    for _reader in ("", "ZEROS_LIKE"):
        CASES.add(
            f"sparse weights in {_dtype}{', read by ' if _reader else ''}{_reader}", sparse, _reader, _dtype
        )
