"""A `.tflite` in memory that nobody edits: the bytes for who executes it, and the graph for who reads it."""

from __future__ import annotations

from functools import cached_property

from tflbuild.tflite.graph import Graph


class Packed:
    """A model as bytes and as a graph; what is not given is made of the other when it is first asked for, and kept.

    Who edits takes a `copy`, so that what was tried on one candidate is in no other.

    Args:
        given: a `.tflite`, or a graph that is edited no more.
    """

    def __init__(self, given: bytes | Graph) -> None:
        if isinstance(given, Graph):
            self.graph = given
        else:
            self.content = given

    @cached_property
    def content(self) -> bytes:
        """Give the bytes of the file."""
        return self.graph.packed()

    @cached_property
    def graph(self) -> Graph:
        """Give the graph, which is not to be edited."""
        return Graph.unpacked(self.content)

    def copy(self) -> Graph:
        """Give a graph to edit."""
        return self.graph.copy()
