"""Check that a `.tflite` file of others is well-formed, before anything else reads it: LiteRT, or our own code.

LiteRT trusts indices, shapes and options of a file that it maps; a wrong one ends the process. What is checked here
needs no NumPy: that every table lies inside of the file, that every index has something behind it, that constants are
as large as their shapes, and that values are made before they are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tflbuild.backends.detection_rules import check_detection
from tflbuild.backends.operator_rules import check_operator
from tflbuild.backends.tables import Malformed, Table
from tflbuild.backends.tflite_schema import INTEGER_RANGES, ITEM_BITS, SCHEMAS, TYPES, UNIONS
from tflbuild.core.plain_text import plain

IDENTIFIER = b"TFL3"
VERSION = 3

CUSTOM = 32
OPERATORS = 209
"""Highest code of a built-in operator."""

EXECUTABLE = ("TFLite_Detection_PostProcess",)
"""Custom operators that LiteRT itself has."""

MOST_TABLES = 1_000_000
MOST_VALUES = 1 << 28
MOST_RANK = 8

NO_SIZE = frozenset({5, 13, 14})
"""Types of tensors whose values have no fixed size: strings, resources, variants."""


def check(content: bytes) -> None:
    """Check a whole file.

    Raises:
        Malformed: something in it is wrong; the message completes "it ".
    """
    if len(content) < 16 or content[4:8] != IDENTIFIER:
        raise Malformed("is no TensorFlow Lite file")
    model = Model(content)
    for number, graph in enumerate(model.graphs):
        _check_graph(model, graph, main=number == 0)
    _check_signatures(model)
    for entry in model.metadata:
        if entry.text("name") is None or entry.number("buffer") >= len(model.buffers):
            raise Malformed(f"has metadata '{plain(entry.text('name'), 60)}' in a buffer that is not there")


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
        self.buffers = [self._stored(one) for one in self.children(self.root, "buffers")]
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
        buffer = self.children(self.root, "buffers")[number]
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
                raise Malformed("has more tables than a model needs")

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
    """What is said of one tensor.

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
        """What of its quantization is no number that it can be, "" for nothing."""
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


def _check_graph(model: Model, graph: Table, *, main: bool) -> None:
    tensors = [Tensor(model, table) for table in model.children(graph, "tensors")]
    for tensor in tensors:
        _check_tensor(model, tensor)
    operators = model.children(graph, "operators")
    inputs, outputs = graph.numbers("inputs"), graph.numbers("outputs")
    if main:
        for what, found in (("operators", operators), ("inputs", inputs), ("outputs", outputs)):
            if not found:
                raise Malformed(f"has no {what}")
    for index in (*inputs, *outputs):
        if not 0 <= index < len(tensors):
            raise Malformed(f"takes or gives tensor {index}, and has {len(tensors)}")
    for index in inputs:
        if tensors[index].constant:
            raise Malformed(f"takes the input '{tensors[index].said}', which is a constant of the file")
    made = {*inputs, *(number for number, one in enumerate(tensors) if one.constant or one.variable)}
    for operator in operators:
        _check_operator(model, operator, tensors, made)
    for index in outputs:
        if index not in made:
            raise Malformed(f"gives '{tensors[index].said}', which no operator makes")


def _check_tensor(model: Model, tensor: Tensor) -> None:
    said = tensor.said
    if not 0 <= tensor.type <= TYPES:
        raise Malformed(f"has the tensor '{said}' of the unknown type {tensor.type}")
    if len(tensor.shape) > MOST_RANK or any(side < 0 for side in tensor.shape):
        raise Malformed(f"has the tensor '{said}' of shape {list(tensor.shape)[:12]}")
    if math.prod(tensor.shape) > MOST_VALUES:
        raise Malformed(f"has the tensor '{said}' of {math.prod(tensor.shape)} values")
    signature = tensor.signature
    if signature and (len(signature) != len(tensor.shape) or any(side < -1 for side in signature)):
        raise Malformed(
            f"has the tensor '{said}' of shape {list(tensor.shape)} with another rank or side elsewhere"
        )
    if tensor.quantization is not None:
        _check_quantization(tensor, tensor.quantization)
    if tensor.sparsity is not None:
        _check_sparsity(model, tensor, tensor.sparsity)
    elif tensor.constant and tensor.type not in NO_SIZE:
        needed = (math.prod(tensor.shape) * ITEM_BITS[tensor.type] + 7) // 8
        if needed != tensor.stored:
            raise Malformed(f"has {tensor.stored} bytes for the tensor '{said}', whose shape needs {needed}")


def _check_quantization(tensor: Tensor, found: Table) -> None:
    scales, zeros = found.numbers("scale"), found.numbers("zero_point")
    said = tensor.said
    if len(zeros) not in (0, len(scales)):
        raise Malformed(f"has {len(scales)} scales and {len(zeros)} zero points of the tensor '{said}'")


