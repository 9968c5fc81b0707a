"""Protobuf messages, against bytes written by hand as the encoding's documentation has them."""

from __future__ import annotations

import pytest

from tflbuild.core.protobuf import BYTES, FOUR, VARINT, Malformed, Message, places


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
