"""Bound what a search runs by the work that a model takes, not by the clock: the same on every machine."""

from __future__ import annotations

from math import prod

from tflbuild.quantization.sensitivity import layers
from tflbuild.tflite.graph import Graph

TOUCHED = 20
"""Multiply-accumulates that take as long as to look at one activation, about."""


def activation_values(graph: Graph) -> int:
    """Count the values that a model's operators write for one sample."""
    made = (graph.tensors[int(index)].shape for operator in graph.operators for index in operator.outputs)
    return sum(prod(int(side) for side in shape) for shape in made if shape is not None)


def work(graph: Graph) -> int:
    """Give the work of observing a model on one sample, in multiply-accumulates."""
    return sum(layer.macs for layer in layers(graph)) + TOUCHED * activation_values(graph)


def affordable(most: float, each: int, least: int) -> int:
    """Give how many samples fit into so much work, at least a few.

    >>> affordable(5e10, 1_000_000_000, 32)
    50
    >>> affordable(5e10, 10_000_000_000, 32)
    32
    """
    return max(least, int(most // max(each, 1)))
