"""Seams of a float `.tflite`, where channels may be rescaled: between a layer and its only readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.graph import Graph

FUSED = schema.ActivationFunctionType
EXACT = (FUSED.NONE, FUSED.RELU)
"""Activations through which a positive factor passes unchanged."""

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
"""Operators with weights whose channels can be rescaled."""

POOLS = ("MAX_POOL_2D", "AVERAGE_POOL_2D")


@dataclass(frozen=True)
class Reader:
    """A layer behind a seam.

    Attributes:
        layer: the operator.
        read: index of the tensor that it reads.
    """

    layer: Any
    read: int


@dataclass(frozen=True)
class Seam:
    """A layer and those that read its channels.

    Attributes:
        first: writes the channels.
        written: index of the tensor that it writes.
        readers: all that read them, directly or behind operators that keep channels apart.
        channels: how many there are.
        bounded: whether a RELU6 lies between.
    """

    first: Any
    written: int
    readers: tuple[Reader, ...]
    channels: int
    bounded: bool


def seams(graph: Graph) -> Iterator[Seam]:
    """Give the seams of a float model, in order of execution.

    Where a branch leads to anything but such layers, or out of the model, there is none.
    """
    for first in graph.weighted():
        if graph.kind(first) not in LAYERS or fused(first) not in (*EXACT, FUSED.RELU6):
            continue
        if not _in_floats(graph, first):
            continue
        written = int(first.outputs[0])
        weights = graph.constant(first.inputs[1])
        assert weights is not None
        channels = int(weights.shape[-1 if graph.kind(first) == "DEPTHWISE_CONV_2D" else 0])
        path = _Path(graph, channels)
        if path.follow(written):
            bounded = path.bounded or fused(first) == FUSED.RELU6
            yield Seam(first, written, tuple(path.readers), channels, bounded)


def _in_floats(graph: Graph, layer: Any) -> bool:
    """Say whether a layer's weights are stored as they are used; a dynamic-range file has int8 ones for floats."""
    return bool(graph.tensors[int(layer.inputs[1])].type == schema.TensorType.FLOAT32)


def fused(operator: Any) -> int:
    """Give the activation function that is fused into an operator."""
    return int(getattr(operator.builtinOptions, "fusedActivationFunction", FUSED.NONE))


class _Path:
    """Follow channels to all layers that read them."""

    def __init__(self, graph: Graph, channels: int) -> None:
        self._graph, self._channels = graph, channels
        self.readers: list[Reader] = []
        self.bounded = False

    def follow(self, tensor: int) -> bool:
        """Collect the layers behind a tensor; says whether nothing else is there."""
        operators = self._graph.readers(tensor)
        if not operators or tensor in self._graph.outputs:
            return False
        return all(self._reads(operator, tensor) for operator in operators)

    def _reads(self, operator: Any, tensor: int) -> bool:
        kind = self._graph.kind(operator)
        if kind in LAYERS:
            self.readers.append(Reader(operator, tensor))
            return int(operator.inputs[0]) == tensor and self._agrees(operator, kind, tensor)
        self.bounded |= kind == "RELU6" or fused(operator) == FUSED.RELU6
        return self._lets_through(operator, kind) and self.follow(int(operator.outputs[0]))

    def _agrees(self, layer: Any, kind: str, tensor: int) -> bool:
        """Say whether a layer reads exactly these channels; not so behind a flattening, or in groups."""
        weights = self._graph.constant(layer.inputs[1])
        if weights is None or not _in_floats(self._graph, layer):
            return False
        if int(self._graph.tensors[tensor].shape[-1]) != self._channels:
            return False
        if kind == "DEPTHWISE_CONV_2D":
            return bool(weights.shape[-1] % self._channels == 0)
        return bool(weights.shape[-1] == self._channels)

    def _lets_through(self, operator: Any, kind: str) -> bool:
        if kind in ("RELU", "RELU6", "PAD"):
            return True
        if kind in POOLS:
            return fused(operator) in (*EXACT, FUSED.RELU6)
        if kind == "RESHAPE":
            return self._keeps_channels(operator)
        if kind == "MEAN":
            axes = self._graph.constant(operator.inputs[1])
            rank = len(self._graph.tensors[operator.inputs[0]].shape)
            return axes is not None and rank == 4 and {int(axis) % rank for axis in axes.ravel()} == {1, 2}
        return False

    def _keeps_channels(self, operator: Any) -> bool:
        """Say whether a reshape only drops or adds sides of length 1: the channels stay the last axis."""
        tensors = self._graph.tensors
        before, after = tensors[operator.inputs[0]].shape, tensors[operator.outputs[0]].shape
        return bool(len(before) and len(after) and before[-1] == after[-1] == int(np.prod(before)))
