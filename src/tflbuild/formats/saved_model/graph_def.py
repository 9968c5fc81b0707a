"""A `saved_model.pb`: graphs, functions and signatures, read off its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tflbuild.core.protobuf import Malformed, Message, decoded, encoded
from tflbuild.core.signature import TensorSpec
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
        return Message(self.attributes.get(attribute, b"")).inner(10).name(1)

    def functions(self) -> Iterator[str]:
        """Name every function that an attribute holds, lists of them included."""
        for value in self.attributes.values():
            held = Message(value)
            for one in (*held.messages(10), *held.inner(1).messages(9)):
                yield one.name(1)

    @property
    def constant(self) -> Constant:
        """Give the value of a `Const`."""
        return constant(Message(self.attributes.get("value", b"")).inner(8))


@dataclass(frozen=True)
class Function:
    """A function of a graph's library.

    Attributes:
        message: its `FunctionDef`.
    """

    message: Message = field(repr=False)

    @cached_property
    def name(self) -> str:
        """Give its name."""
        return self._signature.name(1)

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """Name its arguments."""
        return tuple(one.name(1) for one in self._signature.messages(2))

    @cached_property
    def results(self) -> tuple[str, ...]:
        """Give what it returns, in order, as references into it."""
        named = {key: decoded(value) for key, value in self.message.entries(4).items()}
        outputs = [one.name(1) for one in self._signature.messages(3)]
        if not set(outputs) <= set(named):
            raise Malformed(f"has a function '{self.name[:60]}' that does not say what it returns")
        return tuple(named[name] for name in outputs)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Give its nodes by name."""
        return nodes_of(self.message.spans(3))

    @property
    def bodies(self) -> list[memoryview]:
        """Give each of its nodes as bytes of a `NodeDef`."""
        return self.message.spans(3)

    @cached_property
    def implements(self) -> str:
        """Name the operator that it stands for, as the converter for LiteRT has it; "" for none."""
        return self._implements.inner(10).name(1) or self._implements.name(2)

    @cached_property
    def attributes(self) -> Mapping[str, memoryview]:
        """Give the attributes of the operator that it stands for, as bytes of `AttrValue`."""
        return self._implements.inner(10).entries(2)

    @cached_property
    def _signature(self) -> Message:
        return self.message.inner(1)

    @cached_property
    def _implements(self) -> Message:
        return Message(self.message.entries(5).get("_implements", b""))


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
        message: its `MetaGraphDef`.
    """

    message: Message = field(repr=False)

    @property
    def content(self) -> bytes:
        """Give the bytes of a `saved_model.pb` that holds this graph alone."""
        return b"\x08\x01\x12" + encoded(len(self.message.content)) + bytes(self.message.content)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Name what it is for: "serve"."""
        return self.message.inner(META_INFO).names(4)

    @cached_property
    def version(self) -> str:
        """Give the version of TensorFlow that wrote it."""
        return self.message.inner(META_INFO).name(5)

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Give the nodes outside of functions."""
        return nodes_of(self.bodies)

    @property
    def bodies(self) -> list[memoryview]:
        """Give each node outside of functions as bytes of a `NodeDef`."""
        return self._graph.spans(NODES)

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """Give the functions by name."""
        library = self._graph.inner(LIBRARY)
        return {one.name: one for one in map(Function, library.messages(1))}

    @cached_property
    def _graph(self) -> Message:
        return self.message.inner(GRAPH)

    @cached_property
    def saver(self) -> tuple[str, str]:
        """Name the nodes that write and that read a checkpoint; "" where there is none."""
        saver = self.message.inner(SAVER)
        return saver.name(2).partition(":")[0], saver.name(3)

    @cached_property
    def signatures(self) -> Mapping[str, Declared]:
        """Give the signatures by name."""
        found = {name: Message(one) for name, one in self.message.entries(SIGNATURES).items()}
        return {name: Declared(_tensors(one, 1), _tensors(one, 2)) for name, one in found.items()}


def meta_graphs(content: bytes) -> list[MetaGraph]:
    """Read the graphs of a `saved_model.pb`.

    Raises:
        Malformed: it is none.
    """
    return [MetaGraph(one) for one in Message(content).messages(META_GRAPHS)]


def nodes_of(found: list[memoryview]) -> dict[str, Node]:
    """Read nodes.

    Raises:
        Malformed: they are no nodes, or too many.
    """
    if len(found) > MOST_NODES:
        raise Malformed(f"has {len(found)} nodes; at most {MOST_NODES} are read")
    read = map(_node, found)
    return {one.name: one for one in read}


def _node(data: memoryview) -> Node:
    found = Message(data)
    return Node(found.name(1), found.name(2), found.names(3), found.entries(5))


def _tensors(declared: Message, number: int) -> dict[str, Tensor]:
    return {name: _tensor(Message(one)) for name, one in sorted(declared.entries(number).items())}


def _tensor(info: Message) -> Tensor:
    shape, reference = shape_of(info.inner(3)), info.name(1)
    spec = TensorSpec(shape or (), dtype_of(info.signed(2)))
    return Tensor(reference, spec, shape is not None, bool(reference))
