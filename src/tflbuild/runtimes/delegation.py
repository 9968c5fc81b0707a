"""Which operators of a file XNNPACK takes, as LiteRT says once it has loaded it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tflbuild.runtimes.interpreter import interpreter
from tflbuild.runtimes.profiler import quiet

WHO = f"LiteRT {version('ai-edge-litert')} on this machine"
"""Runtime that measures."""

PART = "DELEGATE"
"""Name of the operator that stands for those that XNNPACK took together."""


@dataclass(frozen=True)
class Node:
    """An operator of LiteRT's plan, or a part.

    Attributes:
        index: its place in the file; those of parts come behind.
        name: of the operator.
        reads: places of the tensors that it reads.
        writes: places of the tensors that it writes.
    """

    index: int
    name: str
    reads: frozenset[int]
    writes: frozenset[int]


class Part:
    """Operators that XNNPACK took together, of which the plan tells what they read and write alone.

    Args:
        node: that stands for them.
        producers: operators by the tensors that they write.

    Attributes:
        members: places of the operators that are known to be among them.
    """

    def __init__(self, node: Node, producers: Mapping[int, Node]) -> None:
        self.members: set[int] = set()
        self._node, self._producers = node, producers
        self._asked: set[int] = set()
        self._made: set[int] = set()
        self._walk(node.writes)

    def add(self, node: Node) -> None:
        """Know an operator to be among them, and those that lead to it."""
        self._made |= node.writes
        self.members.add(node.index)
        self._asked |= node.reads
        self._walk(node.reads)

    def has_to_hold(self, node: Node) -> bool:
        """Whether an operator that nothing leads to has to be among them, by what it reads.

        It reads what was made among them and is not given out, or what comes in and nobody else asks for.
        """
        return bool(
            node.reads & (self._made - self._node.writes) or node.reads & (self._node.reads - self._asked)
        )

    def may_keep(self, node: Node) -> bool:
        """Whether an operator writes nothing, and keeps what was made among them in a variable of their own."""
        others = [self._producers.get(tensor) for tensor in node.reads - self._made]
        own_variable = all(one is not None and not one.reads for one in others)
        return not node.writes and bool(node.reads & self._made) and own_variable

    def _walk(self, tensors: Iterable[int]) -> None:
        """Walk back from tensors to what comes in; the operators in between are among them."""
        waiting = list(tensors)
        while waiting:
            tensor = waiting.pop()
            if tensor in self._node.reads or tensor not in self._producers:
                continue
            node = self._producers[tensor]
            if node.index not in self.members:
                self.members.add(node.index)
                self._made |= node.writes
                self._asked |= node.reads
                waiting += node.reads


@dataclass(frozen=True)
class Taken:
    """Operators of a file's main graph, and whether a delegate takes them, by their place.

    Operators in the branches of an IF or the body of a WHILE are in graphs of their own, which LiteRT does not show.

    Attributes:
        named: their names.
        on: whether it takes them.
    """

    named: Mapping[int, str]
    on: Mapping[int, bool]

    def told(self, name: str) -> dict[str, Any]:
        """Say it for a report: `name`, `delegated` and `total` operators, and `left`, names of those that it leaves.

        Args:
            name: of the delegate.
        """
        return {
            "name": name,
            "delegated": sum(self.on.values()),
            "total": len(self.on),
            "left": [self.named[index] for index, taken in self.on.items() if not taken],
        }


def taken(path: Path) -> Taken:
    """Say which operators XNNPACK takes.

    Raises:
        RecipeError: LiteRT cannot load the file.
    """
    with quiet():
        loaded = interpreter(path)
    ends = {int(details["index"]) for details in loaded.get_output_details()}
    return _sorted(loaded._get_ops_details(), ends, lambda tensor: _has_memory(loaded, tensor))


def delegation_of(plan: Sequence[Mapping[str, Any]], ends: Set[int], name: str) -> dict[str, Any]:
    """Say which operators a delegate takes on another machine, as `Taken.told` does.

    Args:
        plan: the details of LiteRT's operators there, parts of the delegate among them.
        ends: places of the graph's outputs.
        name: of the delegate.
    """
    return _sorted(plan, ends, lambda tensor: True).told(name)


def _sorted(plan: Iterable[Mapping[str, Any]], ends: Set[int], has_memory: Callable[[int], bool]) -> Taken:
    nodes = [_node(details) for details in plan]
    own = [node for node in nodes if node.name != PART]
    found = members(own, [node for node in nodes if node.name == PART], ends, has_memory)
    return Taken({node.index: node.name for node in own}, {node.index: node.index in found for node in own})


def _node(details: Mapping[str, Any]) -> Node:
    reads, writes = (
        frozenset(int(tensor) for tensor in details[side] if tensor >= 0) for side in ("inputs", "outputs")
    )
    return Node(int(details["index"]), details["op_name"], reads, writes)


def members(
    own: Sequence[Node], taken: Sequence[Node], ends: Set[int], has_memory: Callable[[int], bool]
) -> set[int]:
    """Find out which operators are in parts.

    Those between what a part reads and what it writes are. To one that writes nothing, as ASSIGN_VARIABLE, or what
    nobody needs, no such way leads. What it reads gives it away, or that LiteRT, which does not execute it, has no
    memory for what it writes.

    Args:
        own: operators of the file, in order.
        taken: nodes that stand for parts.
        ends: places of the graph's outputs.
        has_memory: whether LiteRT has memory for a tensor.
    """
    producers = {tensor: node for node in own for tensor in node.writes}
    parts = [Part(node, producers) for node in taken]
    silent: set[int] = set()
    for node in _unneeded(own, ends) if parts else ():
        if any(node.index in one.members for one in parts):
            continue
        holder = next((one for one in parts if one.has_to_hold(node)), None) or next(
            (one for one in parts if one.may_keep(node)), None
        )
        if holder is not None:
            holder.add(node)
        elif node.writes and not any(map(has_memory, node.writes)):
            silent.add(node.index)
    return silent.union(*(one.members for one in parts))


def _unneeded(own: Sequence[Node], ends: Set[int]) -> list[Node]:
    """Give the operators that no output of the graph depends on."""
    needed = set(ends)
    live: set[int] = set()
    for node in reversed(own):
        if node.writes & needed:
            live.add(node.index)
            needed |= node.reads
    return [node for node in own if node.index not in live]


def _has_memory(loaded: Any, tensor: int) -> bool:
    if not isinstance(loaded._get_tensor_details(tensor, 0)["dtype"], type):
        return True  # what is no number, such as the handle of a variable, must not be looked at
    try:
        loaded.tensor(tensor)()
    except ValueError:
        return False
    return True
