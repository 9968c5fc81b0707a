"""Read protobuf messages without their descriptions: fields by number, nothing unpacked before it is asked for.

Source: the encoding as protobuf documents it (varints, 64 bits, length-delimited, 32 bits).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
"""Wire types: how a field's value is written. Groups, 3 and 4, are of protobuf 1 and not read."""

MOST_FIELDS = 4_000_000
"""Fields of one message, more than any model has."""

SHIFTS = range(0, 70, 7)
"""Bits that the bytes of a varint begin at: ten bytes hold 64 bits."""

Value = int | memoryview


class Malformed(ValueError):
    """Bytes that are no message; says how, as the end of a sentence."""


class Message:
    """One message: its fields, by number, in the order they were written.

    Args:
        content: its bytes.
    """

    def __init__(self, content: bytes | memoryview) -> None:
        self.content = memoryview(content)
        self._fields: dict[int, list[Value]] = {}
        for count, (number, value) in enumerate(fields(self.content)):
            if count >= MOST_FIELDS:
                raise Malformed("has more fields than a model needs")
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def number(self, field: int, default: int = 0) -> int:
        """Give a field of an unsigned integer: the last one, as protobuf does."""
        value = self._fields.get(field, [default])[-1]
        if not isinstance(value, int):
            raise Malformed(f"has text or a message in its field {field}, where a number is due")
        return value

    def signed(self, field: int, default: int = 0) -> int:
        """Give a field of a signed integer."""
        return as_signed(self.number(field, default % (1 << 64)))

    def numbers(self, field: int) -> tuple[int, ...]:
        """Give a repeated field of signed integers, packed or not."""
        found: list[int] = []
        for value in self._fields.get(field, ()):
            found += [value] if isinstance(value, int) else packed(value)
        return tuple(map(as_signed, found))

    def floats(self, field: int) -> tuple[float, ...]:
        """Give a repeated field of float32, packed or not."""
        found: list[float] = []
        for value in self._fields.get(field, ()):
            stored = value.to_bytes(4, "little") if isinstance(value, int) and value < 1 << 32 else value
            if isinstance(stored, int) or len(stored) % 4:
                raise Malformed(f"has no whole floats in its field {field}")
            found += struct.unpack(f"<{len(stored) // 4}f", stored)
        return tuple(found)

    def span(self, field: int) -> memoryview:
        """Give a field of bytes; empty where it is absent."""
        values = self._fields.get(field)
        return _bytes(values[-1], field) if values else memoryview(b"")

    def spans(self, field: int) -> list[memoryview]:
        """Give a repeated field of bytes."""
        return [_bytes(value, field) for value in self._fields.get(field, ())]

    def text(self, field: int) -> str:
        """Give a field of text; what is no UTF-8 in it is replaced."""
        return bytes(self.span(field)).decode("utf-8", "replace")

    def texts(self, field: int) -> tuple[str, ...]:
        """Give a repeated field of text."""
        return tuple(bytes(one).decode("utf-8", "replace") for one in self.spans(field))

    def message(self, field: int) -> Message | None:
        """Give a message in a field, of several all in one, as protobuf merges them; None where it is absent."""
        found = self.spans(field)
        if not found:
            return None
        return Message(found[0] if len(found) == 1 else b"".join(found))

    def messages(self, field: int) -> list[Message]:
        """Give a repeated field of messages."""
        return [Message(one) for one in self.spans(field)]


def fields(content: memoryview) -> Iterator[tuple[int, Value]]:
    """Walk over the fields of a message: the number and the value of each.

    Raises:
        Malformed: a field is of no kind that is known, or reaches beyond the end.
    """
    place, end = 0, len(content)
    while place < end:
        tag, place = _varint(content, place)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise Malformed("has a field without a number")
        if wire == VARINT:
            value, place = _varint(content, place)
            yield number, value
            continue
        size, place = _varint(content, place) if wire == BYTES else (_SIZES.get(wire, -1), place)
        if size < 0:
            raise Malformed(f"has a field of the unknown kind {wire}")
        if size > end - place:
            raise Malformed("points outside of itself, as a file that was cut short does")
        part = content[place : place + size]
        yield number, part if wire == BYTES else int.from_bytes(part, "little")
        place += size


def packed(content: memoryview) -> Iterator[int]:
    """Walk over varints that were written one behind the other."""
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield value


def as_signed(value: int) -> int:
    """Read 64 bits as a signed number.

    >>> as_signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >= 1 << 63 else value


_SIZES = {EIGHT: 8, FOUR: 4}


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in SHIFTS:
        if place >= len(content):
            raise Malformed("points outside of itself, as a file that was cut short does")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), place
    raise Malformed("has a number of more than 64 bits")


def _bytes(value: Value, field: int) -> memoryview:
    if isinstance(value, int):
        raise Malformed(f"has a number in its field {field}, where text or a message is due")
    return value
