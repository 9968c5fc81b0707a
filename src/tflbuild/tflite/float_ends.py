"""Operators at the end of a model that stay in floats when it is quantized: known by the name of what they write.

What decodes a detector's outputs, or joins outputs whose parts need scales of their own, is a few thousand numbers;
one scale for them would cost more than the integers save.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tflbuild.tflite.islands import Island

PREFIX = "in_floats/"
"""Begins the name of every tensor that such an operator writes."""

REASON = "it joins or decodes outputs"
"""Words for why such an operator computes in floats."""


def marked(name: str) -> str:
    """Name a tensor so that what writes it stays in floats."""
    return name if name.startswith(PREFIX) else PREFIX + name


def is_marked(name: str) -> bool:
    """Say whether what writes a tensor stays in floats."""
    return name.startswith(PREFIX)


def islands(names: Iterable[str]) -> list[Island]:
    """Give the islands that such operators are, of the tensors of a file."""
    if not any(map(is_marked, names)):
        return []
    return [Island(name=f"{PREFIX}*", dtype="float32", reason=REASON)]


def kept(graph: Any) -> list[str]:
    """Name what such operators write, of a `tflbuild.tflite.graph.Graph`; what custom ones write is left out."""
    found = []
    for operator in graph.operators:
        name = graph.name(int(operator.outputs[0]))
        if is_marked(name) and graph.kind(operator).isupper():
            found.append(name)
    return found
