"""Facts of a `.tflite` that rules may ask for: its operators, their options, and their tensors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.tflite import constants, flatbuffer
from tflbuild.tflite.chips import OWN
from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.option_names import named_options

LAYERS = {"CONV_2D": 3, "TRANSPOSE_CONV": 3, "CONV_3D": 4, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 1}
"""Operators that multiply by weights, with the first axis of their weights that is multiplied at each place."""

UNPACKING = ("DEQUANTIZE", "DENSIFY")
"""Operators that change how values are stored, and nothing else; of a constant they give one."""


class TensorFacts:
    """Facts of one tensor.

    Args:
        graph: the subgraph that it is in.
        index: its place there.
        links: who makes and who reads it.

    Attributes:
        name: its name, as the file has it.
        dtype: e.g. "int8".
        shape: sizes of its axes; that of a run with the shape in the file, where it is open.
        dynamic: whether its shape is open (-1 in the signature of its shape).
        open_axes: places of the axes whose size is open.
        variable: whether it keeps its values between runs.
        constant: whether its values are in the file.
        scales: of its quantization, one or one for each channel; empty where it is not quantized.
        zero_points: likewise.
        axis: of the channels that have a scale each.
        block: values that share a scale, where each stretch of so many has one; 0 where none has.
        producer: name of the operator that makes it; "" for an input or a constant.
        consumers: names of the operators that read it.
        is_input: whether it is an input of the model.
        is_output: whether it is an output of the model.
    """

    def __init__(self, model: Any, graph: Any, index: int, links: Links) -> None:
        tensor = graph.tensors[index]
        self._model, self._graph, self._tensor = model, graph, tensor
        self._links, self._index = links, index
        self.name = (tensor.name or b"").decode("utf-8", "replace")
        self.dtype = DTYPES.get(tensor.type, "unknown")
        self.shape = tuple(int(side) for side in tensor.shape) if tensor.shape is not None else ()
        signature = tensor.shapeSignature
        sides = self.shape if signature is None or not len(signature) else signature
        self.open_axes = tuple(place for place, side in enumerate(sides) if int(side) < 0)
        self.dynamic = bool(self.open_axes)
        self.variable = bool(tensor.isVariable)
        data = model.buffers[tensor.buffer].data
        self.constant = data is not None and len(data) > 0
        found = tensor.quantization
        has = found is not None and found.scale is not None and len(found.scale) > 0
        self.scales = tuple(map(float, found.scale)) if has else ()
        points = found.zeroPoint if has and found.zeroPoint is not None else ()
        self.zero_points = tuple(map(int, points))
        self.axis = int(found.quantizedDimension) if has else 0
        self.block = int(getattr(found and found.details, "blockSize", 0))
        self.producer = links.producers.get(index, "")
        self.consumers = tuple(links.consumers.get(index, ()))
        self.is_input = index in links.inputs
        self.is_output = index in links.outputs

    @cached_property
    def unpacked_from(self) -> TensorFacts | None:
        """Constant that it is the same as, made float by DEQUANTIZE or dense by DENSIFY; None where it is no such."""
        place, left = self._index, dict(self._links.unpacked)
        while place in left:
            place = left.pop(place)
        if place == self._index:
            return None
        packed = TensorFacts(self._model, self._graph, place, self._links)
        return packed if packed.constant else None

    @property
    def stored(self) -> bool:
        """Whether its values are in the file, or those that it is unpacked from are, in float16.

        Delegates take an operator that reads it for one with a constant.
        """
        return self.constant or (self.unpacked_from is not None and self.unpacked_from.dtype == "float16")

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def elements(self) -> int:
        """Number of values."""
        return prod(self.shape)

    @cached_property
    def array(self) -> npt.NDArray[Any] | None:
        """Values of a constant, as they are stored; None for a tensor that is computed."""
        return constants.values_of(self._model, self._tensor)

    @cached_property
    def values(self) -> tuple[float, ...]:
        """Values of a constant, flat, as they are stored; a tensor that is computed has none."""
        return () if self.array is None else tuple(self.array.reshape(-1).tolist())

    @property
    def bytes(self) -> int:
        """Size in memory, in bytes."""
        bits = re.search(r"\d+", self.dtype)
        return (self.elements * (int(bits[0]) if bits else 8) + 7) // 8

    @property
    def scale(self) -> float | None:
        """First scale; None where it is not quantized."""
        return self.scales[0] if self.scales else None

    @property
    def zero_point(self) -> int | None:
        """First zero point; None where it is not quantized."""
        return self.zero_points[0] if self.zero_points else None

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a scale of its own."""
        return len(self.scales) > 1

    @property
    def quantized(self) -> bool:
        """Whether it has a scale."""
        return bool(self.scales)


@dataclass(frozen=True)
class Links:
    """Who makes and who reads each tensor of a graph, by the tensor's place, and what it is unpacked from."""

    producers: Mapping[int, str]
    consumers: Mapping[int, Sequence[str]]
    inputs: frozenset[int]
    outputs: frozenset[int]
    unpacked: Mapping[int, int]