def _check_sparsity(model: Model, tensor: Tensor, found: Table) -> None:
    """Check that the coordinates of a sparse tensor lie inside of it, since whoever unpacks it trusts them."""
    order, blocks = found.numbers("traversal_order"), found.numbers("block_map")
    levels = model.children(found, "dim_metadata")
    rank = len(tensor.shape)
    wrong = Malformed(f"has the sparse tensor '{tensor.said}', whose coordinates make no sense")
    if sorted(order) != list(range(rank + len(blocks))) or len(levels) != len(order) or not tensor.constant:
        raise wrong
    if any(not 0 <= axis < rank for axis in blocks):
        raise wrong
    sizes = dict(zip(order, (level.number("dense_size") for level in levels), strict=True))
    width = dict.fromkeys(range(rank), 1)
    for position, axis in enumerate(blocks):
        width[axis] *= max(1, sizes[rank + position])
    count = 1
    for axis, level in zip(order, levels, strict=True):
        side = -(-tensor.shape[axis] // width[axis]) if axis < rank else sizes[axis]
        count = _spread(model, level, side, count)
        if count < 0 or count > MOST_VALUES:
            raise wrong
    if (count * ITEM_BITS.get(tensor.type, 8) + 7) // 8 != tensor.stored:
        raise wrong


def _spread(model: Model, level: Table, side: int, count: int) -> int:
    """Give how many values there are behind a level of a sparse tensor; -1 where it makes no sense."""
    if level.number("format") == 0:
        return count * side if level.number("dense_size") == side > 0 else -1
    segments, indices = model.child(level, "array_segments"), model.child(level, "array_indices")
    if segments is None or indices is None:
        return -1
    starts, places = segments.numbers("values"), indices.numbers("values")
    rising = len(starts) == count + 1 and starts[0] == 0 and all(a <= b for a, b in pairwise(starts))
    if not rising or starts[-1] != len(places) or not all(0 <= place < side for place in places):
        return -1
    return len(places)


def _check_operator(model: Model, operator: Table, tensors: list[Tensor], made: set[int]) -> None:
    code = operator.number("opcode_index")
    if code >= len(model.kinds):
        raise Malformed(f"has an operator of kind {code}, and {len(model.kinds)} kinds")
    inputs, outputs = operator.numbers("inputs"), operator.numbers("outputs")
    for index in (*inputs, *operator.numbers("intermediates")):
        if not -1 <= index < len(tensors):
            raise Malformed(f"has an operator that reads tensor {index}, and {len(tensors)} tensors")
    for index in outputs:
        if not 0 <= index < len(tensors):
            raise Malformed(f"has an operator that makes tensor {index}, and {len(tensors)} tensors")
        if index in made:
            raise Malformed(f"makes '{tensors[index].said}' where it is there already")
    for index in inputs:
        if index >= 0 and index not in made and not model.foreign[code]:  # vela's own have scratch memory
            raise Malformed(f"reads '{tensors[index].said}' before it is made")
    if operator.number("large_custom_options_offset") > 1:
        end = operator.number("large_custom_options_offset") + operator.number("large_custom_options_size")
        if end > len(model.content):
            raise Malformed("has options of an operator that lie outside of it")
    _check_called(model, operator)
    options = model.child(operator, "builtin_options")
    read, written = _tensors(tensors, inputs), _tensors(tensors, outputs)
    reason = check_operator(model.kinds[code], operator, options, read, written)
    if model.kinds[code] == CUSTOM and not model.foreign[code]:
        reason = check_detection(bytes(operator.numbers("custom_options")), read, written)
    if reason:
        raise Malformed(reason)
    made.update(outputs)


def _tensors(tensors: list[Tensor], indices: tuple[int, ...]) -> list[Any]:
    return [tensors[index] if index >= 0 else None for index in indices]


def _check_called(model: Model, operator: Table) -> None:
    """Check the graphs that an operator calls; the main one, which calls it, is never one of them."""
    for field in ("builtin_options", "builtin_options_2"):
        options = model.child(operator, field)
        names = ("then", "else", "condition", "body", "initialization", "subgraph", "decomposition")
        for name in names if options is not None else ():
            if options is not None and name in options.schema:
                called = options.number(name)
                if not 0 < called < len(model.graphs):
                    raise Malformed(
                        f"has an operator that calls graph {called}, and {len(model.graphs)} graphs"
                    )


def _check_signatures(model: Model) -> None:
    for signature in model.children(model.root, "signature_defs"):
        number = signature.number("subgraph_index")
        if number >= len(model.graphs):
            raise Malformed(f"has a signature of graph {number}, and {len(model.graphs)} graphs")
        graph = model.graphs[number]
        for what in ("inputs", "outputs"):
            names = []
            for entry in model.children(signature, what):
                if entry.number("tensor_index") not in graph.numbers(what):
                    raise Malformed(f"has a signature whose {what} are not those of the graph")
                names.append(entry.text("name") or "")
            if "" in names or len(set(names)) < len(names):
                raise Malformed(f"has a signature whose {what} are not named, or named alike")
