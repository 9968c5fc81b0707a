"""The look of one sample as model values: range, channels, neighbours, and marks by which copies are found."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]

LEAST_SIDE = 8
"""Places along an axis from which on neighbours say something."""

MOST_ROWS = 16
"""Rows of a picture whose neighbours are looked at."""

MOST_VALUES = 1 << 12
"""Places that means, deviations and the digest are of, from all over a sample."""

GRID = (8, 9)
"""Means that a difference hash compares: 8 rows of 9 give 64 bits."""

FAR = 8
"""Part of a side that far places lie apart."""

BITS_APART, VALUES_APART = 4, 0.03
"""Largest number of unequal bits, and largest difference of means in widths of the sample, of two copies."""


class Look(NamedTuple):
    """One sample of one input.

    Attributes:
        low: smallest value.
        high: largest.
        mean: (channels,) float64, of each channel, the last axis.
        deviation: (channels,) float64, standard deviation of each.
        near: correlation of neighbours, -1..1; NaN where there are none, or where all values are alike.
        far: correlation of values an eighth of a side apart; NaN likewise.
        channels: mean correlation of the first channel with the others; NaN likewise.
        digest: of the values.
        thumbnail: (8, 9) float64, means of the whole, for pictures; None for others.
    """

    low: float
    high: float
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    near: float
    far: float
    channels: float
    digest: bytes
    thumbnail: npt.NDArray[np.float64] | None

    @property
    def width(self) -> float:
        """Give the distance of the smallest and the largest value."""
        return self.high - self.low


def look(values: Values) -> Look:
    """Look at one sample, without a batch axis."""
    rows = values.reshape(-1, values.shape[-1] if values.ndim > 2 else 1)
    thinned = np.ascontiguousarray(rows[:: max(1, len(rows) // MOST_VALUES)])
    mean = thinned.mean(axis=0)
    apart = thinned - mean
    deviation = np.sqrt(np.square(apart).mean(axis=0))
    near, far = _neighbours(values)
    return Look(
        low=float(values.min()),
        high=float(values.max()),
        mean=mean.astype(np.float64),
        deviation=deviation.astype(np.float64),
        near=near,
        far=far,
        channels=_channels(apart, deviation),
        digest=hashlib.blake2b(thinned.tobytes(), digest_size=16).digest(),
        thumbnail=_thumbnail(values),
    )


def _channels(apart: Values, deviation: Values) -> float:
    if len(deviation) < 2 or len(apart) < LEAST_SIDE or not deviation.all():
        return math.nan
    together = (apart[:, :1] * apart[:, 1:]).mean(axis=0) / (deviation[0] * deviation[1:])
    return float(together.mean())


def _places(values: Values) -> Values | None:
    """View a sample as (rows, columns, channels); None where it has too few places along its axes."""
    if values.ndim == 3 and min(values.shape[:2]) >= LEAST_SIDE:
        return values
    if values.ndim == 2 and min(values.shape) >= LEAST_SIDE:
        return values[..., None]
    return values.reshape(1, -1, 1) if values.ndim == 1 and values.size >= LEAST_SIDE * LEAST_SIDE else None


def _neighbours(values: Values) -> tuple[float, float]:
    """Give the correlation of values that lie one place apart along a row, and far apart."""
    places = _places(values)
    if places is None:
        return math.nan, math.nan
    some = places[:: max(1, len(places) // MOST_ROWS)]
    mean = some.mean(axis=(0, 1))
    some = some - mean
    size = float(np.square(some).mean())
    if size <= 1e-12 * max(1.0, float(np.square(mean).max())):
        return math.nan, math.nan
    far = max(2, some.shape[1] // FAR)
    return (
        float((some[:, 1:] * some[:, :-1]).mean()) / size,
        float((some[:, far:] * some[:, :-far]).mean()) / size,
    )


def _thumbnail(values: Values) -> npt.NDArray[np.float64] | None:
    if values.ndim != 3 or values.shape[0] < GRID[0] or values.shape[1] < GRID[1]:
        return None
    steps = [max(1, side // MOST_ROWS) for side in values.shape[:2]]
    grey = values[:: steps[0], :: steps[1]].mean(axis=2)
    rows, columns = (np.arange(parts) * side // parts for parts, side in zip(GRID, grey.shape, strict=True))
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    heights, widths = np.diff([*rows, grey.shape[0]]), np.diff([*columns, grey.shape[1]])
    return np.asarray(sums / np.outer(heights, widths))


def groups(looks: Sequence[Look]) -> list[int]:
    """Give each sample the position of the first one that it is a copy of: its own where it is new.

    Pictures are copies where at most four bits of their difference hashes are unequal and their means nearly the same;
    others where all their values are equal.

    References:
        N. Krawetz, Kind of Like That, 2013: the difference hash.
    """
    firsts: dict[bytes, int] = {}
    found = [firsts.setdefault(one.digest, place) for place, one in enumerate(looks)]
    places = [place for place, one in enumerate(looks) if one.thumbnail is not None and found[place] == place]
    if not places:
        return found
    means = np.stack([looks[place].thumbnail for place in places]).astype(np.float32)  # type: ignore[misc]
    bits = (means[:, :, 1:] > means[:, :, :-1]).reshape(len(places), -1)
    widths = np.array([looks[place].width for place in places], np.float32)
    means = means.reshape(len(places), -1)
    for row in range(1, len(places)):
        unequal = (bits[:row] != bits[row]).sum(axis=1)
        near = np.flatnonzero(unequal <= BITS_APART)
        apart = np.abs(means[near] - means[row]).max(axis=1)
        near = near[apart <= VALUES_APART * np.maximum(widths[near], widths[row])]
        if len(near):
            found[places[row]] = found[places[int(near[0])]]
    return [found[place] for place in found]
