"""Constants of a TensorFlow graph: small ones, as plain numbers."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import NamedTuple

from tflbuild.core.protobuf import Malformed, Message

DTYPES: Mapping[int, str] = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    19: "float16",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
}
"""Dtypes by TensorFlow's numbers."""

FORMS: Mapping[str, str] = {
    "float32": "f",
    "float64": "d",
    "int32": "i",
    "uint8": "B",
    "int16": "h",
    "int8": "b",
    "int64": "q",
    "bool": "?",
}
FIELDS: Mapping[str, tuple[int, str]] = {
    "float32": (5, "f"),
    "float64": (6, "d"),
    "int64": (10, ""),
    "bool": (11, ""),
}
"""Field of a `TensorProto` that holds values of a dtype, and its form; other integers lie in field 7."""

FEW = 4096
"""Values of a constant that are read."""

MOST_AXES = 16


class Constant(NamedTuple):
    """A constant: its dtype, its sides, and its values, row by row; empty values where there are too many."""

    dtype: str
    shape: tuple[int, ...]
    values: tuple[float, ...]


def dtype_of(number: int) -> str:
    """Name a dtype; references count as what they refer to."""
    return DTYPES.get(number - 100 if number > 100 else number, f"type {number}")


def shape_of(data: Message) -> tuple[int, ...] | None:
    """Read a `TensorShapeProto`; None for an unknown number of axes.

    Raises:
        Malformed: it has more axes than any tensor.
    """
    if data.number(3):
        return None
    sides = tuple(one.signed(1) for one in data.messages(2))
    if len(sides) > MOST_AXES:
        raise Malformed(f"has a tensor of {len(sides)} axes")
    return tuple(max(side, -1) for side in sides)


def constant(data: Message) -> Constant:
    """Read a `TensorProto`, if it is small."""
    dtype, shape = dtype_of(data.signed(1)), shape_of(data.inner(2)) or ()
    count = math.prod(shape)
    if dtype not in FORMS or not 0 <= count <= FEW:
        return Constant(dtype, shape, ())
    content = data.span(4)
    form = FORMS[dtype]
    if len(content) == count * struct.calcsize(f"<{form}"):
        return Constant(dtype, shape, struct.unpack(f"<{count}{form}", content))
    number, packed = FIELDS.get(dtype, (7, ""))
    found = data.floats(number, packed) if packed else data.numbers(number)
    if not found or len(found) > count:
        return Constant(dtype, shape, (0.0,) * count if not found else ())
    return Constant(dtype, shape, found + found[-1:] * (count - len(found)))


def texts(data: Message) -> tuple[str, ...]:
    """Read a `TensorProto` of texts."""
    return data.names(8)
