"""The noise that a quantized file adds to each activation.

The signal is what the float model of the same file computes (`tflbuild.tflite.dequantization`), the noise what differs
from it. An error is *reset* where one tensor alone is rounded, with float values behind it, and *carried on* where
everything before it is rounded, too, as in the file.

Two ratios are told. That of whole tensors hides channels that share a grid with a far larger one, since signal and
noise are those of the large one alone; so each channel's share of noise is averaged, too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.observation import (
    Executable,
    SampleValues,
    activations,
    by_channel,
    exposed,
    some_rows,
    without_custom,
)
from tflbuild.quantization.sensitivity import layer_name
from tflbuild.tflite.dequantization import Dequantized
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.grids import Grid

COUNTED = 1 << 14
"""Values of a tensor that are looked at of one sample, in rows from all over it."""

BINS = 96
"""Bins of a histogram, over a grid and `MARGIN` of its width on both sides; the outermost hold all beyond."""

MARGIN = 0.25

DEAD = 1e-8
"""Power of a channel, by that of the largest, below which it says nothing: a ten-thousandth of its values."""

Values = npt.NDArray[np.float64]


@dataclass(kw_only=True)
class ActivationNoise:
    """One activation that a file holds in integers.

    Attributes:
        tensor: its name.
        layer: as the user knows it.
        operator: that makes it; "INPUT" for the model's own.
        grid: of its integers.
        values: how many were looked at.
        saturated: of them, float values that lie half a step or more beyond the grid's ends.
        at_ends: of them, those that the file holds in the smallest or the largest integer.
        counts: (BINS,) of float values.
        used: (2 ** bits,) bool, integers that the file has.
        signal: (channels,) summed squares of float values, by the last axis.
        reset: (channels,) summed squares of what rounding them alone changes.
        carried: (channels,) summed squares of what the file has otherwise.
        low: (channels,) smallest float value.
        high: (channels,) largest.
    """

    tensor: str
    layer: str
    operator: str
    grid: Grid
    values: int = 0
    saturated: int = 0
    at_ends: int = 0
    counts: Values = field(default_factory=lambda: np.zeros(BINS))
    used: Any = None
    signal: Any = 0.0
    reset: Any = 0.0
    carried: Any = 0.0
    low: Any = np.inf
    high: Any = -np.inf

    def add(self, wanted: npt.NDArray[Any], given: npt.NDArray[Any]) -> None:
        """Look at one sample's tensor: as the float model has it, and as the file has it, dequantized."""
        rows, found = (by_channel(some_rows(value, COUNTED)).astype(np.float64) for value in (wanted, given))
        if not np.all(np.isfinite(rows)):
            return  # no number says how far it is from one that is none
        low, step, last = self.grid.low, self.grid.step, 2**self.grid.bits - 1
        exact = (rows - low) / step
        levels = np.rint((found - low) / step).clip(0, last).astype(np.int64)
        if self.used is None:
            self.used = np.zeros(last + 1, bool)
        self.used[np.unique(levels)] = True
        self.values += rows.size
        self.saturated += int(np.sum((exact <= -0.5) | (exact >= last + 0.5)))
        self.at_ends += int(np.sum((levels == 0) | (levels == last)))
        places = ((exact / (last or 1) + MARGIN) / (1 + 2 * MARGIN) * BINS).astype(np.int64)
        self.counts += np.bincount(places.clip(0, BINS - 1).ravel(), minlength=BINS)
        self.signal = self.signal + np.square(rows).sum(axis=0)
        self.reset = self.reset + np.square(np.rint(exact).clip(0, last) * step + low - rows).sum(axis=0)
        self.carried = self.carried + np.square(found - rows).sum(axis=0)
        self.low, self.high = np.minimum(self.low, rows.min(axis=0)), np.maximum(self.high, rows.max(axis=0))

    @property
    def channel_ratio(self) -> float:
        """Give the largest range of a channel by the median of all; 1 where they are alike, or nothing varies."""
        return spread_of(np.maximum(np.abs(self.low), np.abs(self.high)))


def decibels(signal: float, noise: float) -> float:
    """Give a ratio of powers in dB; infinite without noise, 0 without signal.

    >>> decibels(100.0, 1.0), decibels(1.0, 0.0)
    (20.0, inf)
    """
    if noise <= 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else 0.0


def whole(signal: Values, noise: Values) -> float:
    """Give the signal-to-noise ratio of a tensor in dB."""
    return decibels(float(np.sum(signal)), float(np.sum(noise)))


def channelwise(signal: Values, noise: Values) -> float:
    """Give the ratio in dB that the mean share of noise in a channel stands for; one is lost at most wholly.

    Args:
        signal: (channels,) powers; dead channels are left out.
        noise: (channels,) powers.
    """
    live = live_channels(signal)
    if not np.any(live):
        return math.inf if not np.any(noise) else 0.0
    shares = np.minimum(1.0, np.atleast_1d(noise)[live] / np.atleast_1d(signal)[live])
    return decibels(1.0, float(shares.mean()))


def live_channels(powers: Values) -> npt.NDArray[np.bool_]:
    """Say of each channel whether it is alive: training leaves some with weights of 1e-30."""
    known = np.atleast_1d(powers)
    return np.asarray((known > 0) & (known >= DEAD * known.max()))


def spread_of(ranges: npt.NDArray[Any]) -> float:
    """Give the largest of ranges by their median; 1 where all are zero.

    >>> spread_of(np.array([1.0, 2.0, 3.0, 100.0]))
    40.0
    """
    live = np.asarray(ranges, np.float64)
    live = live[live > 0]
    return float(live.max() / np.median(live)) if len(live) else 1.0


def activation_noise(
    quantized: Graph, floats: Graph, made: Dequantized, samples: Sequence[SampleValues]
) -> list[ActivationNoise]:
    """Measure the noise of each activation, in order of execution.

    Args:
        quantized: of the file.
        floats: the float model that `dequantize` made of it.
        made: how that was made.
        samples: each the model values of every input by name, in the model's order and without a batch axis.

    Raises:
        PassError: LiteRT cannot execute one of them.
    """
    known = _once(floats) & _once(quantized)
    names = [name for name in activations(floats) if name in made.grids and name in known]
    found = {name: noise for name, noise in _empty(floats, made.grids) if name in names}
    if not names:
        return []
    wanted, given = (Executable(exposed(without_custom(graph), list(names))) for graph in (floats, quantized))
    for sample in samples:
        for name, one, other in zip(names, wanted.run(sample), given.run(sample), strict=True):
            found[name].add(one, other)
    return [found[name] for name in names if found[name].values]


def _once(graph: Graph) -> set[str]:
    """Name the tensors whose name is theirs alone."""
    names = Counter(graph.name(index) for index in range(len(graph.tensors)))
    return {name for name, count in names.items() if count == 1}


def _empty(graph: Graph, grids: Mapping[str, Grid]) -> Iterator[tuple[str, ActivationNoise]]:
    makers = {graph.name(int(index)): "INPUT" for index in graph.model.subgraphs[0].inputs}
    makers |= {
        graph.name(int(index)): graph.kind(operator)
        for operator in graph.operators
        for index in operator.outputs
    }
    for name, kind in makers.items():
        if name in grids and grids[name].step > 0:
            layer = layer_name(name, kind)
            yield name, ActivationNoise(tensor=name, layer=layer, operator=kind, grid=grids[name])
