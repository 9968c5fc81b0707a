"""The wire format of protocol buffers: fields by number, without a schema."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

LONGEST_VARINT = 10


class Malformed(ValueError):
    """The bytes are no protocol buffer; completes "it "."""


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Give each field: its number, and its integer or its bytes; those of 4 and 8 bytes as bytes.

    Raises:
        Malformed: the message is cut off, or no message at all.
    """
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place, end)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(data, place, end)
            yield number, value
            continue
        if kind == BYTES:
            size, place = _varint(data, place, end)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"has a field of the kind {kind}, which protocol buffers lack")
        if not number or place + size > end:
            raise Malformed("is cut off, or no protocol buffer")
        yield number, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    for at in range(place, min(place + LONGEST_VARINT, end)):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7
    raise Malformed("is cut off, or no protocol buffer")


def encoded(value: int) -> bytes:
    """Write an integer as a varint."""
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def messages(data: memoryview, number: int) -> list[memoryview]:
    """Give the bytes of every field of a number."""
    return [value for found, value in fields(data) if found == number and isinstance(value, memoryview)]


def message(data: memoryview, number: int) -> memoryview:
    """Give the bytes of a message; none where it is absent, and of several all, as protocol buffers merge them."""
    found = messages(data, number)
    return found[0] if len(found) == 1 else memoryview(b"".join(found))


def last(data: memoryview, number: int) -> memoryview:
    """Give the last of several bytes or texts, as protocol buffers take it; none where it is absent."""
    found = messages(data, number)
    return found[-1] if found else memoryview(b"")


def text(data: memoryview, number: int) -> str:
    """Give a text; "" where it is absent."""
    return decoded(last(data, number))


def integer(data: memoryview, number: int) -> int:
    """Give an integer with its sign; 0 where it is absent."""
    found = [value for place, value in fields(data) if place == number and isinstance(value, int)]
    return signed(found[-1]) if found else 0


def entries(data: memoryview, number: int) -> dict[str, memoryview]:
    """Give the entries of a map from texts to messages or texts."""
    return {text(one, 1): message(one, 2) for one in messages(data, number)}


def decoded(value: memoryview) -> str:
    """Give a text.

    Raises:
        Malformed: it is not UTF-8.
    """
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise Malformed("has a name that is not UTF-8") from None


def signed(value: int) -> int:
    """Give what 64 bits mean as a number with a sign."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def numbers(data: memoryview, number: int, form: str = "") -> Sequence[float]:
    """Give a repeated field of numbers, packed or not.

    Args:
        data: the message.
        number: of the field.
        form: "f" or "d" for floats, as `struct` names them; "" for integers.
    """
    found: list[float] = []
    for place, value in fields(data):
        if place != number:
            continue
        if isinstance(value, int):
            found.append(signed(value))
        elif form:
            size = struct.calcsize(form)
            found += struct.unpack(f"<{len(value) // size}{form}", value[: len(value) // size * size])
        else:
            found += _packed(value)
    return found


def _packed(data: memoryview) -> list[int]:
    found, place = [], 0
    while place < len(data):
        value, place = _varint(data, place, len(data))
        found.append(signed(value))
    return found
