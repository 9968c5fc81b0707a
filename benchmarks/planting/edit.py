"""A mutation operator that writes a node of the source anew, in the form that cosmic-ray applies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import Name
from parso.tree import Leaf, NodeOrLeaf

Edits = Iterator[tuple[Any, str]]
"""The places in a node that can be altered, each with the node's whole new text."""


class EditOperator(Operator):
    """An operator made of a function from a node to its edits."""

    def __init__(self, edits: Callable[[Any], Edits]) -> None:
        self._edits = edits

    def mutation_positions(self, node: NodeOrLeaf) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Give where each alteration of this node begins and ends."""
        for place, _ in list(self._edits(node)):
            yield place.start_pos, place.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> Leaf:
        """Give a leaf that holds the new text."""
        _, text = list(self._edits(node))[index]
        return Name(text, node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Give none: they stand in the tests."""
        return ()


def code(node: NodeOrLeaf) -> str:
    """Give a node's text without what stands before it."""
    return str(node.get_code(include_prefix=False))


def rewritten(node: Any, new: dict[Any, str]) -> str:
    """Give a node's text with some of its children written anew, each after its own white space."""
    parts = [
        child.get_first_leaf().prefix + new[child] if child in new else child.get_code()
        for child in node.children
    ]
    return "".join(parts).removeprefix(node.get_first_leaf().prefix)
