"""Facts of one tensor of a `.tflite` that rules may ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy.typing as npt

from tflbuild.tflite import constants
from tflbuild.tflite.flatbuffer import DTYPES


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
