"""Give parts of a tensor a tensor each, and join them in floats: each then has a scale of its own.

A part is followed back through what only moves or maps single values to where it is made alone: an input of a
concatenation, some channels of a layer. Where it is never made alone, nothing is changed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite import additions
from tflbuild.tflite.float_ends import marked
from tflbuild.tflite.grafting import drop_dead
from tflbuild.tflite.graph import Graph

MAPPING = (
    "LOGISTIC",
    "TANH",
    "RELU",
    "RELU6",
    "HARD_SWISH",
    "EXP",
    "LOG",
    "SQRT",
    "RSQRT",
    "SQUARE",
    "ABS",
    "NEG",
    "ELU",
)
"""Operators of one input that compute each value of it by itself."""

PAIRING = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "POW")
"""Operators that compute each value of two, whose shapes are broadcast."""

LAYERS = ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D")


class NotAlone(Exception):
    """A part is made together with others by an operator that cannot be split; its argument names the operator."""


def join_in_floats(graph: Graph, index: int, axis: int, sides: Sequence[int]) -> Graph:
    """Let a tensor be joined, in floats, of parts that have scales of their own.

    Args:
        graph: of a float model; it stays as it is.
        index: the tensor.
        axis: that it is parted along.
        sides: how much of the axis each part takes, in order.

    Returns:
        The changed graph.

    Raises:
        NotAlone: a part is not made alone.
    """
    changed = graph.copy()
    parting = _Parting(changed)
    starts = np.cumsum([0, *sides[:-1]])
    parts = [parting.part(index, axis, int(start), side) for start, side in zip(starts, sides, strict=True)]
    tensor = changed.tensors[index]
    old = changed.maker(index)
    assert old is not None
    tensor.name = marked(tensor.name.decode()).encode()
    joining = parting.concatenation(parts, index, axis)
    place = next(number for number, one in enumerate(changed.operators) if one is old)
    changed.operators[place : place + 1] = [*parting.added, joining]
    drop_dead(changed.model)
    changed.reindex()
    return changed


class _Parting:
    """Makes parts in a graph, the operators of which are not put in their place yet.

    Attributes:
        added: operators, in order of execution.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._made: dict[tuple[int, int, int, int], int] = {}
        self.added: list[Any] = []

    def part(self, index: int, axis: int, start: int, side: int) -> int:
        """Give the tensor that holds a part of another alone."""
        key = (index, axis, start, side)
        if key not in self._made:
            whole = (start, side) == (0, self._shape(index)[axis])
            self._made[key] = index if whole else self._found(index, axis, start, side)
        return self._made[key]

    def _found(self, index: int, axis: int, start: int, side: int) -> int:
        constant = self._graph.constant(index)
        if constant is not None:
            return self._constant(index, np.take(constant, range(start, start + side), axis))
        maker = self._graph.maker(index)
        if maker is None:
            raise NotAlone("the model's input")
        kind = self._graph.kind(maker)
        if kind == "CONCATENATION":
            return self._of_joined(maker, index, axis, start, side)
        if kind == "RESHAPE":
            return self._of_reshaped(maker, index, axis, start, side)
        if kind == "TRANSPOSE":
            return self._of_transposed(maker, index, axis, start, side)
        if kind in MAPPING or (kind == "SOFTMAX" and axis != len(self._shape(index)) - 1):
            return self._copy(maker, index, axis, side, [self.part(int(maker.inputs[0]), axis, start, side)])
        if kind in PAIRING:
            return self._of_pair(maker, index, axis, start, side)
        if kind in LAYERS and axis == len(self._shape(index)) - 1:
            return self._of_layer(maker, kind, index, axis, start, side)
        raise NotAlone(f"{kind} '{self._graph.name(index)}'")

    def _of_joined(self, maker: Any, index: int, axis: int, start: int, side: int) -> int:
        inputs = [int(one) for one in maker.inputs]
        along = int(maker.builtinOptions.axis) % len(self._shape(index))
        if along != axis:
            return self._copy(maker, index, axis, side, [self.part(one, axis, start, side) for one in inputs])
        parts, place = [], 0
        for one in inputs:
            length = self._shape(one)[axis]
            low, high = max(start, place), min(start + side, place + length)
            if low < high:
                parts.append(self.part(one, axis, low - place, high - low))
            place += length
        return parts[0] if len(parts) == 1 else self._copy(maker, index, axis, side, parts)

    def _of_reshaped(self, maker: Any, index: int, axis: int, start: int, side: int) -> int:
        before, after = self._shape(int(maker.inputs[0])), self._shape(index)
        ahead = int(np.prod(after[:axis]))
        places = [
            k
            for k, length in enumerate(before)
            if length == after[axis] and int(np.prod(before[:k])) == ahead
        ]
        if not places:
            raise NotAlone(f"RESHAPE '{self._graph.name(index)}'")
        given = self.part(int(maker.inputs[0]), places[0], start, side)
        shape = [*after[:axis], side, *after[axis + 1 :]]
        sides = (
            self._constant(int(maker.inputs[1]), np.array(shape, np.int32)) if len(maker.inputs) > 1 else -1
        )
        made = self._copy(maker, index, axis, side, [given, *([sides] if sides >= 0 else [])])
        options = schema.ReshapeOptionsT()
        options.newShape = np.array(shape, np.int32)
        self.added[-1].builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
        self.added[-1].builtinOptions = options
        return made

    def _of_transposed(self, maker: Any, index: int, axis: int, start: int, side: int) -> int:
        order = self._graph.constant(int(maker.inputs[1]))
        if order is None:
            raise NotAlone(f"TRANSPOSE '{self._graph.name(index)}'")
        given = self.part(int(maker.inputs[0]), int(order.ravel()[axis]), start, side)
        return self._copy(maker, index, axis, side, [given, int(maker.inputs[1])])

    def _of_pair(self, maker: Any, index: int, axis: int, start: int, side: int) -> int:
        rank, inputs = len(self._shape(index)), []
        for one in map(int, maker.inputs):
            place = axis - rank + len(self._shape(one))
            broadcast = place < 0 or self._shape(one)[place] == 1
            inputs.append(one if broadcast else self.part(one, place, start, side))
        return self._copy(maker, index, axis, side, inputs)

    def _of_layer(self, maker: Any, kind: str, index: int, axis: int, start: int, side: int) -> int:
        weights, along = self._graph.constant(int(maker.inputs[1])), 3 if kind == "DEPTHWISE_CONV_2D" else 0
        biased = len(maker.inputs) > 2 and int(maker.inputs[2]) >= 0
        bias = self._graph.constant(int(maker.inputs[2])) if biased else None
        if weights is None or kind == "DEPTHWISE_CONV_2D" or (biased and bias is None):
            raise NotAlone(f"{kind} '{self._graph.name(index)}'")
        taken = range(start, start + side)
        inputs = [int(maker.inputs[0]), self._constant(int(maker.inputs[1]), np.take(weights, taken, along))]
        if bias is not None:
            inputs.append(self._constant(int(maker.inputs[2]), np.take(bias, taken)))
        return self._copy(maker, index, axis, side, inputs)

    def concatenation(self, parts: Sequence[int], output: int, axis: int) -> Any:
        """Give the operator that joins tensors to one that is there."""
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        return additions.operator(self._graph.model, "CONCATENATION", parts, output, options)

    def _copy(self, maker: Any, index: int, axis: int, side: int, inputs: Sequence[int]) -> int:
        """Add an operator like another, that makes a part of what the other makes."""
        shape = [*self._shape(index)]
        shape[axis] = side
        operator = copy.copy(maker)
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array([self._tensor(index, shape)], np.int32)
        self.added.append(operator)
        return int(operator.outputs[0])

    def _tensor(self, like: int, shape: Sequence[int]) -> int:
        tensor = copy.copy(self._graph.tensors[like])
        tensor.name = f"{self._graph.name(like)};part{len(self._graph.tensors)}".encode()
        tensor.shape, tensor.shapeSignature = np.array(shape, np.int32), None
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _constant(self, like: int, values: npt.NDArray[Any]) -> int:
        index = self._tensor(like, values.shape)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._graph.model.buffers.append(buffer)
        self._graph.tensors[index].buffer = len(self._graph.model.buffers) - 1
        return index

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(side) for side in self._graph.tensors[index].shape)
