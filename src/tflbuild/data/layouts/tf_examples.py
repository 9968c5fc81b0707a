"""`tf.train.Example`, the protocol buffer in which TFRecords hold samples; read without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Kinds of fields on the wire."""


class Span(NamedTuple):
    """Bytes of a record: from where, to where."""

    start: int
    stop: int


class Feature(NamedTuple):
    """The values of one key; of the three kinds one has any.

    Attributes:
        spans: of bytes, where they lie in the record.
        floats: numbers.
        integers: whole numbers.
    """

    spans: tuple[Span, ...] = ()
    floats: tuple[float, ...] = ()
    integers: tuple[int, ...] = ()

    def kind(self) -> str:
        """Name the kind of values: "bytes", "floats", "integers", or "nothing"."""
        return (
            "bytes" if self.spans else "floats" if self.floats else "integers" if self.integers else "nothing"
        )


def features(record: bytes) -> Mapping[str, Feature]:
    """Give the features of an Example by their keys.

    Raises:
        ValueError: the record is no Example; the message completes "record N ".
    """
    found: dict[str, Feature] = {}
    try:
        for number, kind, span, _ in _fields(record, Span(0, len(record))):
            if (number, kind) != (1, BYTES):
                raise ValueError
            for number, kind, entry, _ in _fields(record, span):
                if (number, kind) == (1, BYTES):
                    key, feature = _entry(record, entry)
                    found[key] = feature
    except (ValueError, IndexError, struct.error) as error:
        raise ValueError("is no tf.train.Example") from error
    return found


def _entry(record: bytes, span: Span) -> tuple[str, Feature]:
    key, feature = "", Feature()
    for number, kind, inner, _ in _fields(record, span):
        if kind != BYTES:
            raise ValueError
        if number == 1:
            key = record[inner.start : inner.stop].decode()
        elif number == 2:
            feature = _feature(record, inner)
    return key, feature


def _feature(record: bytes, span: Span) -> Feature:
    feature = Feature()
    for number, kind, values, _ in _fields(record, span):
        if kind != BYTES:
            raise ValueError
        if number == 1:
            feature = Feature(
                spans=tuple(inner for n, k, inner, _ in _fields(record, values) if (n, k) == (1, BYTES))
            )
        elif number == 2:
            feature = Feature(floats=tuple(_floats(record, values)))
        elif number == 3:
            feature = Feature(integers=tuple(_integers(record, values)))
    return feature


def _floats(record: bytes, span: Span) -> Iterator[float]:
    for number, kind, inner, _ in _fields(record, span):
        if number != 1 or kind not in (BYTES, FIXED32):
            raise ValueError
        content = record[inner.start : inner.stop]
        yield from struct.unpack(f"<{len(content) // 4}f", content)


def _integers(record: bytes, span: Span) -> Iterator[int]:
    for number, kind, inner, value in _fields(record, span):
        if number != 1 or kind not in (BYTES, VARINT):
            raise ValueError
        if kind == VARINT:
            yield _signed(value)
            continue
        position = inner.start
        while position < inner.stop:
            value, position = _varint(record, position, inner.stop)
            yield _signed(value)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _fields(record: bytes, span: Span) -> Iterator[tuple[int, int, Span, int]]:
    """Give number, kind, place and, for a varint, value of each field."""
    position = span.start
    while position < span.stop:
        tag, position = _varint(record, position, span.stop)
        number, kind, value = tag >> 3, tag & 7, 0
        start = position
        if kind == VARINT:
            value, position = _varint(record, position, span.stop)
        elif kind == BYTES:
            length, start = _varint(record, position, span.stop)
            position = start + length
        elif kind in (FIXED32, FIXED64):
            position += 4 if kind == FIXED32 else 8
        else:
            raise ValueError
        if position > span.stop:
            raise ValueError
        yield number, kind, Span(start, position), value


def _varint(record: bytes, position: int, stop: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= stop or shift > 63:
            raise ValueError
        byte = record[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, position
        shift += 7
