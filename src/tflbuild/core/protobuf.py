"""Read and write protobuf messages without their descriptions: nothing is unpacked before it is asked for.

Source: the encoding as protobuf documents it (varints, 64 bits, length-delimited, 32 bits).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
"""Wire types: how a field's value is written. Groups, 3 and 4, are of protobuf 1 and not read."""

MOST_FIELDS = 4_000_000
"""Fields of one message, more than any model or sample has."""

SHIFTS = range(7, 70, 7)
"""Bits that the bytes of a varint behind its first begin at: ten bytes hold 64 bits."""

SIZES = {EIGHT: 8, FOUR: 4}

Value = int | memoryview

CUT_OFF = "points outside of itself, as a file that was cut short does"


class Malformed(ValueError):
    """Bytes that are no message; says how, as the end of a sentence."""


class Message:
    """One message: its fields, by number, in the order they were written.

    Args:
        content: its bytes.

    Raises:
        Malformed: they are no message.
    """

    def __init__(self, content: bytes | memoryview = b"") -> None:
        self.content = memoryview(content)
        self._fields: dict[int, list[Value]] = {}
        for count, (number, value) in enumerate(fields(self.content)):
            if count >= MOST_FIELDS:
                raise Malformed("has too many fields")
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

    def floats(self, field: int, form: str = "f") -> tuple[float, ...]:
        """Give a repeated field of float32, or of float64 where `form` is "d", packed or not."""
        size = struct.calcsize(form)
        found: list[float] = []
        for value in self._fields.get(field, ()):
            stored = (
                value.to_bytes(size, "little") if isinstance(value, int) and value < 1 << 8 * size else value
            )
            if isinstance(stored, int) or len(stored) % size:
                raise Malformed(f"has no whole floats in its field {field}")
            found += struct.unpack(f"<{len(stored) // size}{form}", stored)
        return tuple(found)

    def span(self, field: int) -> memoryview:
        """Give a field of bytes: the last one; empty where it is absent."""
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

    def name(self, field: int) -> str:
        """Give a field of text that something is found by; "" where it is absent.

        Raises:
            Malformed: it is no UTF-8, so that two names could look alike.
        """
        return decoded(self.span(field))

    def names(self, field: int) -> tuple[str, ...]:
        """Give a repeated field of names."""
        return tuple(map(decoded, self.spans(field)))

    def message(self, field: int) -> Message | None:
        """Give a message in a field, of several all in one, as protobuf merges them; None where it is absent."""
        return Message(self.merged(field)) if field in self._fields else None

    def inner(self, field: int) -> Message:
        """Give a message in a field as `message` does; one without fields where it is absent."""
        return Message(self.merged(field))

    def merged(self, field: int) -> memoryview:
        """Give the bytes of a message in a field, of several all in one; none where it is absent."""
        found = self.spans(field)
        return found[0] if len(found) == 1 else memoryview(b"".join(found))

    def messages(self, field: int) -> list[Message]:
        """Give a repeated field of messages."""
        return [Message(one) for one in self.spans(field)]

    def entries(self, field: int) -> dict[str, memoryview]:
        """Give the bytes of what a map holds, by the names in it; of two entries of one name the last."""
        return {one.name(1): one.merged(2) for one in self.messages(field)}


def fields(content: memoryview) -> Iterator[tuple[int, Value]]:
    """Walk over the fields of a message: the number and the value of each, its number or its bytes.

    Raises:
        Malformed: a field is of no kind that is known, or reaches beyond the end.
    """
    for number, wire, start, stop in places(content, 0, len(content)):
        if wire == VARINT:
            yield number, stop
        elif wire == BYTES:
            yield number, content[start:stop]
        else:
            yield number, int.from_bytes(content[start:stop], "little")


def places(content: bytes | memoryview, place: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Walk over the fields of a message that lies within other bytes: where the value of each is.

    Args:
        content: the bytes.
        place: where the message begins in them.
        end: where it ends.

    Yields:
        The field's number, its wire type, and where its value begins and ends; of a varint, the value in place of the
        end.

    Raises:
        Malformed: a field is of no kind that is known, or reaches beyond the end.
    """
    while place < end:
        tag = content[place]
        place += 1
        if tag > 0x7F:
            tag, place = _longer(content, tag, place, end)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise Malformed("has a field without a number")
        if wire == VARINT:
            start = place
            value, place = varint(content, place, end)
            yield number, wire, start, value
            continue
        size, place = varint(content, place, end) if wire == BYTES else (SIZES.get(wire, -1), place)
        if size < 0:
            raise Malformed(f"has a field of the unknown kind {wire}")
        if size > end - place:
            raise Malformed(CUT_OFF)
        yield number, wire, place, place + size
        place += size


def varint(content: bytes | memoryview, place: int, end: int) -> tuple[int, int]:
    """Read a varint: its value, of 64 bits without a sign, and where it ends.

    Raises:
        Malformed: it is longer than 64 bits, or reaches beyond the end.
    """
    if place >= end:
        raise Malformed(CUT_OFF)
    first = content[place]
    return (first, place + 1) if first < 0x80 else _longer(content, first, place + 1, end)


def _longer(content: bytes | memoryview, value: int, place: int, end: int) -> tuple[int, int]:
    """Read a varint of more than one byte, from its second on."""
    value &= 0x7F
    for shift in SHIFTS:
        if place >= end:
            raise Malformed(CUT_OFF)
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), place
    raise Malformed("has a number of more than 64 bits")


def packed(content: memoryview) -> Iterator[int]:
    """Walk over varints that were written one behind the other."""
    place = 0
    while place < len(content):
        value, place = varint(content, place, len(content))
        yield value


def as_signed(value: int) -> int:
    """Read 64 bits as a signed number.

    >>> as_signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >= 1 << 63 else value


def encoded(value: int) -> bytes:
    r"""Write a number without a sign as a varint.

    >>> encoded(150)
    b'\x96\x01'
    """
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def decoded(value: memoryview) -> str:
    """Give a name.

    Raises:
        Malformed: it is not UTF-8.
    """
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise Malformed("has a name that is not UTF-8") from None


def _bytes(value: Value, field: int) -> memoryview:
    if isinstance(value, int):
        raise Malformed(f"has a number in its field {field}, where text or a message is due")
    return value


def key_of(field: int, wire: int) -> bytes:
    """Write the beginning of a field: its number, and how its value is written."""
    return encoded(field << 3 | wire)


def sized(field: int, content: bytes) -> bytes:
    """Write a field of bytes, text or a message: its size, and the content.

    >>> sized(2, b"testing").hex()  # the example of protobuf's own documentation
    '120774657374696e67'
    """
    return key_of(field, BYTES) + encoded(len(content)) + content
