"""Lift small channels of a float `.tflite`, so that they use more of the range that they share with large ones.

Rounding an activation adds the same noise to every channel. A channel that fills a tenth of the range is told in a
tenth of the levels. It can be made larger where it is written and smaller where it is read, as in equalization, at the
price of the reading layer's weights: one channel's grow beside the others', and so does the scale that they share. A
depthwise layer has a scale for each channel, so that it pays nothing. How far to go follows from an estimate of both
noises, seam by seam.

A small channel was seen on few samples, and new ones exceed it: it is lifted to two thirds of the range at most, and by
a factor of four at most, beyond which its noise hardly counts.

References:
    Meller et al., Same, Same But Different: Recovering Neural Network Quantization Error Through Weight Factorization,
    2019: factors that enlarge channels up to the largest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.quantization.equalization import apply, liftable, within_six
from tflbuild.quantization.grid import bits_of
from tflbuild.quantization.observation import Activation
from tflbuild.quantization.seams import Seam, seams
from tflbuild.tflite.graph import Graph, by_output_channel

Vector = npt.NDArray[np.float64]

HEADROOM = 1.5
"""Factor by which what was seen of a lifted channel stays below the largest channel."""

FACTOR = 4.0
"""Largest factor of a channel."""

SHARES = np.linspace(0.0, 1.0, 11)
"""Powers of the full factors that are tried; 0 leaves everything as it is."""

GAIN = 0.999
"""Noise by the least so far from which a further power is taken."""

LEVELS = 255
"""Steps of an int8 range."""


def lifted(graph: Graph, observed: Mapping[str, Activation], weight_bits: int = 8) -> Graph:
    """Give a copy of a float model that computes the same, with small channels lifted.

    Args:
        graph: of a float model; it is not edited.
        observed: what `observation.observe` gave for it.
        weight_bits: that weights will have, with a scale for each output channel.
    """
    made = graph.copy()
    for seam in seams(made):
        factors = _factors(made, seam, observed[made.name(seam.written)], weight_bits)
        if np.any(factors != 1):
            apply(made, seam, factors)
    return made


def _factors(graph: Graph, seam: Seam, seen: Activation, weight_bits: int) -> Vector:
    """Give by what to divide a seam's channels: the power of the full factors with the least noise."""
    size = np.asarray(seen.channel_size, np.float64)
    live = liftable(graph, seam, size)
    if not np.any(live & (size > 0)):
        return np.ones_like(size)
    top = float(size[live].max())
    full = np.where(live, np.maximum(size * HEADROOM / top, 1 / FACTOR).clip(max=1.0), 1.0)
    best, least = np.ones_like(size), np.inf
    for share in SHARES:
        factors = np.asarray(full**share)
        if seam.bounded:
            factors = within_six(factors, size, np.ones_like(size))
        found = _noise(graph, seam, factors, seen, weight_bits)
        if found < GAIN * least:
            best, least = factors, found
    return best


def _noise(graph: Graph, seam: Seam, factors: Vector, seen: Activation, weight_bits: int) -> float:
    """Estimate the power of what rounding adds to what the readers of a seam write, with even rounding.

    The activation's noise is its step's square by twelve, through the weights; that of the weights likewise, with what
    they are multiplied by.
    """
    size, power = np.asarray(seen.channel_size, np.float64), np.asarray(seen.channel_power, np.float64)
    signs = 1 if seen.low >= 0 else 2
    step = signs * float(np.max(size * HEADROOM / factors)) / LEVELS
    total = 0.0
    for reader in seam.readers:
        kind = graph.kind(reader.layer)
        weights = _by_reader(graph, reader.layer, seam.channels)
        scaled = weights * factors
        total += float(np.square(scaled).sum()) * step**2 / 12
        if kind != "DEPTHWISE_CONV_2D":
            most = 2 ** (bits_of(kind, weight_bits) - 1) - 1
            scales = np.abs(scaled).max(axis=(1, 2)) / most
            read = float((power / factors**2).sum()) * weights.shape[1]
            total += float(np.square(scales).sum()) / 12 * read
    return total


def _by_reader(graph: Graph, layer: Any, channels: int) -> Vector:
    """Give the weights of a reading layer as (outputs, places, input channels); of a depthwise one one output."""
    weights = graph.constant(layer.inputs[1])
    assert weights is not None
    if graph.kind(layer) == "DEPTHWISE_CONV_2D":  # output channel o reads input channel o // multiplier
        rows = by_output_channel("DEPTHWISE_CONV_2D", weights).reshape(channels, -1)
        return np.asarray(rows.T[None], np.float64)
    return np.asarray(weights.reshape(len(weights), -1, channels), np.float64)
