"""The grids of a quantized file against what training samples span: too wide, too narrow, or of another scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tflbuild.analyses.calibrating.judging import READINGS
from tflbuild.analyses.calibrating.reached import Ends, ends_of
from tflbuild.core.errors import PassError
from tflbuild.tflite.dequantization import dequantize
from tflbuild.tflite.grids import Grid, grid_of
from tflbuild.tflite.scales import scales_of

if TYPE_CHECKING:
    from tflbuild.tflite.graph import Graph

WIDE, NARROW = 3.0, 0.4
"""Widths of grids, in those of what samples reach, beyond which a file was calibrated on other things."""

INTEGERS = ("int8", "uint8", "int16")
SLACK = 0.03


class Held(NamedTuple):
    """The grids of a file.

    Attributes:
        ratios: by layer, the width of its grid in widths of what training samples span.
        beyond: by layer, the share of samples that exceed its grid by more than a step.
        samples: that were run.
    """

    ratios: dict[str, float]
    beyond: dict[str, float]
    samples: int


def input_grids(graph: Graph) -> dict[str, Grid]:
    """Give the grid of each quantized input, or of what quantizes a float input, by the input's name."""
    from tflbuild.tflite.flatbuffer import DTYPES

    found = {}
    for index in graph.model.subgraphs[0].inputs:
        place = int(index)
        reader = next(
            (o for o in graph.operators if graph.kind(o) == "QUANTIZE" and int(o.inputs[0]) == place), None
        )
        tensor = graph.tensors[int(reader.outputs[0]) if reader is not None else place]
        if DTYPES[tensor.type] in INTEGERS and len(scales_of(tensor)) == 1:
            found[graph.name(place)] = grid_of(tensor)
    return found


def misfits(grids: Mapping[str, Grid], limits: Sequence[tuple[float, float] | None]) -> list[dict[str, Any]]:
    """Name inputs whose grid is that of another range of pixels than the model takes; `far` is one of another scale.

    Args:
        grids: by input.
        limits: the lowest and the highest model value of each input, in the same order; None where nobody knows.
    """
    found = []
    for (name, grid), limit in zip(grids.items(), limits, strict=False):
        if limit is None:
            continue
        width = limit[1] - limit[0]
        ratio = grid.width / width
        inside = min(grid.high, limit[1]) - max(grid.low, limit[0])
        if inside >= 0.8 * width and ratio <= 1.6:
            continue
        reading = next((one for one, ends in READINGS.items() if _is(grid, ends)), "")
        found.append(
            {
                "input": name,
                "low": grid.low,
                "high": grid.high,
                "least": limit[0],
                "most": limit[1],
                "reading": reading,
                "far": ratio <= NARROW or ratio >= WIDE,
            }
        )
    return found


def _is(grid: Grid, ends: tuple[float, float]) -> bool:
    width = ends[1] - ends[0]
    return abs(grid.low - ends[0]) <= SLACK * width and abs(grid.high - ends[1]) <= SLACK * width


def held(graph: Graph, samples: Sequence[Mapping[str, Any]]) -> Held | None:
    """Run the float model of a file on training samples, and hold what each layer gives to the layer's grid.

    Args:
        graph: of the file; made float, in place.
        samples: as the model takes them.

    Returns:
        None where the file cannot be taken apart, or has no grid of a layer.
    """
    try:
        made = dequantize(graph)
        reached: Ends = ends_of(graph, samples).only([name for name in made.layers if name in made.grids])
    except PassError:
        return None
    ratios, beyond = {}, {}
    for place, name in enumerate(reached.names):
        grid, low, high = made.grids[name], reached.low[:, place], reached.high[:, place]
        width = float(high.max() - low.min())
        if width > 0 and grid.width > 0:
            ratios[name] = grid.width / width
            beyond[name] = float(((low < grid.low - grid.step) | (high > grid.high + grid.step)).mean())
    return Held(ratios, beyond, len(samples)) if ratios else None


def judged(seen: Held) -> dict[str, Any]:
    """Say whether the grids are too wide or too narrow as a whole, and in which layers most.

    Returns:
        `median` of the ratios, `wide` and `narrow`, `beyond`, and `layers`, those farthest off.
    """
    middle = float(np.median(list(seen.ratios.values())))
    order = sorted(seen.ratios, key=lambda name: -abs(np.log(seen.ratios[name])))[:5]
    return {
        "median": middle,
        "beyond": float(np.median(list(seen.beyond.values()))),
        "wide": middle >= WIDE,
        "narrow": middle <= NARROW,
        "layers": [
            {"layer": name, "ratio": seen.ratios[name], "beyond": seen.beyond[name]} for name in order
        ],
        "count": len(seen.ratios),
    }