@dataclass(frozen=True)
class OperatorFacts:
    """Facts of one operator.

    Attributes:
        index: its place in the order of execution, from 0.
        name: e.g. "CONV_2D", or a custom operator's own name.
        version: of the operator, as the file asks for it.
        custom: whether it is a custom operator.
        options: its options by name, in snake_case; enumerations by the names of their values.
        inputs: its inputs; None for one that is left out.
        outputs: its outputs.
        reads: places of the tensors that it reads, without those that are left out.
        writes: places of the tensors that it writes.
    """

    index: int
    name: str
    version: int
    custom: bool
    options: Mapping[str, Any]
    inputs: tuple[TensorFacts | None, ...]
    outputs: tuple[TensorFacts, ...]
    reads: tuple[int, ...]
    writes: tuple[int, ...]

    @property
    def output(self) -> str:
        """Name of its first output."""
        return self.outputs[0].name if self.outputs else ""

    @cached_property
    def weight_sum(self) -> int:
        """Largest sum that the weights of one output channel come to, each without its sign and its zero point."""
        weights = self.inputs[1] if len(self.inputs) > 1 else None
        if self.name not in LAYERS or weights is None or weights.array is None:
            return 0
        levels = np.moveaxis(weights.array, -1 if self.name == "DEPTHWISE_CONV_2D" else 0, 0).astype(np.int64)
        points = np.asarray(weights.zero_points or (0,), np.int64).reshape(-1, 1)
        return int(np.abs(levels.reshape(levels.shape[0], -1) - points).sum(axis=1).max(initial=0))

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one run with the shapes in the file."""
        weights = self.inputs[1] if len(self.inputs) > 1 else None
        if self.name not in LAYERS or weights is None or not self.outputs:
            return 0
        if self.name == "TRANSPOSE_CONV":
            data = self.inputs[2] if len(self.inputs) > 2 else None
            return data.elements * prod(weights.shape[:3]) if data is not None else 0
        if self.name == "DEPTHWISE_CONV_2D":
            return self.outputs[0].elements * prod(weights.shape[1:3])
        if self.name == "CONV_3D":
            return self.outputs[0].elements * prod(weights.shape[:4])
        return self.outputs[0].elements * prod(weights.shape[1:])


@dataclass(frozen=True)
class ModelFacts:
    """Facts of a file.

    Attributes:
        operators: those of its main graph, in the order of execution.
        inputs: of the model.
        outputs: of the model.
        graphs: number of graphs; more than one where an operator such as WHILE has a body.
        bytes: size of the file. [bytes]
        custom: names of the custom operators, without those that LiteRT has itself.
    """

    operators: tuple[OperatorFacts, ...]
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    graphs: int
    bytes: int
    custom: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of operators."""
        return len(self.operators)


def read(path: Path) -> ModelFacts:
    """Read what rules may ask of a file.

    Raises:
        RecipeError: it is no TensorFlow Lite file, or is not well-formed.
    """
    return facts_of(flatbuffer.load(path), path.stat().st_size)


def facts_of(model: Any, size: int = 0) -> ModelFacts:
    """Give what rules may ask of an unpacked model.

    Args:
        model: what `flatbuffer.unpack` gave.
        size: of its file. [bytes]
    """
    graph = model.subgraphs[0]
    names = [flatbuffer.name_of(model.operatorCodes[one.opcodeIndex]) for one in graph.operators]
    links = _links(graph, names)
    made: dict[int, TensorFacts] = {}

    def tensor(index: int) -> TensorFacts:
        if index not in made:
            made[index] = TensorFacts(model, graph, index, links)
        return made[index]

    operators = tuple(
        _operator(model, place, name, operator, tensor)
        for place, (name, operator) in enumerate(zip(names, graph.operators, strict=True))
    )
    return ModelFacts(
        operators=operators,
        inputs=tuple(tensor(int(index)) for index in graph.inputs),
        outputs=tuple(tensor(int(index)) for index in graph.outputs),
        graphs=len(model.subgraphs),
        bytes=size,
        custom=tuple(dict.fromkeys(one.name for one in operators if one.custom and one.name not in OWN)),
    )


def _operator(model: Any, place: int, name: str, operator: Any, tensor: Any) -> OperatorFacts:
    code = model.operatorCodes[operator.opcodeIndex]
    reads, writes = list(_places(operator.inputs)), list(_places(operator.outputs))
    return OperatorFacts(
        index=place,
        name=name,
        version=int(code.version),
        custom=bool(code.customCode),
        options=named_options(operator),
        inputs=tuple(tensor(index) if index >= 0 else None for index in reads),
        outputs=tuple(tensor(index) for index in writes if index >= 0),
        reads=tuple(index for index in reads if index >= 0),
        writes=tuple(index for index in writes if index >= 0),
    )


def _links(graph: Any, names: Sequence[str]) -> Links:
    producers: dict[int, str] = {}
    consumers: dict[int, list[str]] = {}
    unpacked: dict[int, int] = {}
    for name, operator in zip(names, graph.operators, strict=True):
        for index in _places(operator.inputs):
            consumers.setdefault(index, []).append(name)
        for index in _places(operator.outputs):
            producers[index] = name
            if name in UNPACKING:
                unpacked.update((index, source) for source in _places(operator.inputs) if source >= 0)
    ends = (frozenset(_places(graph.inputs)), frozenset(_places(graph.outputs)))
    return Links(producers, consumers, *ends, unpacked)


def _places(indices: Any) -> Iterator[int]:
    yield from (int(index) for index in (indices if indices is not None else ()))
