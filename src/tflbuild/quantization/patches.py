"""Layers as products of matrices: what a convolution reads at some places of its output, a row for each place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.graph import Graph

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The geometry by which a layer's weights and activations become matrices.

    A convolution is one group; a depthwise one has a group for each input channel.

    Attributes:
        kind: e.g. "CONV_2D".
        groups: sets of input channels that are computed apart.
        kernel: (height, width) of the kernel.
        stride: (height, width).
        dilation: (height, width).
        same: pads with zeros so that the output is the input divided by the stride.
        input: (height, width, channels) of the input; (1, 1, channels) of a dense layer.
        weights: shape of the weights in the file.
    """

    kind: str
    groups: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    same: bool
    input: tuple[int, int, int]
    weights: tuple[int, ...]

    @property
    def output(self) -> tuple[int, int]:
        """Give the (height, width) of the output."""
        height, width = (
            -(-side // stride) if self.same else (side - dilation * (kernel - 1) - 1) // stride + 1
            for side, kernel, stride, dilation in self._axes()
        )
        return height, width

    def _axes(self) -> list[tuple[int, int, int, int]]:
        return list(zip(self.input[:2], self.kernel, self.stride, self.dilation, strict=True))

    def rows(self, value: Matrix, places: npt.NDArray[np.int64]) -> Matrix:
        """Give what the layer reads for some places of its output.

        Args:
            value: (height, width, channels), or several of them; of a dense layer any shape that ends in its channels.
            places: (rows,) indices into the flattened output planes.

        Returns:
            (groups, rows, taps) float32.
        """
        images = value.reshape(-1, *self.input)
        if self.kind == "FULLY_CONNECTED":
            taken = images[places]
        else:
            padded = np.pad(images, [(0, 0), *self._padding(), (0, 0)])
            number, place = np.divmod(places, self.output[0] * self.output[1])
            down, right = np.divmod(place, self.output[1])
            lines = down[:, None] * self.stride[0] + np.arange(self.kernel[0]) * self.dilation[0]
            columns = right[:, None] * self.stride[1] + np.arange(self.kernel[1]) * self.dilation[1]
            taken = padded[number[:, None, None], lines[:, :, None], columns[:, None, :]]
        apart = taken.reshape(len(places), self.kernel[0] * self.kernel[1], self.groups, -1)
        return np.ascontiguousarray(apart.transpose(2, 0, 1, 3).reshape(self.groups, len(places), -1))

    def _padding(self) -> list[tuple[int, int]]:
        if not self.same:
            return [(0, 0), (0, 0)]
        found = []
        for (side, kernel, stride, dilation), out in zip(self._axes(), self.output, strict=True):
            missing = max((out - 1) * stride + dilation * (kernel - 1) + 1 - side, 0)
            found.append((missing // 2, missing - missing // 2))
        return found

    def columns(self, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give (rows, channels) of an output as (groups, rows, channels of a group)."""
        return np.ascontiguousarray(value.reshape(len(value), self.groups, -1).transpose(1, 0, 2))

    def to_matrices(self, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give weights as (groups, taps, channels of a group)."""
        if self.kind == "DEPTHWISE_CONV_2D":
            apart = weights.reshape(self.kernel[0] * self.kernel[1], self.groups, -1).transpose(1, 0, 2)
        else:
            apart = weights.reshape(self.groups, weights.shape[0] // self.groups, -1).transpose(0, 2, 1)
        return np.ascontiguousarray(apart)

    def from_matrices(self, matrices: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Undo `to_matrices`."""
        axes = (1, 0, 2) if self.kind == "DEPTHWISE_CONV_2D" else (0, 2, 1)
        return np.ascontiguousarray(matrices.transpose(axes).reshape(self.weights))


def shape_of(graph: Graph, operator: Any) -> Shape:
    """Read off how a layer's weights and activations become matrices.

    Args:
        graph: of a model.
        operator: a CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED with constant weights.
    """
    kind, options = graph.kind(operator), operator.builtinOptions
    weights = tuple(int(side) for side in graph.tensors[operator.inputs[1]].shape)
    if kind == "FULLY_CONNECTED":
        return _shape(kind, 1, (1, 1), (1, 1), (1, 1), False, (1, 1, weights[1]), weights)
    _, height, width, channels = (int(side) for side in graph.tensors[operator.inputs[0]].shape)
    return _shape(
        kind,
        channels if kind == "DEPTHWISE_CONV_2D" else channels // weights[3],
        (weights[1], weights[2]),
        (options.strideH, options.strideW),
        (options.dilationHFactor, options.dilationWFactor),
        options.padding == schema.Padding.SAME,
        (height, width, channels),
        weights,
    )


def _shape(
    kind: str,
    groups: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    same: bool,
    entry: tuple[int, int, int],
    weights: tuple[int, ...],
) -> Shape:
    return Shape(
        kind=kind,
        groups=groups,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        same=same,
        input=entry,
        weights=weights,
    )
