"""`tf.train.Example`, the protocol buffer in which TFRecords hold samples; read without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tflbuild.core.protobuf import BYTES, FOUR, VARINT, as_signed, packed, places


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
        for number, kind, start, stop in places(record, 0, len(record)):
            if (number, kind) != (1, BYTES):
                raise ValueError
            for number, kind, begin, end in places(record, start, stop):
                if (number, kind) == (1, BYTES):
                    key, feature = _entry(record, begin, end)
                    found[key] = feature
    except (ValueError, struct.error) as error:
        raise ValueError("is not a tf.train.Example") from error
    return found


def _entry(record: bytes, start: int, stop: int) -> tuple[str, Feature]:
    key, feature = "", Feature()
    for number, kind, begin, end in places(record, start, stop):
        if kind != BYTES:
            raise ValueError
        if number == 1:
            key = record[begin:end].decode()
        elif number == 2:
            feature = _feature(record, begin, end)
    return key, feature


def _feature(record: bytes, start: int, stop: int) -> Feature:
    feature = Feature()
    for number, kind, begin, end in places(record, start, stop):
        if kind != BYTES:
            raise ValueError
        if number == 1:
            spans = (Span(*one) for n, k, *one in places(record, begin, end) if (n, k) == (1, BYTES))
            feature = Feature(spans=tuple(spans))
        elif number == 2:
            feature = Feature(floats=tuple(_floats(record, begin, end)))
        elif number == 3:
            feature = Feature(integers=tuple(_integers(record, begin, end)))
    return feature


def _floats(record: bytes, start: int, stop: int) -> Iterator[float]:
    for number, kind, begin, end in places(record, start, stop):
        if number != 1 or kind not in (BYTES, FOUR):
            raise ValueError
        content = record[begin:end]
        yield from struct.unpack(f"<{len(content) // 4}f", content)


def _integers(record: bytes, start: int, stop: int) -> Iterator[int]:
    for number, kind, begin, end in places(record, start, stop):
        if number != 1 or kind not in (BYTES, VARINT):
            raise ValueError
        if kind == VARINT:
            yield as_signed(end)
        else:
            yield from map(as_signed, packed(memoryview(record)[begin:end]))
