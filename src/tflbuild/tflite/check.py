"""Check that a `.tflite` file of others is well-formed, before anything else reads it: LiteRT, or our own code.

LiteRT trusts indices, shapes and options of a file that it maps; a wrong one ends the process. What is checked here
needs no NumPy: that every table lies inside of the file, that every index has something behind it, that constants are
as large as their shapes, and that values are made before they are read.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.tflite.detection_rules import check_detection
from tflbuild.tflite.model import CUSTOM, Model, Tensor
from tflbuild.tflite.operator_rules import check_operator
from tflbuild.tflite.schema import ITEM_BITS, TYPES
from tflbuild.tflite.tables import Malformed, Table

IDENTIFIER = b"TFL3"


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
        raise Malformed("is not a TensorFlow Lite file")
    model = Model(content)
    for number, graph in enumerate(model.graphs):
        _check_graph(model, graph, main=number == 0)
    _check_signatures(model)
    for entry in model.metadata:
        if entry.text("name") is None or entry.number("buffer") >= len(model.buffers):
            raise Malformed(f"has metadata '{plain(entry.text('name'), 60)}' in a buffer that is not there")


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
