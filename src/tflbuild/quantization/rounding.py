"""Learned rounding on a float `.tflite`: put its weights on the grid that quantization will derive again.

Layer by layer, front to back: each layer reads what the rounded ones before it leave and is held to what the float
model's layer gives, so that it also makes up for their errors. Convolutions are products of matrices on sampled
places of their output, which makes a layer a small problem in NumPy.

References:
    Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.quantization.attempts import REFUSALS, reason
from tflbuild.quantization.grid import ON_GRID, Granularity, bits_of, grid_of, off_grid
from tflbuild.quantization.observation import (
    Executable,
    Progress,
    SampleValues,
    exposed,
    without_custom,
)
from tflbuild.quantization.patches import Matrix, Shape, shape_of
from tflbuild.quantization.soft_rounding import Problem, learn
from tflbuild.quantization.stepwise import Stepwise
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.scales import check_unpacked

LEARNED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
"""Operators whose rounding is learned."""

ROWS = 4096
"""Places of a layer's output that are sampled over all images."""

STEPS = 500
"""Optimizer steps for each layer; twice as many changed errors by less than what a seed does."""

HELD_OUT = 0.125
"""Share of the rows on which learned and nearest rounding are compared."""

FUSED = schema.ActivationFunctionType
ENDS: dict[int, tuple[float, float]] = {
    FUSED.NONE: (-np.inf, np.inf),
    FUSED.RELU: (0.0, np.inf),
    FUSED.RELU_N1_TO_1: (-1.0, 1.0),
    FUSED.RELU6: (0.0, 6.0),
}
"""Smallest and largest value that a fused activation lets through, where that is all it does."""


@dataclass(frozen=True, kw_only=True)
class RoundedLayer:
    """The outcome of learned rounding for one layer.

    Attributes:
        layer: tensor that the layer writes.
        operator: e.g. "CONV_2D".
        bits: of its weights.
        nearest_error: mean squared error of its output with weights rounded to the nearest level, on rows that
            nothing was learned from; None where there is none.
        learned_error: the same with learned rounding; where it is not smaller, nearest rounding was kept.
        turned: weights that are not at their nearest level.
        weights: how many there are.
        reason: why nothing could be learned, so that nearest rounding was kept; "" where it could.
    """

    layer: str
    operator: str
    bits: int
    nearest_error: float | None
    learned_error: float | None
    turned: int
    weights: int
    reason: str = ""


