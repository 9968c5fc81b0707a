"""Tables of flatbuffers, written by the flatbuffers library and read back, and every way to lie outside of a file."""

from __future__ import annotations

import struct
from typing import Any

import flatbuffers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflbuild.tflite.tables import SIZES, Malformed, Schema, Slot, Table, number_at

NUMBERS = {"b": "Int8", "B": "Uint8", "?": "Bool", "h": "Int16", "H": "Uint16", "i": "Int32", "I": "Uint32"}
NUMBERS |= {"f": "Float32", "q": "Int64", "Q": "Uint64", "d": "Float64"}


def written(fields: dict[int, tuple[str, Any]]) -> bytes:
    """Write one table with the library: numbers by their letter, "text", or vectors of numbers, by slot."""
    builder = flatbuffers.Builder(64)
    behind: dict[int, int] = {}
    for slot, (kind, value) in fields.items():
        if kind == "text":
            behind[slot] = builder.CreateString(value)
        elif kind.startswith("["):
            behind[slot] = builder.CreateNumpyVector(np.array(value, kind[1]))
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, (kind, value) in fields.items():
        if slot in behind:
            builder.PrependUOffsetTRelativeSlot(slot, behind[slot], 0)
        else:
            getattr(builder, f"Prepend{NUMBERS[kind]}")(value)
            builder.Slot(slot)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def read(content: bytes, schema: Schema) -> Table:
    return Table(content, int.from_bytes(content[:4], "little"), schema)


@pytest.mark.parametrize("letter", NUMBERS)
def test_numbers_of_every_kind_are_those_that_the_library_wrote(letter: str) -> None:
    assert SIZES[letter] == struct.calcsize(f"<{letter}")
    value = {"?": True, "f": -1.5, "d": -1.5}.get(letter, 200 if letter.isupper() else -100)
    content = written({0: ("i", 7), 2: (letter, value)})
    table = read(content, {"first": Slot(0, "i"), "absent": Slot(1, letter), "held": Slot(2, letter)})
    assert (table.number("first"), table.number("held")) == (7, value)
    assert (table.has("held"), table.has("absent")) == (True, False)
    assert (table.number("absent"), table.number("absent", 9)) == (0, 9)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=9), st.text("aZ09ü☃", max_size=9))
def test_vectors_and_texts_are_those_that_the_library_wrote(values: list[int], text: str) -> None:
    content = written({0: ("[i]", values), 1: ("text", text)})
    table = read(content, {"held": Slot(0, "[i]"), "name": Slot(1, "text"), "none": Slot(2, "[i]")})
    assert table.numbers("held") == tuple(values)
    assert table.count("held") == len(values)
    start, count = table.span("held")
    assert struct.unpack_from(f"<{count}i", content, start) == tuple(values)
    assert table.text("name") == text
    assert (table.numbers("none"), table.count("none"), table.text("none")) == ((), 0, None)


def test_tables_in_tables_are_followed() -> None:
    builder = flatbuffers.Builder(64)
    ends = []
    for value in (5, 6):
        builder.StartObject(1)
        builder.PrependInt32Slot(0, value, 0)
        ends.append(builder.EndObject())
    builder.StartVector(4, 2, 4)
    for end in reversed(ends):
        builder.PrependUOffsetTRelative(end)
    vector = builder.EndVector()
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    builder.PrependUOffsetTRelativeSlot(1, ends[0], 0)
    builder.Finish(builder.EndObject())
    content = bytes(builder.Output())
    schema = {
        "all": Slot(0, "[table]"),
        "one": Slot(1, "table"),
        "none": Slot(2, "table"),
        "nor": Slot(3, "[table]"),
    }
    table = read(content, schema)
    inner = {"value": Slot(0, "i")}
    assert [Table(content, place, inner).number("value") for place in table.tables_at("all")] == [5, 6]
    one = table.table_at("one")
    assert one is not None
    assert Table(content, one, inner).number("value") == 5
    assert (table.table_at("none"), table.tables_at("nor"), table.count("all")) == (None, [], 2)


def test_text_that_is_not_utf_8_is_named_by_its_field() -> None:
    content = written({0: ("text", b"\xff\xfe")})
    with pytest.raises(Malformed, match=r"^has a custom code that is not UTF-8$"):
        read(content, {"custom_code": Slot(0, "text")}).text("custom_code")


