"""Read the tables of a flatbuffer from bytes of others: every offset is checked before anything behind it is read."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

SIZES = {"b": 1, "B": 1, "?": 1, "h": 2, "H": 2, "i": 4, "I": 4, "f": 4, "q": 8, "Q": 8, "d": 8}
"""Bytes of a number by the letter that `struct` has for it."""


class Malformed(ValueError):
    """The bytes are not what the schema says; the message completes "it "."""


class Slot(NamedTuple):
    """A field of a table.

    Attributes:
        number: its place in the schema.
        kind: a letter of `struct`; "text"; "[b]" and the like for a vector of numbers; "table" or "[table]".
        schema: of the table or tables; "" of numbers and text.
    """

    number: int
    kind: str
    schema: str = ""


Schema = Mapping[str, Slot]


class Table:
    """One table of a flatbuffer, its fields read and checked when it is made.

    Args:
        content: the flatbuffer.
        position: of the table.
        schema: of its fields by name; an absent field has no entry in `fields`.
    """

    def __init__(self, content: bytes, position: int, schema: Schema) -> None:
        self.content, self.position, self.schema = content, position, schema
        distance = number_at(content, position, "i")
        start = position - distance
        length, inline = number_at(content, start, "H"), number_at(content, start + 2, "H")
        if length < 4 or length % 2 or inline < 4:
            raise Malformed("has a table whose description makes no sense")
        offsets = _numbers_at(content, start + 4, "H", (length - 4) // 2)
        _check_range(content, position, inline)
        self._places: dict[str, int] = {}
        for name, slot in schema.items():
            offset = offsets[slot.number] if slot.number < len(offsets) else 0
            if not offset:
                continue
            if offset < 4 or offset + SIZES.get(slot.kind, 4) > inline:
                raise Malformed("has a field that lies outside of its table")
            self._places[name] = position + offset

    def has(self, name: str) -> bool:
        """Say whether a field is there."""
        return name in self._places

    def number(self, name: str, default: int = 0) -> int:
        """Give a number; its default where it is absent."""
        place = self._places.get(name)
        if place is None:
            return default
        value: int = number_at(self.content, place, self.schema[name].kind)
        return value

    def numbers(self, name: str) -> tuple[Any, ...]:
        """Give a vector of numbers; () where it is absent."""
        return _numbers_at(self.content, *self._vector(name, self.schema[name].kind[1]))

    def count(self, name: str) -> int:
        """Give how many entries a vector has, checked to lie inside of the file."""
        return self.span(name)[1]

    def span(self, name: str) -> tuple[int, int]:
        """Give where a vector's first entry lies and how many there are."""
        kind = self.schema[name].kind
        start, _, count = self._vector(name, "I" if kind == "[table]" else kind[1])
        return start, count

    def text(self, name: str) -> str | None:
        """Give a text; None where it is absent."""
        place = self._places.get(name)
        if place is None:
            return None
        start, count = self._behind(place, 1)
        try:
            return self.content[start : start + count].decode()
        except UnicodeDecodeError:
            raise Malformed(f"has a {name.replace('_', ' ')} that is not UTF-8") from None

    def table_at(self, name: str) -> int | None:
        """Give the position of a table; None where it is absent."""
        place = self._places.get(name)
        return None if place is None else _followed(self.content, place)

    def tables_at(self, name: str) -> list[int]:
        """Give the positions of tables in a vector."""
        start, _, count = self._vector(name, "I")
        return [_followed(self.content, start + 4 * number) for number in range(count)]

    def _vector(self, name: str, letter: str) -> tuple[int, str, int]:
        place = self._places.get(name)
        if place is None:
            return 0, letter, 0
        start, count = self._behind(place, SIZES[letter])
        return start, letter, count

    def _behind(self, place: int, size: int) -> tuple[int, int]:
        start = _followed(self.content, place)
        count = number_at(self.content, start, "I")
        _check_range(self.content, start + 4, count * size)
        return start + 4, count


def number_at(content: bytes, place: int, letter: str) -> Any:
    """Read one number."""
    _check_range(content, place, SIZES[letter])
    return struct.unpack_from("<" + letter, content, place)[0]


def _numbers_at(content: bytes, place: int, letter: str, count: int) -> tuple[Any, ...]:
    if not count:
        return ()
    _check_range(content, place, SIZES[letter] * count)
    return struct.unpack_from(f"<{count}{letter}", content, place)


def _followed(content: bytes, place: int) -> int:
    target: int = place + number_at(content, place, "I")
    _check_range(content, target, 4)
    return target


def _check_range(content: bytes, place: int, size: int) -> None:
    if place < 0 or place + size > len(content):
        raise Malformed("points outside of itself, as a file that was cut short does")
