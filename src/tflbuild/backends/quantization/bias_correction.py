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
from tflbuild.backends.quantization.observation import (
    Executable,
    Image,
    Progress,
    activations,
    exposed,
    without_custom,
)
from tflbuild.backends.quantization.scales import LEVELS, scales_of, zero_points_of
from tflbuild.backends.quantization.stepwise import Stepwise

Mean = npt.NDArray[np.float64]

INTEGERS = {dtype: LEVELS[dtype] for dtype in ("int8", "uint8", "int16")}
"""Smallest and largest value of the dtypes that activations may have."""

ROUNDS = 2
"""Times that a layer is shifted; more gained nothing."""

LARGEST = 2**30
"""Largest size of a corrected bias; see `bias_scales`."""


def correct(
    content: bytes,
    floating: bytes,
    images: Sequence[Image],
    progress: Progress = lambda done, total: None,
) -> bytes:
    """Correct the biases of every layer with integer weights, front to back.

    Each layer sees what the corrected ones before it leave, so that no error is taken out twice. Where a fused
    activation cuts part of a shift off, it is shifted again. What the float model has beyond a tensor's range is
    cut off there too: it is no fault of the bias.

    Args:
        content: a quantized `.tflite` whose tensors keep the names of the float model.
        floating: the float model; layers whose output it does not have are left as they are.
        images: each (height, width, 3) float32, normalised.
        progress: is told how many layers are done.
    """
    graph = Graph(flatbuffer.unpack(content))
    known = set(activations(floating))
    left = [operator for operator in _correctable(graph) if _written(graph, operator) in known]
    means = _means(floating, {_written(graph, o): _limits(graph, o) for o in left}, images)
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


def _means(
    floating: bytes, limits: Mapping[str, tuple[float, float]], images: Sequence[Image]
) -> dict[str, Mean]:
    """Give the (channels,) mean over images of a float model's activations within limits, by tensor name."""
    running = Executable(exposed(without_custom(floating), list(limits)))
    means: dict[str, Mean] = {}
    for image in images:
        for name, value in zip(limits, running.run(image), strict=True):
            inside = value.reshape(-1, value.shape[-1]).clip(*limits[name])
            means[name] = means.get(name, 0.0) + inside.mean(axis=0, dtype=np.float64) / len(images)
    return means


def _correct(graph: Graph, under_way: Stepwise, operator: Any, means: Mapping[str, Mean]) -> None:
    wanted = means[_written(graph, operator)]
    for _ in range(ROUNDS):
        if not _shift(graph, operator, wanted - under_way.mean(int(operator.outputs[0]))):
            break
        under_way.run(operator)


def _shift(graph: Graph, operator: Any, shift: Mean) -> bool:
    """Add to a layer's outputs, as far as its bias has levels for it; says whether that changed any."""
    bias = graph.constant(operator.inputs[2])
    assert bias is not None
    scale = np.asarray(graph.tensors[operator.inputs[2]].quantization.scale, np.float64)
    steps = np.rint(shift / scale)
    levels = (bias.astype(np.float64) + steps).clip(-LARGEST, LARGEST)
    graph.set_input(operator, 2, levels.astype(bias.dtype))
    return bool(np.any(steps))


def _correctable(graph: Graph) -> list[Any]:
    """Give layers whose bias is an integer constant with a scale, and whose output is an integer."""
    return [
        operator
        for operator in graph.weighted()
        if len(operator.inputs) > 2
        and operator.inputs[2] >= 0
        and len(scales_of(graph.tensors[operator.inputs[2]]))
        and flatbuffer.DTYPES[graph.tensors[operator.outputs[0]].type] in INTEGERS
    ]


def _written(graph: Graph, operator: Any) -> str:
    return graph.name(int(operator.outputs[0]))


def _limits(graph: Graph, operator: Any) -> tuple[float, float]:
    """Give the least and the largest value that a layer's output can have."""
    tensor = graph.tensors[operator.outputs[0]]
    least, most = INTEGERS[flatbuffer.DTYPES[tensor.type]]
    scale, zero_point = float(scales_of(tensor)[0]), int(zero_points_of(tensor)[0])
    return (least - zero_point) * scale, (most - zero_point) * scale
