"""Protobuf messages, against bytes written by hand as the encoding's documentation has them."""

from __future__ import annotations

import pytest

from tflbuild.core import protobuf
from tflbuild.core.protobuf import (
    BYTES,
    FOUR,
    VARINT,
    Malformed,
    Message,
    as_signed,
    fields,
    packed,
    places,
)


def test_numbers_text_and_messages_are_read_by_their_field() -> None:
    # the examples of the encoding's documentation: 150 in field 1, "testing" in field 2, a message in field 3
    message = Message(bytes.fromhex("089601 120774657374696e67 1a03089601".replace(" ", "")))
    assert message.number(1) == 150
    assert message.text(2) == "testing"
    inner = message.message(3)
    assert inner is not None
    assert inner.number(1) == 150
    assert 4 not in message
    assert (message.number(4, 7), message.text(4), message.message(4), message.texts(4)) == (7, "", None, ())


def test_a_negative_number_takes_ten_bytes() -> None:
    assert Message(b"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01").signed(1) == -2
    assert Message(b"").signed(1, -1) == -1


def test_repeated_numbers_are_packed_or_not() -> None:
    assert Message(bytes.fromhex("3206038e029ea705")).numbers(6) == (3, 270, 86942)
    assert Message(bytes.fromhex("3003308e02")).numbers(6) == (3, 270)
    assert Message(bytes.fromhex("2d0000803f2d00000040")).floats(5) == (1.0, 2.0)
    assert Message(bytes.fromhex("2a080000803f00000040")).floats(5) == (1.0, 2.0)


def test_a_message_that_is_written_twice_is_one_of_both_as_protobuf_merges_them() -> None:
    # field 3 holds a message with field 1 = 150, and again one with field 1 = 2 and "b" in field 2
    inner = Message(bytes.fromhex("1a03089601" + "1a050802120162")).message(3)
    assert inner is not None
    assert (inner.number(1), inner.numbers(1), inner.text(2)) == (2, (150, 2), "b")


def test_floats_of_8_bytes_are_read_as_those_of_4() -> None:
    # 1.0 and -2.0 as IEEE 754 has them: 0x3ff0... and 0xc000...
    one, two = "000000000000f03f", "00000000000000c0"
    assert Message(bytes.fromhex("31" + one + "31" + two)).floats(6, "d") == (1.0, -2.0)
    assert Message(bytes.fromhex("3210" + one + two)).floats(6, "d") == (1.0, -2.0)


def test_a_map_is_read_by_its_names() -> None:
    # two entries, {1: "a", 2: {1: 150}} and {1: "b"}
    found = Message(bytes.fromhex("2a080a0161 1203089601 2a030a0162".replace(" ", ""))).entries(5)
    assert {name: bytes(one) for name, one in found.items()} == {"a": b"\x08\x96\x01", "b": b""}


def test_a_name_is_utf_8_and_text_need_not_be() -> None:
    message = Message(b"\x0a\x02\xffa")
    assert message.text(1) == "\ufffda"
    with pytest.raises(Malformed, match="has a name that is not UTF-8"):
        message.name(1)
    with pytest.raises(Malformed, match="has a name that is not UTF-8"):
        message.names(1)


def test_places_are_those_of_the_values_in_the_whole() -> None:
    # behind two foreign bytes: field 1 = 150, field 2 = "hi", field 3 of 4 bytes; and two foreign bytes again
    content = b"\xff\xff" + bytes.fromhex("089601 12026869 1d01000000".replace(" ", "")) + b"\xff\xff"
    assert list(places(content, 2, len(content) - 2)) == [
        (1, VARINT, 3, 150),
        (2, BYTES, 7, 9),
        (3, FOUR, 10, 14),
    ]
    with pytest.raises(Malformed, match="points outside of itself"):
        list(places(content, 2, 8))


