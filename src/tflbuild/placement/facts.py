"""Facts of a `.tflite` that rules may ask for: its operators, their options, and their tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.placement.tensor_facts import Links, TensorFacts
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.chips import OWN
from tflbuild.tflite.option_names import named_options

LAYERS = {"CONV_2D": 3, "TRANSPOSE_CONV": 3, "CONV_3D": 4, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 1}
"""Operators that multiply by weights, with the first axis of their weights that is multiplied at each place."""

UNPACKING = ("DEQUANTIZE", "DENSIFY")
"""Operators that change how values are stored, and nothing else; of a constant they give one."""


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
    return _of_content(flatbuffer.check(path, finite=False))


@lru_cache(maxsize=1)
def _of_content(content: bytes) -> ModelFacts:
    """Read a file once for all devices that are asked about it, one after the other."""
    return facts_of(flatbuffer.unpack(content), len(content))


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
