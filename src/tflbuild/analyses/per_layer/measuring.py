"""Measure the noise of each layer of a quantized file on samples, as rows that a finding holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tflbuild.analyses.nearer import values_for
from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.errors import PassError

if TYPE_CHECKING:
    from tflbuild.quantization.layer_noise import ActivationNoise
    from tflbuild.quantization.loosened import Loosened
    from tflbuild.quantization.weight_noise import WeightNoise
    from tflbuild.tflite.graph import Graph

SOURCE = "data.test"
"""The samples that noise is measured on: those of the ladder."""

SAMPLES = 64
"""How many of them, at most."""

WEIGHTS, ACTIVATIONS = "weights", "activations"
"""Keys of the rows in a finding, and parts of a layer that are rounded."""

DRAWN = 3
"""Layers, the worst, whose histograms are kept."""

Row = dict[str, Any]


def graph_of(model: Artifact) -> Graph:
    """Unpack a `.tflite`."""
    from tflbuild.tflite.graph import Graph

    return Graph.unpacked(model.path.read_bytes())


def apart(model: TFLiteModel, floating: TFLiteModel | None) -> Loosened | None:
    """Take a file apart; None where it is float, or cannot be.

    Args:
        model: the file.
        floating: the float `.tflite` that it was made of; None where there is none.
    """
    from tflbuild.quantization.loosened import Loosened

    try:
        found = Loosened(graph_of(model), graph_of(floating) if floating is not None else None)
    except PassError:
        return None
    return found if found.made.grids or found.made.layers else None


def samples_of(model: Artifact, ctx: AnalysisContext, most: int) -> list[dict[str, Any]]:
    """Give samples from all over the split as a model takes them.

    Args:
        model: it.
        ctx: of the analysis, which reads `SOURCE`.
        most: how many, at most.
    """
    split = ctx.dataset(SOURCE)
    places = sorted({len(split) * number // most for number in range(most)})
    return values_for(model, {split.samples[place].key: split[place].value for place in places})


def rows_of(taken: Loosened, samples: Sequence[Mapping[str, Any]]) -> dict[str, list[Row]]:
    """Give the rows of weights and of activations, the worst first, and histograms of the worst.

    Args:
        taken: the file, taken apart.
        samples: of `samples_of`.
    """
    from tflbuild.quantization.layer_noise import activation_noise
    from tflbuild.quantization.weight_noise import weight_noise

    graph = taken.quantized
    weights = weight_noise(graph, taken.floats)
    made = activation_noise(graph, taken.graph, taken.made, samples)
    kernels = sorted(((_of_weights(one), one) for one in weights), key=lambda pair: _order(pair[0]))
    outputs = sorted(((_of_activation(one, graph), one) for one in made), key=lambda pair: _order(pair[0]))
    drawn = [_drawn_weights(row, one) for row, one in kernels[:DRAWN]]
    drawn += [_drawn_activation(row, one) for row, one in outputs[:DRAWN]]
    return {
        WEIGHTS: [row for row, _ in kernels],
        ACTIVATIONS: [row for row, _ in outputs],
        "histograms": drawn,
    }


def _order(row: Row) -> float:
    """Order rows: the one whose channels have the most noise comes first."""
    value = row["channel_sqnr"]
    return math.inf if value is None else float(value)


def _of_activation(found: ActivationNoise, graph: Graph) -> Row:
    from tflbuild.quantization.layer_noise import channelwise, whole
    from tflbuild.tflite.scales import zero_points_of

    tensor = next(one for one in graph.tensors if one.name.decode() == found.tensor)
    grid = found.grid
    return {
        "layer": found.layer,
        "tensor": found.tensor,
        "operator": found.operator,
        "sqnr": _finite(whole(found.signal, found.reset)),
        "channel_sqnr": _finite(channelwise(found.signal, found.reset)),
        "sqnr_carried": _finite(whole(found.signal, found.carried)),
        "channel_sqnr_carried": _finite(channelwise(found.signal, found.carried)),
        "saturated": found.saturated / found.values,
        "at_ends": found.at_ends / found.values,
        "scale": grid.step,
        "zero_point": int(zero_points_of(tensor)[0]),
        "low": grid.low,
        "high": grid.high,
        "bits": grid.bits,
        "steps": int(found.used.sum()),
        "channel_ratio": _finite(found.channel_ratio),
    }


def _of_weights(found: WeightNoise) -> Row:
    from tflbuild.quantization.layer_noise import channelwise, whole

    return {
        "layer": found.layer,
        "tensor": found.tensor,
        "operator": found.operator,
        "sqnr": _finite(whole(found.signal, found.noise)),
        "channel_sqnr": _finite(channelwise(found.signal, found.noise)),
        "measured": found.measured,
        "scales": found.scales,
        "channels": found.channels,
        "range_ratio": _finite(found.range_ratio),
        "input_ratio": _finite(found.input_ratio),
        "steps": found.steps,
        "fewest_steps": found.fewest,
    }


def _finite(value: float) -> float | None:
    """Give a number that JSON has; None for one without end, which noise of nothing makes."""
    return round(value, 4) if math.isfinite(value) else None


def _drawn_activation(row: Row, found: ActivationNoise) -> Row:
    from tflbuild.quantization.layer_noise import MARGIN

    grid, margin = found.grid, MARGIN * found.grid.width
    return {
        "part": ACTIVATIONS,
        "layer": row["layer"],
        "tensor": row["tensor"],
        "counts": [int(count) for count in found.counts],
        "low": grid.low - margin,
        "high": grid.high + margin,
        "ends": [grid.low, grid.high],
        "unit": "",
    }


def _drawn_weights(row: Row, found: WeightNoise) -> Row:
    """Give the histogram of weights in steps, whatever scale their channels have."""
    last = len(found.counts) - 1
    return {
        "part": WEIGHTS,
        "layer": row["layer"],
        "tensor": row["tensor"],
        "counts": [int(count) for count in found.counts],
        "low": found.lowest - 0.5,
        "high": found.lowest + last + 0.5,
        "ends": [found.lowest, found.lowest + last],
        "unit": "steps",
    }