def test_the_last_of_several_counts_and_unknown_fields_are_passed_over() -> None:
    assert Message(b"\x08\x01\x08\x02").number(1) == 2
    assert Message(b"\x11" + bytes(8) + b"\x08\x05").number(1) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x0a\x05abc", "points outside of itself"),
        (b"\x08", "points outside of itself"),
        (b"\x09\x00", "points outside of itself"),
        (b"\x08" + b"\xff" * 11, "has a number of more than 64 bits"),
        (b"\x0b", "has a field of the unknown kind 3"),
        (b"\x0f", "has a field of the unknown kind 7"),
        (b"\x00\x01", "has a field without a number"),
        (b"\x80\x00\x01", "has a field without a number"),
        (b"\x80", "points outside of itself"),
        (b"\x80" * 11, "has a number of more than 64 bits"),
        (b"\x0d\x00", "points outside of itself"),
    ],
)
def test_bytes_that_are_no_message_are_said_to_be_none(content: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        Message(content)


def test_a_field_of_another_kind_is_said() -> None:
    with pytest.raises(Malformed, match="has a number in its field 1, where text or a message is due"):
        Message(b"\x08\x01").text(1)
    with pytest.raises(Malformed, match="has text or a message in its field 1, where a number is due"):
        Message(b"\x0a\x00").number(1)
    with pytest.raises(Malformed, match="no whole floats"):
        Message(b"\x0a\x03abc").floats(1)


def test_every_wire_type_has_its_size() -> None:
    # 64 bits in field 1, 32 bits in field 2, three bytes in field 3, a varint in field 16
    content = bytes.fromhex("09" + "0102030405060708" + "15" + "0a0b0c0d" + "1a03616263" + "8001" + "ac02")
    found = [
        (number, value if isinstance(value, int) else bytes(value))
        for number, value in fields(memoryview(content))
    ]
    assert found == [(1, 0x0807060504030201), (2, 0x0D0C0B0A), (3, b"abc"), (16, 300)]


def test_a_size_may_reach_to_the_end_and_no_further() -> None:
    assert bytes(Message(b"\x0a\x03abc").span(1)) == b"abc"
    assert bytes(Message(b"\x0a\x00").span(1)) == b""
    with pytest.raises(Malformed, match="points outside of itself"):
        Message(b"\x0a\x04abc")
    for cut in (b"\x09" + bytes(7), b"\x0d" + bytes(3)):
        with pytest.raises(Malformed, match="points outside of itself"):
            Message(cut)


def test_repeated_texts_and_messages_keep_their_order() -> None:
    message = Message(b"\x0a\x01a\x0a\x01b\x12\x02\x08\x07\x12\x02\x08\x09\x0a\x01\xff")
    assert message.texts(1) == ("a", "b", "\N{REPLACEMENT CHARACTER}")
    assert message.text(1) == "\N{REPLACEMENT CHARACTER}", "the last one"
    assert [one.number(1) for one in message.messages(2)] == [7, 9]
    assert [bytes(one) for one in message.spans(2)] == [b"\x08\x07", b"\x08\x09"]
    assert (message.messages(3), message.spans(3), bytes(message.span(3))) == ([], [], b"")
    assert 1 in message


def test_numbers_have_64_bits_and_the_highest_is_the_sign() -> None:
    assert Message(b"\x08" + b"\xff" * 9 + b"\x01").number(1) == 2**64 - 1
    assert Message(b"\x08" + b"\xff" * 9 + b"\x7f").number(1) == 2**64 - 1, "what is beyond is cut off"
    assert Message(b"\x08" + b"\x80" * 9 + b"\x01").signed(1) == -(2**63)
    assert (as_signed(2**63 - 1), as_signed(2**63), as_signed(0)) == (2**63 - 1, -(2**63), 0)
    assert Message(b"\x08\x05").numbers(2) == ()
    assert Message(b"\x0a\x0b" + b"\x02" + b"\xff" * 9 + b"\x01").numbers(1) == (2, -1)
    assert list(packed(memoryview(b"\x03\x8e\x02"))) == [3, 270]
    with pytest.raises(Malformed, match="points outside of itself"):
        Message(b"\x0a\x01\x80").numbers(1)


def test_floats_are_of_four_bytes() -> None:
    assert Message(b"").floats(1) == ()
    assert Message(bytes.fromhex("0a080000803f000000400d0000c0c0")).floats(1) == (1.0, 2.0, -6.0)
    with pytest.raises(Malformed, match=r"^has no whole floats in its field 1$"):
        Message(b"\x09" + b"\xff" * 8).floats(1)


def test_more_fields_than_a_model_needs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MOST_FIELDS", 2)
    assert Message(b"\x08\x01" * 2).number(1) == 1
    with pytest.raises(Malformed, match=r"^has too many fields$"):
        Message(b"\x08\x01" * 3)
