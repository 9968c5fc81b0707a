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

from tflbuild.quantization.attempts import REFUSALS, reason
from tflbuild.quantization.observation import (
    Executable,
    Progress,
    SampleValues,
    activations,
    exposed,
    without_custom,
)
from tflbuild.quantization.stepwise import Stepwise
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.flatbuffer import bias_place
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import LEVELS, scales_of, zero_points_of

Mean = npt.NDArray[np.float64]

INTEGERS = {dtype: LEVELS[dtype] for dtype in ("int8", "uint8", "int16")}
"""Smallest and largest value of the dtypes that activations may have."""

ROUNDS = 2
"""Times that a layer is shifted; more gained nothing."""

ONE_LEVEL = 1.01
"""Largest distance from its true value at which learned rounding leaves a weight, in levels."""

CLIPPED = 0.01
"""Share of a layer's weights that may be further off, because the quantizer cut them off."""

LARGEST = 2**30
"""Largest size of a corrected bias; see `bias_scales`."""


def correct(
    graph: Graph,
    floating: Graph,
    images: Sequence[SampleValues],
    progress: Progress = lambda done, total: None,
    left: dict[str, str] | None = None,
) -> None:
    """Correct the biases of every layer with integer weights, front to back.

    Each layer sees what the corrected ones before it leave, so that no error is taken out twice. A layer whose means
    are not finite is left as it is, and where LiteRT cannot run an operator by itself, all from there on are. Where a
    fused activation cuts part of a shift off, it is shifted again. What the float model has beyond a tensor's range
    is cut off there too: it is no fault of the bias.

    Args:
        graph: of a quantized model whose tensors keep the names of the float one; edited in place.
        floating: of the float model; layers whose output it does not have are left as they are.
        images: each the model values of every input by name, in the model's order and without a batch axis.
        progress: is told how many layers are done.
        left: is given why layers were left as they are, by the tensor they write.
    """
    reasons: dict[str, str] = {} if left is None else left
    known = set(activations(floating))
    waiting = [operator for operator in _correctable(graph) if _written(graph, operator) in known]
    means = _means(floating, {_written(graph, o): _limits(graph, o) for o in waiting}, images)
    total, under_way = len(waiting), Stepwise(graph, images)
    for operator in graph.operators:
        if not waiting:
            break
        try:
            under_way.run(operator)
        except REFUSALS as error:
            reasons |= dict.fromkeys((_written(graph, each) for each in waiting), reason(error))
            break
        if operator is waiting[0]:
            _correct(graph, under_way, waiting.pop(0), means, reasons)
            progress(total - len(waiting), total)
        under_way.leave(operator)


def matching(graph: Graph, floating: Graph) -> list[str]:
    """Name the outputs of the layers that `correct` corrects.

    Raises:
        ValueError: a layer's weights are not those of the float model's layer of that name, rounded; names it.
    """
    wanted = {_written(floating, operator): operator for operator in floating.weighted()}
    names = []
    for operator in _correctable(graph):
        name = _written(graph, operator)
        if name in wanted:
            if not _rounded(graph, operator, floating, wanted[name]):
                raise ValueError(name)
            names.append(name)
    return names


def all_but_biases(model: Any) -> list[Any]:
    """Give what correction leaves as it is: operators, constants, scales and zero points, in order of execution."""
    graph = Graph(model)
    return [
        (
            graph.kind(operator),
            [
                _told(graph, int(index), position == bias_place(graph.kind(operator)))
                for position, index in enumerate(operator.inputs)
            ],
            [_told(graph, int(index), False) for index in operator.outputs],
        )
        for operator in graph.operators
    ]


def _told(graph: Graph, index: int, bias: bool) -> Any:
    """Describe a tensor by what may not change: of a bias, not its name, which a copy of it does not share."""
    if index < 0:
        return None
    tensor, constant = graph.tensors[index], graph.constant(index)
    scales = (scales_of(tensor).tobytes(), zero_points_of(tensor).tobytes())
    if bias and constant is not None:
        return tensor.type, scales, constant.shape
    return tensor.type, scales, graph.name(index), None if constant is None else constant.tobytes()


def _rounded(graph: Graph, operator: Any, source: Graph, wanted: Any) -> bool:
    """Say whether a layer's weights are those of a float one, no more than a level away."""
    weights, floats = graph.constant(operator.inputs[1]), source.constant(wanted.inputs[1])
    tensor = graph.tensors[operator.inputs[1]]
    scales = scales_of(tensor)
    if weights is None or floats is None or weights.shape != floats.shape or not len(scales):
        return False
    shape = np.ones(weights.ndim, np.int64)
    shape[tensor.quantization.quantizedDimension] = len(scales)
    levels = np.abs(weights - floats.astype(np.float64) / scales.reshape(shape))
    return bool(np.mean(levels > ONE_LEVEL) <= CLIPPED)


def _means(
    floating: Graph, limits: Mapping[str, tuple[float, float]], images: Sequence[SampleValues]
) -> dict[str, Mean]:
    """Give the (channels,) mean over images of a float model's activations within limits, by tensor name."""
    running = Executable(exposed(without_custom(floating), list(limits)))
    means: dict[str, Mean] = {}
    for image in images:
        for name, value in zip(limits, running.run(image), strict=True):
            inside = value.reshape(-1, value.shape[-1]).clip(*limits[name])
            means[name] = means.get(name, 0.0) + inside.mean(axis=0, dtype=np.float64) / len(images)
    return means


def _correct(
    graph: Graph, under_way: Stepwise, operator: Any, means: Mapping[str, Mean], reasons: dict[str, str]
) -> None:
    """Correct one layer, or say in `reasons` why not."""
    name = _written(graph, operator)
    for _ in range(ROUNDS):
        shift = means[name] - under_way.mean(int(operator.outputs[0]))
        if not np.all(np.isfinite(shift)):
            reasons[name] = "its mean is not finite on calibration samples"
            break
        if not _shift(graph, operator, shift):
            break
        under_way.run(operator)


def _shift(graph: Graph, operator: Any, shift: Mean) -> bool:
    """Add to a layer's outputs, as far as its bias has levels for it; says whether that changed any."""
    bias = graph.constant(graph.bias(operator))
    assert bias is not None
    scale = np.asarray(graph.tensors[graph.bias(operator)].quantization.scale, np.float64)
    usable = np.isfinite(scale) & (scale > 0)
    steps = np.where(usable, np.rint(shift / np.where(usable, scale, 1.0)), 0.0)
    levels = (bias.astype(np.float64) + steps).clip(-LARGEST, LARGEST)
    graph.set_input(operator, bias_place(graph.kind(operator)), levels.astype(bias.dtype))
    return bool(np.any(steps))


def _correctable(graph: Graph) -> list[Any]:
    """Give layers whose bias is an integer constant with a scale, and whose output is an integer."""
    return [
        operator
        for operator in graph.weighted()
        if graph.constant(graph.bias(operator)) is not None
        and len(scales_of(graph.tensors[graph.bias(operator)]))
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