def bare(length: int, inline: int, *offsets: int, body: bytes = b"") -> tuple[bytes, int]:
    """Write a table by hand: its description, then its distance to it, then its fields; gives its place, too."""
    description = struct.pack(f"<HH{len(offsets)}H", length, inline, *offsets)
    return description + struct.pack("<i", len(description)) + body, len(description)


def test_a_table_by_hand_is_read() -> None:
    content, place = bare(6, 8, 4, body=struct.pack("<i", 77))
    assert Table(content, place, {"held": Slot(0, "i")}).number("held") == 77


def test_a_table_may_have_no_fields() -> None:
    content, place = bare(4, 4)
    assert not Table(content, place, {"held": Slot(0, "i")}).has("held")


@pytest.mark.parametrize(
    ("length", "inline", "offset"),
    [(3, 8, 4), (5, 8, 4), (7, 8, 4), (6, 3, 0)],
)
def test_a_description_that_makes_no_sense_is_refused(length: int, inline: int, offset: int) -> None:
    content, place = bare(length, inline, offset, body=bytes(4))
    with pytest.raises(Malformed, match="whose description makes no sense"):
        Table(content, place, {"held": Slot(0, "i")})


@pytest.mark.parametrize(
    ("inline", "offset", "letter", "right"),
    [
        (8, 4, "i", True),
        (8, 5, "i", False),  # its last byte would be the ninth
        (8, 3, "B", False),  # the distance to the description
        (8, 7, "B", True),
        (8, 8, "B", False),
        (8, 4, "q", False),
        (8, 4, "table", True),  # an offset of four bytes
        (8, 5, "[i]", False),
    ],
)
def test_a_field_lies_in_its_table(inline: int, offset: int, letter: str, right: bool) -> None:
    content, place = bare(6, inline, offset, body=bytes(12))
    if right:
        assert Table(content, place, {"held": Slot(0, letter)}).has("held")
    else:
        with pytest.raises(Malformed, match="a field that lies outside of its table"):
            Table(content, place, {"held": Slot(0, letter)})


def test_a_table_ends_where_the_file_does() -> None:
    content, place = bare(6, 8, 4, body=bytes(4))
    Table(content, place, {"held": Slot(0, "i")})
    with pytest.raises(Malformed, match="points outside of itself"):
        Table(content[:-1], place, {})


def test_numbers_end_where_the_file_does() -> None:
    content = bytes(range(8))
    assert number_at(content, 4, "I") == 0x07060504
    assert number_at(content, 0, "Q") == 0x0706050403020100
    for place in (5, 8, -1):
        with pytest.raises(Malformed, match="points outside of itself"):
            number_at(content, place, "I")


@pytest.mark.parametrize(("count", "right"), [(2, True), (3, False), (2**32 - 1, False)])
def test_a_vector_ends_where_the_file_does(count: int, right: bool) -> None:
    # behind the offset (4 bytes on) the count, then two numbers
    content, place = bare(6, 8, 4, body=struct.pack("<IIii", 4, count, 5, 6))
    table = Table(content, place, {"held": Slot(0, "[i]"), "texts": Slot(0, "text")})
    if right:
        assert table.numbers("held") == (5, 6)
        return
    for use in (table.numbers, table.count, table.span):
        with pytest.raises(Malformed, match="points outside of itself"):
            use("held")


def test_a_vector_of_tables_is_counted_by_offsets_of_four_bytes() -> None:
    content, place = bare(6, 8, 4, body=struct.pack("<III", 4, 2, 0))  # two of them, and room for one
    with pytest.raises(Malformed, match="points outside of itself"):
        Table(content, place, {"held": Slot(0, "[table]")}).count("held")


def test_an_offset_leads_to_four_bytes_at_least() -> None:
    for target, right in ((4, True), (5, False)):
        content, place = bare(6, 8, 4, body=struct.pack("<Ii", target, 0))
        table = Table(content, place, {"held": Slot(0, "table")})
        if right:
            assert table.table_at("held") == place + 4 + target
        else:
            with pytest.raises(Malformed, match="points outside of itself"):
                table.table_at("held")
