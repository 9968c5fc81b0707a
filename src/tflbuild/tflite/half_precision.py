"""Let LiteRT compute what a device gives that computes in float16: weights and results are rounded to float16.

A pair of CAST behind each operator of the device rounds what it gives, to nearest and halves to even; what is beyond
65504 becomes infinite, as in the device. Each operator still sums in float32 before it is rounded: a device that sums
in float16, too, loses more, and may overflow within a sum. Operators that stay on the processor keep what they are.

Integers of a quantized file are made floats around each operator where the device has no integer arithmetic, and its
result is rounded to the grid of its tensor again, as LiteRT's GPU delegate does.

Longer than most modules: it is one walk over one graph, whose steps share the tensors that they have added to it.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.tflite import additions
from tflbuild.tflite.dequantization import CODES
from tflbuild.tflite.flatbuffer import DTYPES, WEIGHTED, bias_place, given_place
from tflbuild.tflite.float_weights import values_of
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import scales_of
from tflbuild.tflite.unread import drop_unread

LARGEST = float(np.finfo(np.float16).max)
"""Largest number of float16."""

OVERFLOWS = 65520.0
"""Size of a number from which float16 is infinite: half way from its largest number to the next."""

SMALLEST_NORMAL = float(np.finfo(np.float16).smallest_normal)
"""Smallest number of float16 with all of its digits; below it some devices have 0 alone."""

CHOOSING = (
    "RESHAPE",
    "TRANSPOSE",
    "SQUEEZE",
    "EXPAND_DIMS",
    "SLICE",
    "STRIDED_SLICE",
    "SPLIT",
    "SPLIT_V",
    "PACK",
    "UNPACK",
    "CONCATENATION",
    "PAD",
    "MIRROR_PAD",
    "MAX_POOL_2D",
    "RELU",
    "RELU6",
    "GATHER",
    "DEPTH_TO_SPACE",
    "SPACE_TO_DEPTH",
)
"""Operators that give numbers which they read, so that there is nothing to round."""

FLOAT16, FLOAT32, BOOL = schema.TensorType.FLOAT16, schema.TensorType.FLOAT32, schema.TensorType.BOOL
INTEGERS = ("int4", "int8", "uint8", "int16")


@dataclass(kw_only=True)
class Halved:
    """Tensors that were rounded.

    Attributes:
        exact: by the place of a tensor that an operator of the device gives, the place of what it was before it was
            rounded; in order of execution.
        makers: by the same, the kind of the operator.
        constants: names of constants with a number beyond float16.
    """

    exact: dict[int, int] = field(default_factory=dict)
    makers: dict[int, str] = field(default_factory=dict)
    constants: list[str] = field(default_factory=list)


def compute_in_float16(
    graph: Graph, on: Container[int] | None = None, *, integers: bool = True, flush: bool = False
) -> Halved:
    """Round what a float16 device computes.

    Args:
        graph: edited in place; its ends stay as they are.
        on: places of the operators that the device runs, in order of execution; None for all built-in ones.
        integers: whether the device computes quantized operators in floats, too.
        flush: whether what is below the smallest normal number of float16 becomes 0, as some devices do.

    Raises:
        PassError: an operator has no float form; names it.
    """
    rounding = _Rounding(graph, integers=integers, flush=flush)
    for place, operator in enumerate(graph.operators):
        if on is None or place in on:
            rounding.take(operator)
        else:
            rounding.keep(operator)
    graph.model.subgraphs[0].operators = rounding.operators
    graph.reindex()
    return rounding.found


def without_unread(graph: Graph) -> Graph:
    """Drop constants in integers that nothing reads any more; places of tensors change."""
    drop_unread(graph.model)
    graph.reindex()
    return graph


def rounded(values: npt.NDArray[np.float32], *, flush: bool = False) -> npt.NDArray[np.float32]:
    """Round numbers to float16.

    Args:
        values: float32 of any shape.
        flush: whether what is below the smallest normal number becomes 0.

    Returns:
        float32 of the same shape.
    """
    with np.errstate(over="ignore"):
        made = values.astype(np.float16).astype(np.float32)
    return np.where(np.abs(made) < SMALLEST_NORMAL, np.float32(0), made) if flush else made


class _Rounding:
    """Operators of a graph, one after the other, with what rounds between them."""

    def __init__(self, graph: Graph, *, integers: bool, flush: bool) -> None:
        self.operators: list[Any] = []
        self.found = Halved()
        self._graph, self._integers, self._flush = graph, integers, flush
        self._halves: dict[int, int] = {}
        """By the place of a tensor, that of the same numbers in float16, held in float32."""
        self._bounds: int | None = None

    def keep(self, operator: Any) -> None:
        """Take an operator that the processor runs as it is."""
        self.operators.append(operator)

    def take(self, operator: Any) -> None:
        """Take an operator that the device runs, and round what it reads and gives."""
        kind = self._graph.kind(operator)
        if not kind.isupper() or kind in CODES or operator.builtinOptions2 is not None:
            self.keep(operator)  # what is no built-in operator, or takes integers for what they are
            return
        if kind in ("QUANTIZE", "DEQUANTIZE"):
            self._convert(operator, kind)
            return
        self._refuse_integer_state(operator, kind)
        made = copy.copy(operator)
        floats = self._computes_in_floats(operator)
        made.inputs = np.array(
            [self._read(operator, place, int(index), floats) for place, index in enumerate(operator.inputs)],
            np.int32,
        )
        outputs = [self._given(kind, int(index)) for index in operator.outputs]
        made.outputs = np.array([raw for raw, _ in outputs], np.int32)
        self.operators += [made, *(each for _, behind in outputs for each in behind)]

    def _convert(self, operator: Any, kind: str) -> None:
        """Take QUANTIZE and DEQUANTIZE, which are between integers and floats."""
        given, made = (int(one[0]) for one in (operator.inputs, operator.outputs))
        source = self._graph.tensors[given]
        taken = copy.copy(operator)
        if kind == "QUANTIZE" and source.type == FLOAT32:
            taken.inputs = np.array([self._half_of(given)], np.int32)
        if kind == "DEQUANTIZE" and source.type != FLOAT16:
            raw, behind = self._given(kind, made)
            taken.outputs = np.array([raw], np.int32)
            self.operators += [taken, *behind]
            return
        if kind == "DEQUANTIZE":
            self._halves[made] = made
        self.operators.append(taken)

    def _computes_in_floats(self, operator: Any) -> bool:
        """Say whether an operator gives floats here: in the file, or since the device makes its integers floats."""
        outputs = [self._graph.tensors[int(index)] for index in operator.outputs if index >= 0]
        return self._integers or any(tensor.type == FLOAT32 for tensor in outputs)

    def _refuse_integer_state(self, operator: Any, kind: str) -> None:
        if self._integers and operator.intermediates is not None and len(operator.intermediates):
            name = plain(self._graph.name(int(operator.outputs[0])), 60)
            raise PassError(
                f"the operator {kind} '{name}' keeps integers between its parts, so it has no float form that could be "
                f"rounded to float16."
            )

    def _read(self, operator: Any, place: int, index: int, floats: bool) -> int:
        """Give the place of what an operator reads on the device."""
        if index < 0 or self._graph.tensors[index].isVariable:
            return index
        tensor = self._graph.tensors[index]
        if self._graph.constant(index) is not None:
            return self._constant_half(operator, place, index) if floats else index
        if tensor.type == FLOAT32 or (self._integers and _quantized(tensor)):
            return self._half_of(index)
        return index

    def _constant_half(self, operator: Any, place: int, index: int) -> int:
        tensor = self._graph.tensors[index]
        if tensor.type == FLOAT32:
            values = np.asarray(self._graph.constant(index), np.float32)
        elif _quantized(tensor) or (
            DTYPES[tensor.type] == "int32" and _is_bias(self._graph, operator, place)
        ):
            values = self._stands_for(operator, index)
        else:
            return index
        known = self._halves.get(index) if len(scales_of(tensor)) or tensor.type == FLOAT32 else None
        if known is not None:
            return known
        self._halves[index] = self._stored(index, values)
        return self._halves[index]

    def _stored(self, index: int, values: npt.NDArray[np.float32]) -> int:
        """Store a rounded constant; one beyond float16 is rounded in the run, since a file holds no infinity."""
        name = self._graph.name(index)
        if not np.any(np.abs(values) >= OVERFLOWS):
            return additions.constant(self._graph.model, f"{name};half", rounded(values, flush=self._flush))
        self.found.constants.append(name)
        exact = additions.constant(self._graph.model, f"{name};real", values)
        made = self._like(exact, "half")
        self.operators += self._cast(exact, made)
        return made

    def _stands_for(self, operator: Any, index: int) -> npt.NDArray[np.float32]:
        """Give what the integers of a constant stand for; a bias without a scale has that of input and weights."""
        if len(scales_of(self._graph.tensors[index])):
            return values_of(self._graph, index)
        levels = np.asarray(self._graph.constant(index), np.float64)
        given = given_place(self._graph.kind(operator))
        scales = [scales_of(self._graph.tensors[int(operator.inputs[one])]) for one in (given, 1)]
        return (levels * scales[0].astype(np.float64) * scales[1].astype(np.float64)).astype(np.float32)

    def _half_of(self, index: int) -> int:
        """Give the place of a computed tensor's numbers in float16; they are rounded once."""
        if index not in self._halves:
            tensor = self._graph.tensors[index]
            source = index
            if tensor.type != FLOAT32:
                source = self._like(index, "real")
                self.operators.append(
                    additions.operator(self._graph.model, "DEQUANTIZE", [index], source, version=2)
                )
            made = self._like(index, "half")
            self.operators += self._cast(source, made)
            self._halves[index] = made
        return self._halves[index]

    def _given(self, kind: str, index: int) -> tuple[int, list[Any]]:
        """Give the place that an operator writes to, and the operators that round it from there."""
        tensor = self._graph.tensors[index]
        whole = self._integers and _quantized(tensor)
        if tensor.type != FLOAT32 and not whole:
            return index, []
        if kind in CHOOSING and not whole:
            self._halves[index] = index
            return index, []
        raw = self._like(index, "exact")
        self.found.exact[index], self.found.makers[index] = raw, kind
        if not whole:
            self._halves[index] = index
            return raw, self._cast(raw, index)
        half = self._like(index, "before")
        return raw, [*self._cast(raw, half), additions.operator(self._graph.model, "QUANTIZE", [half], index)]

    def _cast(self, given: int, made: int) -> list[Any]:
        """Give the operators that round one float tensor into another."""
        half = self._like(given, "float16", FLOAT16)
        back = made if not self._flush else self._like(given, "back")
        pair = [self._casting(given, half), self._casting(half, back)]
        return [*pair, *self._flushing(back, made)] if self._flush else pair

    def _flushing(self, given: int, made: int) -> Iterator[Any]:
        size, large, mask = (
            self._like(given, word, dtype)
            for word, dtype in (("size", FLOAT32), ("large", BOOL), ("mask", FLOAT32))
        )
        if self._bounds is None:
            least = np.array([SMALLEST_NORMAL], np.float32)
            self._bounds = additions.constant(self._graph.model, "smallest_normal_half", least)
        yield additions.operator(self._graph.model, "ABS", [given], size)
        yield additions.operator(self._graph.model, "GREATER_EQUAL", [size, self._bounds], large)
        yield self._casting(large, mask)
        yield additions.operator(self._graph.model, "MUL", [given, mask], made, schema.MulOptionsT())

    def _casting(self, given: int, made: int) -> Any:
        options = schema.CastOptionsT()
        options.inDataType, options.outDataType = (self._graph.tensors[one].type for one in (given, made))
        return additions.operator(self._graph.model, "CAST", [given], made, options)

    def _like(self, index: int, word: str, dtype: int = FLOAT32) -> int:
        """Add a tensor of the shape of another."""
        tensor, given = schema.TensorT(), self._graph.tensors[index]
        tensor.name = f"{self._graph.name(index)};{word}".encode()
        tensor.shape, tensor.shapeSignature = given.shape, given.shapeSignature
        tensor.type, tensor.buffer = dtype, 0
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1


def _quantized(tensor: Any) -> bool:
    return DTYPES[tensor.type] in INTEGERS and len(scales_of(tensor)) > 0


def _is_bias(graph: Graph, operator: Any, place: int) -> bool:
    kind = graph.kind(operator)
    return kind in WEIGHTED and place == bias_place(kind)
