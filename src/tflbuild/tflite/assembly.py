"""Write a small float graph step by step: each method adds an operator and names the tensor that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tflbuild.tflite.assemble import Step, assemble

PLAIN = ("LOGISTIC", "TANH", "LOG")
"""Operators of one input without options."""

OPTIONS: Mapping[str, Any] = {
    "EXP": (schema.BuiltinOptions.ExpOptions, schema.ExpOptionsT),
    "POW": (schema.BuiltinOptions.PowOptions, schema.PowOptionsT),
    "MUL": (schema.BuiltinOptions.MulOptions, schema.MulOptionsT),
    "ADD": (schema.BuiltinOptions.AddOptions, schema.AddOptionsT),
    "SUB": (schema.BuiltinOptions.SubOptions, schema.SubOptionsT),
    "MAXIMUM": (schema.BuiltinOptions.MaximumMinimumOptions, schema.MaximumMinimumOptionsT),
}
"""Kind and class of the options of further operators."""

Values = npt.NDArray[np.float32]


class Assembly:
    """A graph of float32 tensors of fixed shapes.

    Args:
        inputs: shape of each tensor that it reads, by name.

    Attributes:
        tensors: shapes, and values of constants, by name.
        steps: operators, in order.
    """

    def __init__(self, inputs: Mapping[str, tuple[int, ...]]) -> None:
        self.inputs = tuple(inputs)
        self.tensors: dict[str, npt.NDArray[Any] | tuple[int, ...]] = dict(inputs)
        self.steps: list[Step] = []

    def shape(self, name: str) -> tuple[int, ...]:
        """Give the shape of a tensor."""
        found = self.tensors[name]
        return found if isinstance(found, tuple) else found.shape

    def constant(self, values: npt.NDArray[Any]) -> str:
        """Add float32 or int32 values."""
        return self._named("constant", values)

    def unary(self, kind: str, name: str) -> str:
        """Apply LOGISTIC, TANH, LOG or EXP to each value."""
        return self._step(kind, [name], self.shape(name))

    def binary(self, kind: str, name: str, other: str | float | npt.NDArray[Any]) -> str:
        """Apply ADD, SUB, MUL, POW or MAXIMUM to a tensor and another, a number, or values; shapes are broadcast."""
        if not isinstance(other, str):
            other = self.constant(np.asarray(other, np.float32))
        shape = np.broadcast_shapes(self.shape(name), self.shape(other))
        return self._step(kind, [name, other], shape)

    def softmax(self, name: str) -> str:
        """Apply a softmax over the last axis."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        return self._step(
            "SOFTMAX", [name], self.shape(name), (schema.BuiltinOptions.SoftmaxOptions, options)
        )

    def mean(self, name: str, axis: int) -> str:
        """Average over one axis, which goes."""
        shape = tuple(side for place, side in enumerate(self.shape(name)) if place != axis)
        options = schema.ReducerOptionsT()
        options.keepDims = False
        made = (schema.BuiltinOptions.ReducerOptions, options)
        return self._step("MEAN", [name, self._integers(axis)], shape, made)

    def reshape(self, name: str, shape: Sequence[int]) -> str:
        """Give a tensor other sides."""
        options = schema.ReshapeOptionsT()
        options.newShape = np.array(shape, np.int32)
        made = (schema.BuiltinOptions.ReshapeOptions, options)
        return self._step("RESHAPE", [name, self._integers(*shape)], tuple(shape), made)

    def transpose(self, name: str, order: Sequence[int]) -> str:
        """Put axes into another order."""
        shape = tuple(self.shape(name)[axis] for axis in order)
        made = (schema.BuiltinOptions.TransposeOptions, schema.TransposeOptionsT())
        return self._step("TRANSPOSE", [name, self._integers(*order)], shape, made)

    def part(self, name: str, start: int, count: int) -> str:
        """Take a part of the last axis; the tensor itself where that is all of it."""
        shape = self.shape(name)
        if (start, count) == (0, shape[-1]):
            return name
        begin, size = [*[0] * (len(shape) - 1), start], [*shape[:-1], count]
        made = (schema.BuiltinOptions.SliceOptions, schema.SliceOptionsT())
        inputs = [name, self._integers(*begin), self._integers(*size)]
        return self._step("SLICE", inputs, tuple(size), made)

    def picked(self, name: str, places: Sequence[int]) -> str:
        """Take places of the last axis, in an order; the tensor itself where that is all of it as it is."""
        shape = self.shape(name)
        if list(places) == list(range(shape[-1])):
            return name
        options = schema.GatherOptionsT()
        options.axis = len(shape) - 1
        made = (schema.BuiltinOptions.GatherOptions, options)
        return self._step("GATHER", [name, self._integers(*places)], (*shape[:-1], len(places)), made)

    def join(self, names: Sequence[str], axis: int) -> str:
        """Put tensors behind one another along an axis; one alone stays as it is."""
        if len(names) == 1:
            return names[0]
        shape = list(self.shape(names[0]))
        shape[axis] = sum(self.shape(name)[axis] for name in names)
        options = schema.ConcatenationOptionsT()
        options.axis = axis % len(shape)
        made = (schema.BuiltinOptions.ConcatenationOptions, options)
        return self._step("CONCATENATION", list(names), tuple(shape), made)

    def largest_around(self, name: str, reach: int) -> str:
        """Give the largest value of each channel within `reach` cells of (1, rows, columns, channels)."""
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = 1
        options.filterHeight = options.filterWidth = 2 * reach + 1
        made = (schema.BuiltinOptions.Pool2DOptions, options)
        return self._step("MAX_POOL_2D", [name], self.shape(name), made)

    def add(self, step: Step, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Add an operator that was made elsewhere, with the shapes of what it makes."""
        self.tensors |= shapes
        self.steps.append(step)

    def content(self, outputs: Sequence[str]) -> bytes:
        """Give the graph as a `.tflite` of its own."""
        return assemble(self.tensors, self.steps, self.inputs, outputs)

    def executable(self, outputs: Sequence[str]) -> Callable[[Mapping[str, Values]], Mapping[str, Values]]:
        """Give what runs the graph on its inputs by name, and gives its outputs by name."""
        interpreter = Interpreter(model_content=self.content(outputs))
        interpreter.allocate_tensors()
        run = interpreter.get_signature_runner()
        return lambda inputs: dict(run(**inputs))

    def _integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int32))

    def _step(self, kind: str, inputs: list[str], shape: tuple[int, ...], options: Any = None) -> str:
        made = self._named(kind.lower(), tuple(shape))
        if options is None and kind in OPTIONS:
            number, cls = OPTIONS[kind]
            options = (number, cls())
        number, given = options or (schema.BuiltinOptions.NONE, None)
        operator = getattr(schema.BuiltinOperator, kind)
        self.steps.append(Step(operator, inputs, [made], number, given))
        return made

    def _named(self, word: str, value: npt.NDArray[Any] | tuple[int, ...]) -> str:
        number = len(self.tensors)
        while f"{word}_{number}" in self.tensors:  # an input may be called so
            number += 1
        name = f"{word}_{number}"
        self.tensors[name] = value
        return name
