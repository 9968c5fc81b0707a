"""The area under the ROC curve of scores, whole and of its first part, with DeLong's variance.

References:
    DeLong, DeLong and Clarke-Pearson, Comparing the Areas under Two or More Correlated ROC Curves, 1988.
    Sun and Xu, Fast Implementation of DeLong's Algorithm, 2014 (by midranks).
    McClish, Analyzing a Portion of the ROC Curve, 1989 (the standardized partial area).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Placements(NamedTuple):
    """The share of the other side that each sample is on the right side of; ties count half.

    Attributes:
        abnormal: (abnormal samples,) shares of the normal ones that score lower.
        normal: (normal samples,) shares of the abnormal ones that score higher.
    """

    abnormal: Floats
    normal: Floats

    @property
    def area(self) -> float:
        """Give the area under the curve: the chance that an abnormal sample scores higher than a normal one."""
        return float(self.abnormal.mean())


def placements(scores: npt.ArrayLike, abnormal: Bools) -> Placements:
    """Place each sample among those of the other side.

    Args:
        scores: (samples,), higher for what is more unusual.
        abnormal: (samples,), of which some are and some are not.

    >>> placements([0.1, 0.4, 0.35, 0.8], np.array([False, False, True, True])).area
    0.75
    """
    values = np.asarray(scores, np.float64)
    high, low = values[abnormal], values[~abnormal]
    n, m = len(high), len(low)
    whole = _midranks(np.concatenate([high, low]))
    return Placements((whole[:n] - _midranks(high)) / m, 1 - (whole[n:] - _midranks(low)) / n)


def _midranks(values: Floats) -> Floats:
    """Give the rank of each value from 1 on; equal ones have the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places], np.float64)


def variance(found: Placements, before: Placements | None = None) -> float:
    """Give DeLong's variance of an area, or of its difference from the area of another model on the same samples.

    NaN where a side has a single sample.
    """
    sides = [found.abnormal, found.normal]
    if before is not None:
        sides = [found.abnormal - before.abnormal, found.normal - before.normal]
    if min(map(len, sides)) < 2:
        return math.nan
    return float(sum(side.var(ddof=1) / len(side) for side in sides))


def partial_area(scores: npt.ArrayLike, abnormal: Bools, most: float) -> float:
    """Give the standardized area under the curve up to a false positive rate: 0.5 for chance, 1 for all right.

    Args:
        scores: (samples,).
        abnormal: (samples,).
        most: the false positive rate, above 0 and at most 1.
    """
    ones = np.ones((1, len(abnormal)), np.int32)
    return float(partial_areas(scores, abnormal, most, ones)[0])


def partial_areas(
    scores: npt.ArrayLike, abnormal: Bools, most: float, weights: npt.NDArray[np.int32]
) -> Floats:
    """Give the same for resamples.

    Args:
        scores: (samples,).
        abnormal: (samples,).
        most: the false positive rate.
        weights: (resamples, samples), how often each sample was drawn; some of each side in every resample.
    """
    values = np.asarray(scores, np.float64)
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # of samples with one score, the last
    drawn, high = weights[:, order], abnormal[order]
    hits = np.cumsum(drawn * high, axis=1, dtype=np.float64)[:, ends]
    alarms = np.cumsum(drawn * ~high, axis=1, dtype=np.float64)[:, ends]
    start = np.zeros((len(weights), 1))
    rates = np.concatenate([start, hits / hits[:, -1:]], axis=1)
    false = np.concatenate([start, alarms / alarms[:, -1:]], axis=1)
    area = _area_up_to(false, rates, most)
    least = most * most / 2
    return np.asarray((1 + (area - least) / (most - least)) / 2, np.float64)


def _area_up_to(along: Floats, upwards: Floats, most: float) -> Floats:
    """Give (rows,) areas below lines of (rows, points) that rise to the right, up to a place along."""
    left, right = along[:, :-1], np.minimum(along[:, 1:], most)
    wide = along[:, 1:] - left
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(wide > 0, np.clip((right - left) / wide, 0, 1), 0.0)
    low, high = upwards[:, :-1], upwards[:, 1:]
    end = low + (high - low) * share
    return np.asarray((np.maximum(right - left, 0) * (low + end) / 2).sum(axis=1), np.float64)


def curve(scores: npt.ArrayLike, abnormal: Bools) -> tuple[Floats, Floats, Floats]:
    """Give the ROC curve: false positive rates, true positive rates, and the threshold that each pair is reached from.

    The first threshold is infinite: nothing reaches it.
    """
    values = np.asarray(scores, np.float64)
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    high = abnormal[order]
    rates = np.concatenate([[0.0], np.cumsum(high)[ends] / max(1, high.sum())])
    false = np.concatenate([[0.0], np.cumsum(~high)[ends] / max(1, (~high).sum())])
    return false, rates, np.concatenate([[np.inf], values[order][ends]])
