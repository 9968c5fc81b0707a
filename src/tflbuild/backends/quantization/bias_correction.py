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
from tflbuild.backends.quantization.observation import Image, Progress
from tflbuild.backends.quantization.stepwise import Stepwise

ROUNDS = 2
"""Times that a layer is shifted; more gained nothing."""

LARGEST = 2**30
"""Largest size of a corrected bias; see `bias_scales`."""


def correct(
    content: bytes,
    means: Mapping[str, npt.NDArray[np.float64]],
    images: Sequence[Image],
    progress: Progress = lambda done, total: None,
) -> bytes:
    """Correct the biases of every layer with integer weights, front to back.

    Each layer sees what the corrected ones before it leave, so that no error is taken out twice. Where a fused
    activation cuts part of a shift off, it is shifted again.

    Args:
        content: a quantized `.tflite` whose tensors keep the names of the float model.
        means: (channels,) mean of each of the float model's activations on exactly these images, by tensor name.
        images: each (height, width, 3) float32, normalised.
        progress: is told how many layers are done.
    """
    graph = Graph(flatbuffer.unpack(content))
    left = [operator for operator in _correctable(graph) if graph.name(int(operator.outputs[0])) in means]
    total, under_way = len(left), Stepwise(graph, images)
    for operator in graph.operators:
        if not left:
            break
        under_way.run(operator)
        if operator is left[0]:
            _correct(graph, under_way, left.pop(0), means)
            progress(total - len(left), total)
        under_way.leave(operator)
    return flatbuffer.pack(graph.model)


def _correct(graph: Graph, under_way: Stepwise, operator: Any, means: Mapping[str, Any]) -> None:
    written = int(operator.outputs[0])
    for _ in range(ROUNDS):
        if not _shift(graph, operator, means[graph.name(written)] - under_way.mean(written)):
            break
        under_way.run(operator)


def _shift(graph: Graph, operator: Any, shift: npt.NDArray[np.float64]) -> bool:
    """Add to a layer's outputs, as far as its bias has levels for it; says whether that changed any."""
    bias = graph.constant(operator.inputs[2])
    assert bias is not None
    scale = np.asarray(graph.tensors[operator.inputs[2]].quantization.scale, np.float64)
    steps = np.rint(shift / scale)
    levels = (bias.astype(np.float64) + steps).clip(-LARGEST, LARGEST)
    graph.set_input(operator, 2, levels.astype(bias.dtype))
    return bool(np.any(steps))


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
