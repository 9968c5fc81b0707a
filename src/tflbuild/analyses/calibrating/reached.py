"""The ranges that samples reach in a float model: how they grow with samples, and whether two halves agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.observation import Executable, activations, exposed, without_custom
from tflbuild.tflite.graph import Graph

MOST = 48
"""Samples that are run, of each kind."""

ORDERS = 16
"""Random orders that the growth of ranges is the mean of."""

NARROW = 0.9
"""Part of the width of all samples' ranges below which those of the calibration samples are too narrow."""


class Ends(NamedTuple):
    """The smallest and the largest value of each activation in each sample.

    Attributes:
        names: of the activations.
        low: (samples, activations) float64.
        high: (samples, activations) float64.
    """

    names: list[str]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    def only(self, names: Sequence[str]) -> Ends:
        """Give some of the activations."""
        places = [place for place, name in enumerate(self.names) if name in set(names)]
        return Ends([self.names[place] for place in places], self.low[:, places], self.high[:, places])


def ends_of(graph: Graph, samples: Sequence[Mapping[str, Any]]) -> Ends:
    """Run a float model on samples.

    Raises:
        PassError: LiteRT refuses the model.
    """
    names = activations(graph)
    running = Executable(exposed(without_custom(graph), names))
    found = [[(float(one.min()), float(one.max())) for one in running.run(sample)] for sample in samples]
    rows = np.array(found, np.float64).reshape(len(samples), len(names), 2)
    return Ends(names, rows[..., 0], rows[..., 1])


def widths(ends: Ends, rows: Any = slice(None)) -> npt.NDArray[np.float64]:
    """Give the (activations,) width of the range of some samples."""
    return np.asarray(ends.high[rows].max(axis=0) - ends.low[rows].min(axis=0))


def growth(ends: Ends) -> list[tuple[int, float]]:
    """Give the width of ranges of 1, 2, 4, ... samples as part of that of all: the median of the activations."""
    whole, count = widths(ends), len(ends.low)
    rng, known = np.random.default_rng(0), whole > 0
    sizes = [size for size in (1 << power for power in range(20)) if size < count] + [count]
    if not known.any():
        return []
    orders = [rng.permutation(count) for _ in range(ORDERS)]
    return [
        (
            size,
            float(
                np.mean(
                    [
                        np.median((widths(ends, order[:size]) / np.maximum(whole, 1e-30))[known])
                        for order in orders
                    ]
                )
            ),
        )
        for size in sizes
    ]


def halves(ends: Ends) -> float:
    """Give by what factor the ranges of two halves of the samples differ: the median activation, the mean order."""
    count = len(ends.low) // 2
    if not count:
        return 1.0
    rng, found = np.random.default_rng(1), []
    for _ in range(ORDERS):
        order = rng.permutation(len(ends.low))
        one, other = widths(ends, order[:count]), widths(ends, order[count : 2 * count])
        known = (one > 0) & (other > 0)
        if known.any():
            found.append(float(np.median(np.abs(np.log(one[known] / other[known])))))
    return float(np.exp(np.mean(found))) if found else 1.0


def beside(taken: Ends, train: Ends) -> dict[str, Any]:
    """Compare the ranges of calibration samples with those of as many training samples, and of all.

    Returns:
        `ratio`, the median width against that of as many training samples; `reach`, against that of both together;
        `beyond`, the median share of training samples that exceed a calibrated range; `layers`, those that differ most.
    """
    count = min(len(taken.low), len(train.low))
    one, other = widths(taken, slice(count)), widths(train, slice(count))
    low, high = taken.low.min(axis=0), taken.high.max(axis=0)
    both = np.maximum(high, train.high.max(axis=0)) - np.minimum(low, train.low.min(axis=0))
    known = (other > 0) & (both > 0)
    if not known.any():
        return {}
    ratio = one[known] / other[known]
    beyond = ((train.low < low) | (train.high > high)).mean(axis=0)[known]
    names = [name for name, is_known in zip(taken.names, known, strict=True) if is_known]
    order = np.argsort(-np.abs(np.log(np.maximum(ratio, 1e-9))))[:5]
    return {
        "ratio": float(np.median(ratio)),
        "reach": float(np.median((high - low)[known] / both[known])),
        "beyond": float(np.median(beyond)),
        "layers": [{"layer": names[place], "ratio": float(ratio[place])} for place in order],
    }
