"""Protocol buffers and constants byte by byte, as the encoding's documentation, types.proto and tensor.proto say."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from saved_model_files import message, number, shape
from tflbuild.formats.saved_model import wire
from tflbuild.formats.saved_model.tensors import FEW, Constant, constant, dtype_of, shape_of, texts


def view(text: str) -> memoryview:
    return memoryview(bytes.fromhex(text))


def test_fields_have_their_number_and_their_value() -> None:
    # 300 in field 1 and "testing" in field 2 are the documentation's own; 8 bytes in field 3, 4 bytes in field 16
    data = view("08ac02" + "120774657374696e67" + "190102030405060708" + "8501" + "0a0b0c0d")
    found = [(place, value if isinstance(value, int) else bytes(value)) for place, value in wire.fields(data)]
    assert found == [
        (1, 300),
        (2, b"testing"),
        (3, bytes(range(1, 9))),
        (16, b"\x0a\x0b\x0c\x0d"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("08", "is cut off, or no protocol buffer"),
        ("0a02ff", "is cut off, or no protocol buffer"),
        ("0d000000", "is cut off, or no protocol buffer"),
        ("0900000000000000", "is cut off, or no protocol buffer"),
        ("0200", "is cut off, or no protocol buffer"),
        ("08" + "80" * 10 + "01", "is cut off, or no protocol buffer"),
        ("0b", "has a field of the kind 3, which protocol buffers lack"),
        ("0e", "has a field of the kind 6, which protocol buffers lack"),
    ],
)
def test_what_is_no_message_is_said(text: str, said: str) -> None:
    with pytest.raises(wire.Malformed) as caught:
        list(wire.fields(view(text)))
    assert str(caught.value) == said


def test_a_number_has_up_to_ten_bytes() -> None:
    assert list(wire.fields(view("08" + "ff" * 9 + "01"))) == [(1, 2**64 - 1)]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (16384, "808001")]
)
def test_numbers_are_written_in_sevens_of_bits(value: int, text: str) -> None:
    assert wire.encoded(value).hex() == text


@pytest.mark.parametrize(
    ("value", "signed"),
    [
        (0, 0),
        (5, 5),
        (2**63 - 1, 2**63 - 1),
        (2**63, -(2**63)),
        (2**64 - 1, -1),
        (2**64 - 6, -6),
        (2**64 + 5, 5),
    ],
)
def test_the_highest_of_64_bits_is_the_sign(value: int, signed: int) -> None:
    assert wire.signed(value) == signed


def test_of_several_texts_and_numbers_the_last_counts_and_messages_are_merged() -> None:
    data = memoryview(
        message(1, "a") + number(2, 7) + message(1, "b") + number(2, -3) + message(3, b"\x08\x01")
    )
    assert (wire.text(data, 1), wire.integer(data, 2)) == ("b", -3)
    assert (wire.text(data, 9), wire.integer(data, 9), bytes(wire.message(data, 9))) == ("", 0, b"")
    assert wire.integer(data, 1) == 0, "a text is no number"
    assert bytes(wire.message(memoryview(bytes(data) + message(3, b"\x10\x02")), 3)) == b"\x08\x01\x10\x02"
    assert [bytes(one) for one in wire.messages(data, 1)] == [b"a", b"b"]
    assert wire.messages(data, 2) == []


def test_entries_of_a_map_are_by_their_texts() -> None:
    data = memoryview(message(5, message(1, "k") + message(2, "v")) + message(5, message(1, "only")))
    assert {key: bytes(value) for key, value in wire.entries(data, 5).items()} == {"k": b"v", "only": b""}


def test_a_name_that_is_no_text_is_said() -> None:
    with pytest.raises(wire.Malformed, match=r"^has a name that is not UTF-8$"):
        wire.text(memoryview(message(1, b"\xff")), 1)


def test_repeated_numbers_of_every_form_are_read() -> None:
    floats = struct.pack("<2f", 0.5, -2.0)
    single = b"\x2d" + struct.pack("<f", 1.5)
    assert list(wire.numbers(memoryview(message(5, floats) + single), 5, "f")) == [0.5, -2.0, 1.5]
    double = b"\x31" + struct.pack("<d", 1e-300)
    assert list(wire.numbers(memoryview(double + message(6, struct.pack("<d", 3.0))), 6, "d")) == [
        1e-300,
        3.0,
    ]
    integers = number(7, 9) + message(7, b"\x01\xac\x02") + number(7, -4) + number(8, 1)
    assert list(wire.numbers(memoryview(integers), 7)) == [9, 1, 300, -4]
    assert list(wire.numbers(memoryview(message(5, floats[:6])), 5, "f")) == [0.5], "what is cut is left out"


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
    return constant(memoryview(number(1, dtype) + message(2, shape(sides)) + b"".join(fields)))


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
    assert shape_of(memoryview(shape([-5, 0, 3]))) == (-1, 0, 3)
    assert shape_of(memoryview(shape([1] * 16))) == (1,) * 16
    assert texts(memoryview(message(8, "one") + message(8, ""))) == ("one", "")
