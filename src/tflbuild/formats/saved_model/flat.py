"""The graph behind a signature with every function called in its place, seen from its ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tflbuild.core.protobuf import Malformed
from tflbuild.formats.saved_model.graph_def import Function, MetaGraph, Node

CALLS = ("PartitionedCall", "StatefulPartitionedCall")

DEEPEST = 200
"""Calls within one another."""

PASSING = frozenset(
    {"Identity", "StopGradient", "Snapshot", "CheckNumerics", "EnsureShape", "PreventGradient"}
)
"""Operators that give what they take."""


class Port(NamedTuple):
    """One output of a node: its place among those that `argument` names, or among all where that is ""."""

    node: str
    argument: str
    place: int


class Step(NamedTuple):
    """A node where functions are called: its own name, its operator, and the ports that it reads.

    Attributes:
        name: with those of the calls that lead to it, separated by "/".
        node: as it is written.
        inputs: ports; those that only say in which order things happen are left out.
        implements: the operator that the function it calls stands for; "" for any other.
    """

    name: str
    node: Node
    inputs: tuple[Port, ...]
    implements: str = ""

    @property
    def op(self) -> str:
        """Name the operator."""
        return self.node.op


@dataclass(frozen=True, eq=False)
class _Scope:
    """A graph or function with the names before those of its nodes, and what its arguments stand for."""

    nodes: Mapping[str, Node]
    prefix: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    outer: _Scope | None = None
    depth: int = 0


class Flat:
    """A graph from its ends on, functions called in their place; those that loops and branches run are not.

    Args:
        graph: with its functions.
        ends: references to tensors, as signatures have them.

    Raises:
        Malformed: a reference leads nowhere, or functions call one another without an end.
    """

    def __init__(self, graph: MetaGraph, ends: Sequence[str]) -> None:
        self._functions = graph.functions
        self._root = _Scope(graph.nodes)
        self._children: dict[tuple[int, str], tuple[_Scope, Function]] = {}
        self._readers: dict[Port, list[Step]] | None = None
        self.steps: dict[str, Step] = {}
        self.ends = tuple(self._placed(self._root, end) for end in ends)

    def step(self, port: Port) -> Step:
        """Give the node that makes a tensor."""
        return self.steps[port.node]

    def attributes(self, step: Step) -> Mapping[str, memoryview]:
        """Give the attributes of the operator that a step's function stands for."""
        function = self._functions.get(step.node.called("f") or step.op)
        return function.attributes if function is not None else {}

    def library(self, names: Iterable[str]) -> dict[str, Function]:
        """Give functions by name, and those that they call."""
        found: dict[str, Function] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in found or name not in self._functions:
                continue
            found[name] = self._functions[name]
            for node in found[name].nodes.values():
                waiting += [node.op, *node.functions()]
        return found

    def made_by(self, port: Port, through: frozenset[str] = PASSING) -> tuple[Step, Port]:
        """Give the node that computes a tensor and its port, through operators that change nothing."""
        step, seen = self.steps[port.node], {port.node}
        while step.op in through and step.inputs:
            port = step.inputs[0]
            step = self.steps[port.node]
            if port.node in seen:
                raise Malformed(f"has nodes that go round in a circle, such as '{port.node[:80]}'")
            seen.add(port.node)
        return step, port

    def readers(self, name: str) -> list[Step]:
        """Give the nodes that read any output of a node."""
        if self._readers is None:
            self._readers = {}
            for step in self.steps.values():
                for port in dict.fromkeys(Port(one.node, "", 0) for one in step.inputs):
                    self._readers.setdefault(port, []).append(step)
        return self._readers.get(Port(name, "", 0), [])

    def before(self, port: Port, stop: Callable[[Step], bool] = lambda step: False) -> dict[str, Step]:
        """Give the node that makes a tensor and all that it needs; nothing before those at which to stop."""
        found, waiting = {}, [port.node]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found[name] = self.steps[name]
            if not stop(found[name]):
                waiting += [one.node for one in found[name].inputs]
        return found

    def _placed(self, scope: _Scope, reference: str) -> Port:
        """Put the node that makes a tensor in its place, and all before it."""
        found, place = self._resolved(scope, reference)
        waiting = [(found, place)]
        while waiting:
            inside, port = waiting.pop()
            name = inside.prefix + port.node
            if name in self.steps:
                continue
            node = inside.nodes[port.node]
            made = [self._resolved(inside, one) for one in node.inputs if not one.startswith("^")]
            inputs = tuple(Port(one.prefix + at.node, at.argument, at.place) for one, at in made)
            self.steps[name] = Step(name, node, inputs, self._implemented(node))
            waiting += made
        return Port(found.prefix + place.node, place.argument, place.place)

    def _resolved(self, scope: _Scope, reference: str) -> tuple[_Scope, Port]:
        """Find the node that makes a tensor, in whichever function it is."""
        while True:
            name, _, rest = reference.partition(":")
            if name in scope.arguments and scope.outer is not None:
                scope, reference = scope.outer, scope.arguments[name]
                continue
            node = scope.nodes.get(name)
            if node is None:
                raise Malformed(f"has a tensor '{reference[:80]}' that no node makes")
            argument, _, place = rest.rpartition(":")
            port = Port(name, argument or ("" if place.isdigit() or not place else place), _number(place))
            function = self._called(node)
            if function is None:
                return scope, port
            scope, reference = self._entered(scope, node, function, port)

    def _called(self, node: Node) -> Function | None:
        """Give the function that a node calls and that takes its place."""
        name = node.called("f") if node.op in CALLS else node.op
        function = self._functions.get(name)
        return None if function is None or function.implements else function

    def _implemented(self, node: Node) -> str:
        name = node.called("f") if node.op in CALLS else node.op
        function = self._functions.get(name)
        return function.implements if function is not None else ""

    def _entered(self, scope: _Scope, node: Node, function: Function, port: Port) -> tuple[_Scope, str]:
        key = (id(scope), node.name)
        if key not in self._children:
            if scope.depth >= DEEPEST:
                raise Malformed(f"has functions that call one another more than {DEEPEST} deep")
            given = [one for one in node.inputs if not one.startswith("^")]
            if len(given) != len(function.arguments):
                raise Malformed(
                    f"calls '{function.name[:60]}' with {len(given)} of {len(function.arguments)} inputs"
                )
            arguments = dict(zip(function.arguments, given, strict=True))
            prefix = f"{scope.prefix}{node.name}/"
            self._children[key] = (
                _Scope(function.nodes, prefix, arguments, scope, scope.depth + 1),
                function,
            )
        inner, _ = self._children[key]
        if port.place >= len(function.results):
            raise Malformed(f"reads output {port.place} of '{function.name[:60]}'")
        return inner, function.results[port.place]


def _number(place: str) -> int:
    return int(place) if place.isdigit() and len(place) < 9 else 0
