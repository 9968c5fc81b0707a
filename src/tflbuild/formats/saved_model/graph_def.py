"""A `saved_model.pb`: graphs, functions and signatures, read off its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tflbuild.core.signature import TensorSpec
from tflbuild.formats.saved_model import wire
from tflbuild.formats.saved_model.tensors import Constant, constant, dtype_of, shape_of

MOST_NODES = 2_000_000
"""Nodes of all graphs and functions of a file."""

SERVE = "serve"

META_GRAPHS, META_INFO, GRAPH, SAVER, SIGNATURES = 2, 1, 2, 3, 5
NODES, LIBRARY = 1, 2


class Node(NamedTuple):
    """One node: its name, operator, inputs as they are written, and attributes as bytes of `AttrValue`."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, memoryview]

    def called(self, attribute: str) -> str:
        """Name the function that an attribute holds; "" for none."""
        found = self.attributes.get(attribute)
        return wire.text(wire.message(found, 10), 1) if found is not None else ""

    def functions(self) -> Iterator[str]:
        """Name every function that an attribute holds, lists of them included."""
        for value in self.attributes.values():
            for one in (*wire.messages(value, 10), *wire.messages(wire.message(value, 1), 9)):
                yield wire.text(one, 1)

    @property
    def constant(self) -> Constant:
        """Give the value of a `Const`."""
        return constant(wire.message(self.attributes.get("value", memoryview(b"")), 8))


@dataclass(frozen=True)
class Function:
    """A function of a graph's library.

    Attributes:
        data: its `FunctionDef`.
    """

    data: memoryview = field(repr=False)

    @cached_property
    def name(self) -> str:
        """Give its name."""
        return wire.text(wire.message(self.data, 1), 1)

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """Name its arguments."""
        return tuple(wire.text(one, 1) for one in wire.messages(wire.message(self.data, 1), 2))

    @cached_property
    def results(self) -> tuple[str, ...]:
        """Give what it returns, in order, as references into it."""
        named = {key: wire.decoded(value) for key, value in wire.entries(self.data, 4).items()}
        outputs = [wire.text(one, 1) for one in wire.messages(wire.message(self.data, 1), 3)]
        if not set(outputs) <= set(named):
            raise wire.Malformed(f"has a function '{self.name[:60]}' that does not say what it returns")
        return tuple(named[name] for name in outputs)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Give its nodes by name."""
        return nodes_of(wire.messages(self.data, 3))

    @property
    def bodies(self) -> list[memoryview]:
        """Give each of its nodes as bytes of a `NodeDef`."""
        return wire.messages(self.data, 3)

    @cached_property
    def implements(self) -> str:
        """Name the operator that it stands for, as the converter for LiteRT has it; "" for none."""
        found = wire.entries(self.data, 5).get("_implements", memoryview(b""))
        return wire.text(wire.message(found, 10), 1) or wire.text(found, 2)

    @cached_property
    def attributes(self) -> Mapping[str, memoryview]:
        """Give the attributes of the operator that it stands for, as bytes of `AttrValue`."""
        found = wire.entries(self.data, 5).get("_implements", memoryview(b""))
        return wire.entries(wire.message(found, 10), 2)


class Tensor(NamedTuple):
    """An input or output of a signature: the tensor, e.g. "StatefulPartitionedCall:0", and what it is."""

    reference: str
    spec: TensorSpec
    known: bool
    """Whether its number of axes is."""
    plain: bool
    """Whether it is one tensor, and not several that stand for one, as of a sparse or ragged one."""


class Declared(NamedTuple):
    """A signature: its inputs and outputs by name."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


@dataclass(frozen=True)
class MetaGraph:
    """A graph with its functions and signatures.

    Attributes:
        data: its `MetaGraphDef`.
    """

    data: memoryview = field(repr=False)

    @property
    def content(self) -> bytes:
        """Give the bytes of a `saved_model.pb` that holds this graph alone."""
        return b"\x08\x01\x12" + wire.encoded(len(self.data)) + bytes(self.data)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Name what it is for: "serve"."""
        info = wire.message(self.data, META_INFO)
        return tuple(wire.decoded(one) for one in wire.messages(info, 4))

    @cached_property
    def version(self) -> str:
        """Give the version of TensorFlow that wrote it."""
        return wire.text(wire.message(self.data, META_INFO), 5)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Give the nodes outside of functions."""
        return nodes_of(wire.messages(wire.message(self.data, GRAPH), NODES))

    @property
    def bodies(self) -> list[memoryview]:
        """Give each node outside of functions as bytes of a `NodeDef`."""
        return wire.messages(wire.message(self.data, GRAPH), NODES)

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """Give the functions by name."""
        library = wire.message(wire.message(self.data, GRAPH), LIBRARY)
        return {one.name: one for one in map(Function, wire.messages(library, 1))}

    @cached_property
    def saver(self) -> tuple[str, str]:
        """Name the nodes that write and that read a checkpoint; "" where there is none."""
        saver = wire.message(self.data, SAVER)
        return wire.text(saver, 2).partition(":")[0], wire.text(saver, 3)

    @cached_property
    def signatures(self) -> Mapping[str, Declared]:
        """Give the signatures by name."""
        found = wire.entries(self.data, SIGNATURES)
        return {name: Declared(_tensors(one, 1), _tensors(one, 2)) for name, one in found.items()}


def meta_graphs(content: bytes) -> list[MetaGraph]:
    """Read the graphs of a `saved_model.pb`.

    Raises:
        Malformed: it is none.
    """
    return [MetaGraph(one) for one in wire.messages(memoryview(content), META_GRAPHS)]


def nodes_of(found: list[memoryview]) -> dict[str, Node]:
    """Read nodes.

    Raises:
        Malformed: they are no nodes, or too many.
    """
    if len(found) > MOST_NODES:
        raise wire.Malformed(f"has {len(found)} nodes; at most {MOST_NODES} are read")
    read = map(_node, found)
    return {one.name: one for one in read}


def _node(data: memoryview) -> Node:
    name = op = ""
    inputs, attributes = [], {}
    for number, value in wire.fields(data):
        if isinstance(value, int):
            continue
        if number == 1:
            name = wire.decoded(value)
        elif number == 2:
            op = wire.decoded(value)
        elif number == 3:
            inputs.append(wire.decoded(value))
        elif number == 5:
            attributes[wire.text(value, 1)] = wire.message(value, 2)
    return Node(name, op, tuple(inputs), attributes)


def _tensors(data: memoryview, number: int) -> dict[str, Tensor]:
    return {name: _tensor(one) for name, one in sorted(wire.entries(data, number).items())}


def _tensor(data: memoryview) -> Tensor:
    shape = shape_of(wire.message(data, 3))
    spec = TensorSpec(shape or (), dtype_of(wire.integer(data, 2)))
    return Tensor(wire.text(data, 1), spec, shape is not None, bool(wire.text(data, 1)))
