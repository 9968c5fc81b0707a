"""The graph of an ONNX file, as its protobuf holds it; weights stay where they lie.

Source: onnx.proto of ONNX, whose numbers of fields are named here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tflbuild.core.protobuf import Malformed, Message
from tflbuild.core.signature import TensorSpec

DTYPES: Mapping[int, str] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
}
"""Dtypes by their number in TensorProto."""

FLOAT = 1
OPEN = -1
"""A side that the file leaves open."""

DEEPEST = 16
"""Graphs within each other: branches of an If, bodies of loops."""

MOST_NODES = 200_000

FEW = 64
"""Values of a constant that are read."""


class Node(NamedTuple):
    """One operator.

    Attributes:
        kind: e.g. "Conv".
        domain: that its name is of; "" for ONNX's own.
        inputs: names of tensors; "" for one that is left out.
        outputs: names of tensors.
        message: its own, for its attributes.
    """

    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    message: Message

    @property
    def said(self) -> str:
        """The operator as a sentence names it."""
        return f"{self.domain}.{self.kind}" if self.domain else self.kind

    def numbers(self, attribute: str) -> tuple[int, ...]:
        """Give an attribute of integers; () where it is absent."""
        for one in self.message.messages(5):
            if one.text(1) == attribute:
                return one.numbers(8)
        return ()


@dataclass(frozen=True)
class Read:
    """The contents of a file, as far as planning looks.

    Attributes:
        opset: version of ONNX's operators; 0 where the file says none.
        producer: who wrote it, e.g. "pytorch 2.1"; "" where it does not say.
        properties: further text by name.
        nodes: operators of the main graph.
        inner: operators of graphs within it, and of the file's own functions.
        functions: names of the file's own functions, as `Node.said` has them.
        constants: tensors whose values lie in the file or beside it, by name.
        inputs: tensors that go in, by name, without constants.
        outputs: tensors that come out, by name.
        shapes: of other tensors, where the file says them.
    """

    opset: int
    producer: str
    properties: Mapping[str, str]
    nodes: tuple[Node, ...]
    inner: tuple[Node, ...]
    functions: frozenset[str]
    constants: Mapping[str, Message]
    inputs: Mapping[str, TensorSpec | None]
    outputs: Mapping[str, TensorSpec | None]
    shapes: Mapping[str, TensorSpec | None]

    def few_values(self, name: str) -> tuple[float, ...] | None:
        """Give the values of a small float constant; None for anything else, and for values beside the file."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.number(2) != FLOAT or tensor.number(14):
            return None
        count = math.prod(tensor.numbers(1))
        if not 0 < count <= FEW:
            return None
        raw = bytes(tensor.span(9))
        values = struct.unpack(f"<{len(raw) // 4}f", raw[: len(raw) // 4 * 4]) if raw else tensor.floats(4)
        return values if len(values) == count else None


def read(content: bytes) -> Read:
    """Read a file.

    Raises:
        Malformed: it is no ONNX model; says how, as the end of a sentence.
    """
    model = Message(content)
    graph = model.message(7)
    if graph is None:
        raise Malformed("has no graph")
    functions = model.messages(25)
    nodes = tuple(map(_node, graph.messages(1)))
    within = [node for one in functions for node in map(_node, one.messages(7))]
    inner = (*within, *(one for node in (*nodes, *within) for one in _inner(node)))
    if len(nodes) + len(inner) > MOST_NODES:
        raise Malformed("has too many operators")
    constants = {one.text(8): one for one in graph.messages(5)}
    constants |= {node.outputs[0]: found for node in nodes if (found := _constant(node)) is not None}
    versions = {one.text(1): one.number(2) for one in model.messages(8)}
    return Read(
        opset=versions.get("", versions.get("ai.onnx", 0)),
        producer=f"{model.text(2)} {model.text(3)}".strip(),
        properties={one.text(1): one.text(2) for one in model.messages(14)},
        nodes=nodes,
        inner=inner,
        functions=frozenset(_said(one.text(10), one.text(1)) for one in functions),
        constants=constants,
        inputs={name: spec for name, spec in _ends(graph, 11) if name not in constants},
        outputs=dict(_ends(graph, 12)),
        shapes=dict(_ends(graph, 13)),
    )


def tensors(content: Message, depth: int = 0) -> Iterator[Message]:
    """Walk over every tensor of a graph: its constants, and those in attributes of its operators.

    Raises:
        Malformed: graphs lie too deep within each other.
    """
    if depth > DEEPEST:
        raise Malformed("has graphs nested too deeply")
    yield from content.messages(5)
    for node in content.messages(1):
        for attribute in node.messages(5):
            yield from attribute.messages(5)
            yield from attribute.messages(10)
            for graph in (*attribute.messages(6), *attribute.messages(11)):
                yield from tensors(graph, depth + 1)


def _node(message: Message) -> Node:
    return Node(
        kind=message.text(4),
        domain="" if message.text(7) == "ai.onnx" else message.text(7),
        inputs=message.texts(1),
        outputs=message.texts(2),
        message=message,
    )


def _said(domain: str, kind: str) -> str:
    return f"{domain}.{kind}" if domain and domain != "ai.onnx" else kind


def _inner(node: Node, depth: int = 0) -> Iterator[Node]:
    """Walk over the operators of graphs that an operator has as attributes."""
    if depth > DEEPEST:
        raise Malformed("has graphs nested too deeply")
    for attribute in node.message.messages(5):
        for graph in (*attribute.messages(6), *attribute.messages(11)):
            for one in map(_node, graph.messages(1)):
                yield one
                yield from _inner(one, depth + 1)


def _constant(node: Node) -> Message | None:
    """Give the tensor that an operator `Constant` holds."""
    if node.kind != "Constant" or node.domain or len(node.outputs) != 1:
        return None
    return next((found for one in node.message.messages(5) if (found := one.message(5)) is not None), None)


def _ends(graph: Message, field: int) -> Iterator[tuple[str, TensorSpec | None]]:
    """Walk over named tensors of a graph: None for one without a shape, or that is no tensor."""
    for one in graph.messages(field):
        kind = one.message(2)
        tensor = kind.message(1) if kind is not None else None
        yield one.text(1), _spec(tensor) if tensor is not None else None


def _spec(tensor: Message) -> TensorSpec | None:
    shape, dtype = tensor.message(2), DTYPES.get(tensor.number(1), "")
    if shape is None:
        return None
    sides = (one.signed(1) if 1 in one else OPEN for one in shape.messages(1))
    return TensorSpec(tuple(side if side > 0 else OPEN for side in sides), dtype or "unknown")