def learned_rounding(
    floating: Graph,
    images: Sequence[SampleValues],
    *,
    bits: int = 8,
    granularity: Granularity = "channel",
    steps: int = STEPS,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> tuple[Graph, list[RoundedLayer]]:
    """Round the weights of a float model.

    Args:
        floating: of a float model; it is not edited.
        images: each the model values of every input by name, in the model's order and without a batch axis.
        bits: of weights; see `grid.bits_of` for what has 8 in any case.
        granularity: a scale for each output channel, or one for a layer.
        steps: of the optimizer for each layer.
        seed: chooses the places that are sampled.
        progress: is told how many layers are done.

    Returns:
        A copy with weights on their grid, still float32, and what was done to each layer.

    Raises:
        PassError: there is no layer with float weights.
        BrokenPromise: a constant is not finite.
    """
    graph = floating.copy()
    if not any(_learnable(graph, operator) for operator in graph.weighted()):
        raise PassError("no layer has float weights to round; rounding comes before 'quantize'.")
    check_unpacked(graph.model)
    left = _sampled(graph, images, np.random.default_rng(seed))
    total, under_way = len(left), Stepwise(graph, images)
    done: list[RoundedLayer] = []
    for operator in graph.operators:
        if not left:
            break
        if operator is left[0].operator:
            sample = left.pop(0)
            inputs = sample.inputs(under_way.values(int(operator.inputs[0])))
            done.append(_round(graph, sample, inputs, bits, granularity, steps))
            progress(len(done), total)
        try:
            under_way.run(operator)
        except REFUSALS as error:  # what is behind it has nothing to learn from
            done += [_nearest(graph, each, bits, granularity, reason(error)) for each in left]
            break
        under_way.leave(operator)
    return graph, done


def check_rounded(before: Graph, after: Graph, bits: int, granularity: Granularity) -> None:
    """Hold a file to be its source with rounded weights, on the grid that quantizing the source would give.

    Raises:
        BrokenPromise: a weight lies between two levels, or is not one of its two neighbours; a scale would be derived
            anew; or a weight that was zero is not any more.
    """
    for old, new in zip(before.weighted(), after.weighted(), strict=True):
        if not _learnable(before, old):
            continue
        name, kind = before.name(int(old.outputs[0])), before.kind(old)
        floats, rounded = before.constant(old.inputs[1]), after.constant(new.inputs[1])
        assert floats is not None
        assert rounded is not None
        wanted, found = (grid_of(kind, weights, bits, granularity) for weights in (floats, rounded))
        if not np.allclose(wanted.scales, found.scales, rtol=1e-5):
            raise BrokenPromise(f"{kind} '{name}': its largest weights moved, so its scale would be another.")
        between = off_grid(found, rounded)
        if between:
            raise BrokenPromise(f"{kind} '{name}': {between} weights lie between two levels of {bits} bits.")
        if np.abs(wanted.ratios(rounded) - wanted.ratios(floats)).max() > 1 + ON_GRID:
            raise BrokenPromise(f"{kind} '{name}': a weight is at none of its two neighbouring levels.")
        if np.any(rounded[floats == 0]):
            raise BrokenPromise(f"{kind} '{name}': weights that were zero are not any more.")


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """A layer, the places of its output that are looked at, and what the float model has there.

    Attributes:
        operator: of the graph.
        shape: how it becomes matrices.
        places: for each image, (rows,) indices into the output plane.
        targets: (groups, rows of all images, channels).
        order: (rows of all images,) a random order.
    """

    operator: Any
    shape: Shape
    places: list[npt.NDArray[np.int64]]
    targets: Matrix
    order: npt.NDArray[np.int64]

    def inputs(self, values: Sequence[Matrix]) -> Matrix:
        """Give (groups, rows, taps) of what the layer reads, in the order of the targets."""
        rows = [self.shape.rows(value, places) for value, places in zip(values, self.places, strict=True)]
        return np.concatenate(rows, axis=1)[:, self.order]


def _sampled(graph: Graph, images: Sequence[SampleValues], rng: np.random.Generator) -> list[_Sample]:
    """Run the float model once, and keep what its layers give at sampled places."""
    operators = [operator for operator in graph.weighted() if _learnable(graph, operator)]
    names = [graph.name(int(operator.outputs[0])) for operator in operators]
    running = Executable(exposed(without_custom(graph), names))
    each = -(-ROWS // len(images))
    places: list[list[npt.NDArray[np.int64]]] = [[] for _ in operators]
    targets: list[list[Matrix]] = [[] for _ in operators]
    for image in images:
        for position, value in enumerate(running.run(image)):
            plane = value.reshape(-1, value.shape[-1])
            chosen = rng.permutation(len(plane))[:each]
            places[position].append(chosen)
            targets[position].append(plane[chosen])
    found = []
    for operator, where, values in zip(operators, places, targets, strict=True):
        shape, together = shape_of(graph, operator), np.concatenate(values)
        order = rng.permutation(len(together))
        sample = _Sample(
            operator=operator, shape=shape, places=where, targets=shape.columns(together[order]), order=order
        )
        found.append(sample)
    return found


def _learnable(graph: Graph, operator: Any) -> bool:
    """Say whether an operator has float weights and an activation that cuts off at most."""
    is_float = graph.tensors[operator.inputs[1]].type == schema.TensorType.FLOAT32
    return (
        is_float
        and graph.kind(operator) in LEARNED
        and operator.builtinOptions.fusedActivationFunction in ENDS
    )


def _round(
    graph: Graph, sample: _Sample, inputs: Matrix, bits: int, granularity: Granularity, steps: int
) -> RoundedLayer:
    """Round one layer's weights in place."""
    operator, shape = sample.operator, sample.shape
    weights = graph.constant(operator.inputs[1])
    assert weights is not None
    grid = grid_of(shape.kind, weights, bits, granularity)
    unit = np.broadcast_to(grid.values(np.ones_like(weights)), weights.shape)
    low, high = ENDS[operator.builtinOptions.fusedActivationFunction]
    matrices = Problem(
        inputs=inputs,
        targets=sample.targets,
        ratios=shape.to_matrices(grid.ratios(weights)),
        scales=shape.to_matrices(unit),
        bias=shape.columns(_bias(graph, operator)[None]),
        low=low,
        high=high,
        most=grid.most,
    )
    held_out = max(1, round(HELD_OUT * inputs.shape[1]))
    judged, studied = matrices.part(slice(held_out)), matrices.part(slice(held_out, None))
    with np.errstate(over="ignore", invalid="ignore"):  # errors that are no numbers keep nearest rounding
        nearest, learned = matrices.nearest, learn(studied, steps)
        errors = judged.error(nearest), judged.error(learned)
    if not np.all(np.isfinite(errors)):
        return _nearest(graph, sample, bits, granularity, "its error is too large for a number")
    kept = learned if errors[1] < errors[0] else nearest
    graph.set_input(operator, 1, grid.values(shape.from_matrices(kept)))
    return RoundedLayer(
        layer=graph.name(int(operator.outputs[0])),
        operator=shape.kind,
        bits=bits_of(shape.kind, bits),
        nearest_error=errors[0],
        learned_error=errors[1],
        turned=int(np.count_nonzero(kept != nearest)),
        weights=weights.size,
    )


def _nearest(graph: Graph, sample: _Sample, bits: int, granularity: Granularity, why: str) -> RoundedLayer:
    """Round one layer's weights in place to the nearest level, because nothing can be learned."""
    operator, kind = sample.operator, sample.shape.kind
    weights = graph.constant(operator.inputs[1])
    assert weights is not None
    grid = grid_of(kind, weights, bits, granularity)
    graph.set_input(operator, 1, grid.values(np.rint(grid.ratios(weights)).clip(-grid.most, grid.most)))
    return RoundedLayer(
        layer=graph.name(int(operator.outputs[0])),
        operator=kind,
        bits=bits_of(kind, bits),
        nearest_error=None,
        learned_error=None,
        turned=0,
        weights=weights.size,
        reason=why,
    )


def _bias(graph: Graph, operator: Any) -> Matrix:
    """Give the (channels,) bias, zeros where there is none."""
    index = int(operator.inputs[2]) if len(operator.inputs) > 2 else -1
    bias = graph.constant(index)
    channels = int(graph.tensors[operator.outputs[0]].shape[-1])
    return np.zeros(channels, np.float32) if bias is None else bias.astype(np.float32)
