"""The tables of a `.tflite` file as objects: each is read once, and lies inside of the file."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tflbuild.core.plain_text import plain
from tflbuild.tflite.schema import INTEGER_RANGES, SCHEMAS, UNIONS
from tflbuild.tflite.tables import Malformed, Table

VERSION = 3

CUSTOM = 32
OPERATORS = 209
"""Highest code of a built-in operator."""

EXECUTABLE = ("TFLite_Detection_PostProcess",)
"""Custom operators that LiteRT itself has."""

MOST_TABLES = 1_000_000


class Model:
    """A file's tables, each read once, all of them inside of the file.

    Args:
        content: the file.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._read: dict[tuple[int, str], Table] = {}
        self.root = self._table(int.from_bytes(content[:4], "little"), "Model")
        self._read_all()
        if self.root.number("version") != VERSION:
            raise Malformed(f"has version {self.root.number('version')} of the format; {VERSION} is read")
        self.codes = self.children(self.root, "operator_codes")
        self.graphs = self.children(self.root, "subgraphs")
        self._buffers = self.children(self.root, "buffers")
        self.buffers = [self._stored(one) for one in self._buffers]
        self.metadata = self.children(self.root, "metadata")
        self.kinds = [_kind(code) for code in self.codes]
        self.foreign = [code.text("custom_code") not in (None, *EXECUTABLE) for code in self.codes]
        if not self.graphs:
            raise Malformed("has no graph")
        if self.root.count("external_buffers"):
            raise Malformed("takes weights from another file")

    def child(self, table: Table, name: str) -> Table | None:
        """Give the table in a field; None where it is absent."""
        position = table.table_at(name)
        return None if position is None else self._table(position, self._schema(table, name))

    def children(self, table: Table, name: str) -> list[Table]:
        """Give the tables in a vector."""
        return [self._table(position, table.schema[name].schema) for position in table.tables_at(name)]

    def kind(self, operator: Table) -> int:
        """Give the code of an operator of a checked file."""
        return self.kinds[operator.number("opcode_index")]

    def stored_bytes(self, number: int) -> memoryview:
        """Give what a buffer of a checked file holds."""
        buffer = self._buffers[number]
        offset, size = buffer.number("offset"), buffer.number("size")
        start, count = (offset, size) if offset > 1 else buffer.span("data")
        return memoryview(self.content)[start : start + count]

    def _table(self, position: int, schema: str) -> Table:
        found = self._read.get((position, schema))
        if found is None:
            found = self._read[position, schema] = Table(self.content, position, SCHEMAS[schema])
        return found

    def _schema(self, table: Table, name: str) -> str:
        schema = table.schema[name].schema
        if schema not in UNIONS:
            return schema
        kinds, known = UNIONS[schema]
        kind = table.number(schema)
        if not 0 < kind <= kinds:
            raise Malformed(f"has a table of the unknown kind {kind}")
        return known.get(kind, "Plain")

    def _read_all(self) -> None:
        """Follow every field of every table once, so that nothing that is read later lies outside of the file."""
        waiting, seen = [self.root], {(self.root.position, id(self.root.schema))}
        while waiting:
            table = waiting.pop()
            for found in self._inner(table):
                key = (found.position, id(found.schema))
                if key not in seen:
                    seen.add(key)
                    waiting.append(found)
            if len(seen) > MOST_TABLES:
                raise Malformed("has too many tables")

    def _inner(self, table: Table) -> Iterator[Table]:
        for name, slot in table.schema.items():
            if slot.kind == "text":
                table.text(name)
            elif slot.kind == "table":
                inner = self.child(table, name)
                yield from [inner] if inner is not None else []
            elif slot.kind == "[table]":
                yield from self.children(table, name)
            elif slot.kind.startswith("["):
                table.count(name)

    def _stored(self, buffer: Table) -> int:
        """Give how many bytes a buffer holds."""
        offset, size = buffer.number("offset"), buffer.number("size")
        if offset > 1 and offset + size > len(self.content):
            raise Malformed("has a buffer that lies outside of it")
        return size if offset > 1 else buffer.count("data")


class Tensor:
    """The description of one tensor in the file.

    Args:
        model: of the tensor.
        table: its own.
    """

    def __init__(self, model: Model, table: Table) -> None:
        self.name = table.text("name") or ""
        self.type = table.number("type")
        self.shape: tuple[int, ...] = table.numbers("shape")
        self.signature: tuple[int, ...] = table.numbers("shape_signature")
        self.buffer = table.number("buffer")
        self.variable = bool(table.number("is_variable"))
        self.quantization = model.child(table, "quantization")
        self.sparsity = model.child(table, "sparsity")
        if not 0 <= self.buffer < len(model.buffers):
            raise Malformed(f"has the tensor '{self.said}' in a buffer that is not there")
        self.stored = model.buffers[self.buffer]

    @property
    def said(self) -> str:
        """The name as it may be shown."""
        return plain(self.name, 60)

    @property
    def wrong_number(self) -> str:
        """The part of its quantization that holds an impossible number, "" for none."""
        found = self.quantization
        if found is None:
            return ""
        scales = found.numbers("scale")
        if not all(0 < scale < math.inf for scale in scales):
            return "scale"
        axis = (
            found.number("quantized_dimension") if len(self.shape) != 1 else 0
        )  # biases keep their weights' axis
        if len(scales) > 1 and self.shape[axis : axis + 1] != (len(scales),):
            return "number of scales"
        if not all(map(math.isfinite, (*found.numbers("min"), *found.numbers("max")))):
            return "range"
        least, most = INTEGER_RANGES.get(self.type, (-(2**63), 2**63))
        fits = all(least <= zero <= most for zero in found.numbers("zero_point"))
        return "" if fits or not scales else "zero point"

    @property
    def constant(self) -> bool:
        """Whether its values lie in the file."""
        return self.stored > 0


def _kind(code: Table) -> int:
    kind = max(code.number("builtin_code"), code.number("deprecated_builtin_code"))
    if not 0 <= kind <= OPERATORS:
        raise Malformed(f"has an operator of the unknown code {kind}")
    if kind == CUSTOM and not code.text("custom_code"):
        raise Malformed("has a custom operator without a name")
    return kind
