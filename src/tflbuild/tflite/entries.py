"""Named entries of a `.tflite`, its `metadata`: put in front of a file of which every byte stays, or taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from flatbuffers.table import Table

from tflbuild.tflite import flatbuffer

ALIGNMENT = 16
"""Bytes that a place in the file is a multiple of, as compilers for chips lay out what a device reads in place."""

VERSION, BUFFERS, METADATA = 0, 4, 6
FIELDS = 10
"""Fields of a file's first table, by number; all but the version lie elsewhere and are pointed to."""


def with_entries(content: bytes, added: Mapping[str, bytes]) -> bytes:
    """Give a file with entries, in the place of others of their names.

    The tables of the file stay where they are, with all their bytes and their alignment: a new first table, with the
    entries, is put in front of them. Only a file with buffers outside of its tables is packed again before.

    Args:
        content: a checked file.
        added: what each entry holds, by its name.
    """
    content = _with_buffers_inside(content)
    root = Table(content, int.from_bytes(content[:4], "little"))
    builder = flatbuffers.Builder(len(content) + sum(map(len, added.values())) + (1 << 12))
    behind = len(content) + -len(content) % ALIGNMENT
    _put(builder, content + bytes(behind - len(content)))
    given = {field: behind - root.Indirect(place) for field, place in _places(root).items()}
    buffers, entries = ([behind - one for one in _tables(root, field)] for field in (BUFFERS, METADATA))
    replaced = {name.encode() for name in added}
    kept = [
        one for one, known in zip(entries, _entries(content), strict=True) if known.Name() not in replaced
    ]
    for name, data in added.items():
        buffers.append(_table(builder, {0: _put(builder, data)}))
        kept.append(_table(builder, {0: builder.CreateString(name)}, {1: len(buffers) - 1}))
    given |= {BUFFERS: _vector(builder, buffers), METADATA: _vector(builder, kept)}
    builder.Finish(_table(builder, given, {VERSION: schema.Model.GetRootAs(content).Version()}), b"TFL3")
    return bytes(builder.Output())


def without_entry(content: bytes, name: str) -> bytes:
    """Give a file without the entries of a name and what they hold, packed again; the file itself if it has none.

    What lies behind the tables, such as an archive, is left out with them.
    """
    if all(entry.Name() != name.encode() for entry in _entries(content)):
        return content
    model = flatbuffer.unpack(content)
    gone = [entry for entry in model.metadata if entry.name == name.encode()]
    model.metadata = [entry for entry in model.metadata if entry.name != name.encode()] or None
    for number in sorted({int(entry.buffer) for entry in gone}, reverse=True):
        model.buffers[number].data = None
        if number == len(model.buffers) - 1:
            model.buffers.pop()
    return flatbuffer.pack(model)


def entry(content: bytes, name: str) -> bytes | None:
    """Give what a checked file holds under a name; None where it has no such entry."""
    root = schema.Model.GetRootAs(content)
    for found in _entries(content):
        if found.Name() == name.encode():
            buffer = root.Buffers(found.Buffer())
            return buffer.DataAsNumpy().tobytes() if buffer.DataLength() else b""
    return None


def _with_buffers_inside(content: bytes) -> bytes:
    root = schema.Model.GetRootAs(content)
    outside = any(root.Buffers(number).Offset() > 1 for number in range(root.BuffersLength()))
    return flatbuffer.pack(flatbuffer.unpack(content)) if outside else content


def _entries(content: bytes) -> list[Any]:
    root = schema.Model.GetRootAs(content)
    return [root.Metadata(place) for place in range(root.MetadataLength())]


def _places(root: Table) -> dict[int, int]:
    """Give where the fields lie that point elsewhere, by number; those that are absent are left out."""
    offsets = {field: root.Offset(4 + 2 * field) for field in range(VERSION + 1, FIELDS)}
    return {field: root.Pos + offset for field, offset in offsets.items() if offset}


def _tables(root: Table, field: int) -> list[int]:
    offset = root.Offset(4 + 2 * field)
    if not offset:
        return []
    start = root.Vector(offset)
    return [root.Indirect(start + 4 * place) for place in range(root.VectorLen(offset))]


def _put(builder: Any, data: bytes) -> int:
    """Write bytes as a vector, aligned; gives how far its start lies from the end."""
    builder.StartVector(1, len(data), ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    return int(builder.EndVector())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _table(builder: Any, offsets: dict[int, int], numbers: dict[int, int] | None = None) -> int:
    builder.StartObject(FIELDS)
    for field, number in (numbers or {}).items():
        builder.PrependUint32Slot(field, number, 0)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    return int(builder.EndObject())
