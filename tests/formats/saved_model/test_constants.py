"""Constants of a SavedModel byte by byte, as types.proto and tensor.proto say."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from saved_model_files import message, number, shape
from tflbuild.core.protobuf import Message
from tflbuild.formats.saved_model.tensors import FEW, Constant, constant, dtype_of, shape_of, texts

TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "type 8",  # complex64
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    19: "float16",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
    100: "type 100",
}
"""`DataType` of types.proto."""


@pytest.mark.parametrize("numbered", TYPES)
def test_dtypes_have_the_numbers_of_tensorflow_and_references_100_more(numbered: int) -> None:
    assert dtype_of(numbered) == TYPES[numbered]
    if numbered < 100:
        expected = TYPES[numbered].replace(f"type {numbered}", f"type {numbered + 100}")
        assert dtype_of(numbered + 100) == expected


def proto(dtype: int, sides: list[int], *fields: bytes) -> Constant:
    return constant(Message(number(1, dtype) + message(2, shape(sides)) + b"".join(fields)))


CONTENT: list[tuple[int, bytes, tuple[float, ...]]] = [
    (1, struct.pack("<2f", 0.5, -2.0), (0.5, -2.0)),
    (2, struct.pack("<2d", 1e-300, 2.0), (1e-300, 2.0)),
    (3, struct.pack("<2i", -7, 2**31 - 1), (-7, 2**31 - 1)),
    (4, b"\x00\xff", (0, 255)),
    (5, struct.pack("<2h", -300, 7), (-300, 7)),
    (6, b"\xff\x7f", (-1, 127)),
    (9, struct.pack("<2q", -(2**50), 3), (-(2**50), 3)),
    (10, b"\x01\x00", (True, False)),
]


@pytest.mark.parametrize(("dtype", "content", "values"), CONTENT)
def test_values_lie_in_one_piece(dtype: int, content: bytes, values: tuple[float, ...]) -> None:
    assert proto(dtype, [2], message(4, content)) == (TYPES[dtype], (2,), values)


LISTED: list[tuple[int, bytes, tuple[Any, ...]]] = [
    (1, message(5, struct.pack("<2f", 0.5, -2.0)), (0.5, -2.0)),
    (2, message(6, struct.pack("<2d", 1e-300, 2.0)), (1e-300, 2.0)),
    (3, number(7, -7) + number(7, 4), (-7, 4)),
    (4, message(7, b"\x01\x7f"), (1, 127)),
    (6, number(7, -1) + number(7, 5), (-1, 5)),
    (9, number(10, 2**40) + number(10, -1), (2**40, -1)),
    (10, number(11, 1) + number(11, 0), (1, 0)),
]


@pytest.mark.parametrize(("dtype", "fields", "values"), LISTED)
def test_or_in_the_list_of_their_dtype(dtype: int, fields: bytes, values: tuple[Any, ...]) -> None:
    assert proto(dtype, [2], fields) == (TYPES[dtype], (2,), values)


def test_a_list_that_is_short_goes_on_with_its_last_value_and_one_that_is_long_is_none() -> None:
    assert proto(3, [5], number(7, 4), number(7, 9)).values == (4, 9, 9, 9, 9)
    assert proto(3, [2, 2]).values == (0.0,) * 4
    assert proto(3, [1], number(7, 4), number(7, 9)).values == ()
    assert proto(3, []).shape == ()
    assert proto(3, [], number(7, 4)).values == (4,)


def test_as_many_values_are_read_as_small_constants_have() -> None:
    assert len(proto(4, [FEW], message(4, bytes(FEW))).values) == FEW == 4096
    assert proto(4, [FEW + 1], message(4, bytes(FEW + 1))) == ("uint8", (4097,), ())
    assert proto(4, [-1], message(4, b"\x01")).values == ()
    assert proto(8, [1], number(7, 1)) == ("type 8", (1,), ())


def test_sides_below_minus_one_are_open_and_texts_are_texts() -> None:
    assert shape_of(Message(shape([-5, 0, 3]))) == (-1, 0, 3)
    assert shape_of(Message(shape([1] * 16))) == (1,) * 16
    assert texts(Message(message(8, "one") + message(8, ""))) == ("one", "")
