"""The weights of a `.tflite`: constants by the operator that reads them, to count zeros and clusters in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.flatbuffer import DTYPES, WEIGHTED
from tflbuild.tflite.graph import Graph, by_output_channel
from tflbuild.tflite.scales import channel_axis, scales_of, zero_points_of


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights of one convolution or dense layer.

    Attributes:
        name: of the tensor.
        operator: "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED" or "TRANSPOSE_CONV".
        output: name of the tensor that the operator writes; it begins with the Keras layer's.
        dtype: as stored, "float32", "float16", "int8" or "int4" (widened to int8).
        values: as stored, channels along `axis`.
        axis: of the output channels.
        scales: one, or one a channel; empty for floats.
        zero_point: the stored value that means zero.
    """

    name: str
    operator: str
    output: str
    dtype: str
    values: npt.NDArray[Any]
    axis: int
    scales: npt.NDArray[np.float32]
    zero_point: int

    @property
    def layers(self) -> frozenset[str]:
        """Give the names that its Keras layer, or one that it is fused with, may have; see `layers_of`."""
        return frozenset((*layers_of(self.name), *layers_of(self.output)))

    @property
    def sparsity(self) -> float:
        """Give the share of weights that are exactly zero, in 0..1."""
        return float(np.mean(self.values == self.zero_point))

    @property
    def clusters(self) -> int:
        """Count the distinct weights as they are stored."""
        return len(np.unique(self.values))

    @property
    def channel_clusters(self) -> int:
        """Count the distinct weights of the channel that has the most.

        Weights of n clusters keep at most n in each output channel, also where batch norm was folded into them, or
        where every channel got a scale of its own.
        """
        channels = by_output_channel(self.operator, self.values)
        return max(len(np.unique(channel)) for channel in channels)

    def dequantized(self) -> npt.NDArray[np.float32]:
        """Give the weights' real values, shaped as they are stored."""
        if not len(self.scales):
            return self.values.astype(np.float32)
        shape = np.ones(self.values.ndim, np.int64)
        shape[self.axis] = len(self.scales)
        return np.asarray((self.values.astype(np.float32) - self.zero_point) * self.scales.reshape(shape))


def layers_of(tensor: str) -> list[str]:
    """Give the names that the Keras layers which a tensor is named by may have.

    A name is that of a model, a layer and operations, joined by "/"; a layer's own name may hold "/". The converter
    joins what it fuses with ";".

    >>> layers_of("ssd/conv_0_relu/Relu6;ssd/conv_0/Conv2D")
    ['conv_0_relu', 'conv_0_relu/Relu6', 'conv_0', 'conv_0/Conv2D']
    """
    found = []
    for piece in tensor.split(";"):
        parts = piece.split("/")
        parts = parts[1:] if len(parts) > 2 else parts  # two are a layer and an operation, of no model
        found += ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return found


UNPACKING = ("DEQUANTIZE", "DENSIFY")
"""Operators that stand between weights and who reads them: of float16 and of sparse weights."""


def weights_in(path: Path) -> list[Weights]:
    """Give the weights of a file by layer, in order of execution; those that layers share stand under the first."""
    graph = Graph(flatbuffer.load(path))
    found: dict[int, Weights] = {}
    for operator in graph.operators:
        index = _stored(graph, operator) if graph.kind(operator) in WEIGHTED else -1
        if index >= 0 and index not in found:
            found[index] = _weights(graph, operator, index)
    return list(found.values())


def _stored(graph: Graph, operator: Any) -> int:
    """Give the constant tensor behind an operator's weights; -1 where they are computed."""
    index = int(operator.inputs[1])
    maker = graph.maker(index)
    while maker is not None and graph.kind(maker) in UNPACKING:
        index = int(maker.inputs[0])
        maker = graph.maker(index)
    return index if graph.constant(index) is not None else -1


def _weights(graph: Graph, operator: Any, index: int) -> Weights:
    tensor, values, kind = graph.tensors[index], graph.constant(index), graph.kind(operator)
    assert values is not None, "_stored() gives constants"
    return Weights(
        name=graph.name(index),
        operator=kind,
        output=graph.name(int(operator.outputs[0])),
        dtype=DTYPES[tensor.type],
        values=values,
        axis=channel_axis(kind),
        scales=scales_of(tensor),
        zero_point=int(zero_points_of(tensor)[0]),
    )
