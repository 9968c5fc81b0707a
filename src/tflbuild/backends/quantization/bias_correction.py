"""Empirical bias correction on a quantized `.tflite`: take out of each layer's bias what rounding adds on average.

References:
    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019, section 4.2 and
    appendix D: the empirical form, layer by layer on calibration images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.backends import flatbuffer
from tflbuild.backends.graph import Graph
from tflbuild.backends.quantization.observation import Executable, Image, Progress, until

LARGEST = 2**30
"""Largest size of a corrected bias; see `bias_scales`."""


def correct(
    content: bytes,
    means: Mapping[str, npt.NDArray[np.float64]],
    images: Sequence[Image],
    progress: Progress = lambda done, total: None,
) -> bytes:
    """Correct the biases of every layer with integer weights, front to back.

    Each layer sees what the corrected ones before it leave, so that no error is taken out twice.

    Args:
        content: a quantized `.tflite` whose tensors keep the names of the float model.
        means: (channels,) mean of each of the float model's activations on exactly these images, by tensor name.
        images: each (height, width, 3) float32, normalised.
        progress: is told how many layers are done.
    """
    model = flatbuffer.unpack(content)
    graph = Graph(model)
    layers = [operator for operator in _correctable(graph) if graph.name(int(operator.outputs[0])) in means]
    for done, operator in enumerate(layers, start=1):
        name = graph.name(int(operator.outputs[0]))
        _shift(graph, operator, means[name] - mean_of(until(flatbuffer.pack(model), name), images))
        progress(done, len(layers))
    return flatbuffer.pack(model)


def mean_of(content: bytes, images: Sequence[Image]) -> npt.NDArray[np.float64]:
    """Give the (channels,) mean of a model's one output over images."""
    running = Executable(content)
    total: npt.NDArray[np.float64] = np.zeros(1)
    for image in images:
        (value,) = running.run(image)
        total = total + value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64)
    return total / len(images)


def _shift(graph: Graph, operator: Any, shift: npt.NDArray[np.float64]) -> None:
    tensor = graph.tensors[operator.inputs[2]]
    bias = graph.constant(operator.inputs[2])
    assert bias is not None
    scale = np.asarray(tensor.quantization.scale, np.float64)
    levels = np.rint(bias.astype(np.float64) + shift / scale).clip(-LARGEST, LARGEST)
    graph.set_input(operator, 2, levels.astype(bias.dtype))


def _correctable(graph: Graph) -> list[Any]:
    """Give layers whose bias is an integer constant with a scale."""
    found = []
    for operator in graph.weighted():
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            continue
        bias = graph.tensors[operator.inputs[2]]
        if (
            bias.quantization is not None
            and bias.quantization.scale is not None
            and len(bias.quantization.scale)
        ):
            found.append(operator)
    return found
