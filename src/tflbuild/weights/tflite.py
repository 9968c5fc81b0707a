"""The layers of a `.tflite` in floats: kernels and biases, into which the converter folded batch norm."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tflbuild.core.errors import TflbuildError
from tflbuild.core.plain_text import plain
from tflbuild.tflite import soundness
from tflbuild.tflite.graph import Graph
from tflbuild.weights.layer import Array, Layer, convolution
from tflbuild.weights.matching import Theirs

SCALING = ("MUL", "ADD")
"""Operators that would be a batch norm which was not folded."""


def theirs_of(content: bytes) -> Theirs:
    """Read the layers of a `.tflite`.

    Raises:
        ValueError: it is damaged or quantized; completes "it ".
    """
    try:
        soundness.check(content)
    except TflbuildError as error:
        raise ValueError(f"cannot be read: {str(error).rstrip('.')}") from error
    graph = Graph.unpacked(content)
    return Theirs(layers=[_layer(graph, operator) for operator in _weighted(graph)])


def _weighted(graph: Graph) -> list[Any]:
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    return [
        one
        for one in graph.operators
        if graph.kind(one) in kinds and _stored(graph, one.inputs[1]) is not None
    ]


def _stored(graph: Graph, index: int) -> Array | None:
    """Give a constant; of one in float16, what is unpacked from it."""
    maker = graph.maker(index)
    if maker is not None and graph.kind(maker) == "DEQUANTIZE":
        index = int(maker.inputs[0])
    found = graph.constant(index)
    if found is None:
        return None
    if found.dtype.kind != "f":
        raise ValueError(
            "is quantized; give the float file that it was made of, or start from it as a model: model=file "
            "model.path=FILE"
        )
    return np.asarray(found, np.float32)


def _layer(graph: Graph, operator: Any) -> Layer:
    kind, weights = graph.kind(operator), _stored(graph, operator.inputs[1])
    assert weights is not None
    bias = (
        _stored(graph, operator.inputs[2]) if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else None
    )
    output = int(operator.outputs[0])
    for reader in graph.readers(output):
        if graph.kind(reader) in SCALING and any(_spreads(graph, int(index)) for index in reader.inputs):
            raise ValueError(
                f"multiplies or adds constants behind '{plain(graph.name(output), 80)}', which may be a batch norm "
                f"that was not folded; give the model's .h5 or .keras instead"
            )
    if kind == "FULLY_CONNECTED":
        kernel = weights.T
    elif kind == "CONV_2D":
        kernel = weights.transpose(1, 2, 3, 0)
    else:
        channels = int(graph.tensors[int(operator.inputs[0])].shape[-1])
        kernel = weights.reshape(*weights.shape[1:3], channels, -1)
    names = (graph.name(int(index)) for index in (operator.inputs[1], output))
    aliases = frozenset(part for name in names for part in re.split("[/;]", name))
    return convolution(
        graph.name(output), kernel, bias, by_depth=kind == "DEPTHWISE_CONV_2D", aliases=aliases
    )


def _spreads(graph: Graph, index: int) -> bool:
    """Say whether a tensor is a constant with a number for each channel."""
    found = graph.constant(index)
    return found is not None and found.size > 1
