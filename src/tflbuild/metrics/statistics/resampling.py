"""Intervals: bootstrap over images, and closed forms for proportions.

References:
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile intervals).
    Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    Newcombe, Improved confidence intervals for the difference between binomial proportions based on
    paired data, 1998 (method 10).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tflbuild.core.metric import Z

REPLICATES = 1000
SEED = 20260101


def resamples(images: int, replicates: int = REPLICATES) -> npt.NDArray[np.int32]:
    """Draw images with replacement; the same draws for the same number of images, so that differences pair.

    Returns:
        (replicates, images) int32: how often each image was drawn.
    """
    drawn = np.random.Generator(np.random.PCG64(SEED)).integers(0, images, (replicates, images))
    flat = (drawn + np.arange(replicates)[:, None] * images).ravel()
    return np.bincount(flat, minlength=replicates * images).reshape(replicates, images).astype(np.int32)


def percentile_interval(values: npt.NDArray[np.float64], point: float) -> tuple[float, float]:
    """Give the central 95 % of resampled values, widened where needed to hold the point value."""
    known = values[~np.isnan(values)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.percentile(known, [2.5, 97.5])
    return min(float(low), point), max(float(high), point)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a proportion.

    >>> [round(end, 4) for end in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    share, spread = hits / n, Z * Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def paired_difference(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Give `after - before` of two paired proportions with Newcombe's 95 % interval.

    Args:
        before: (n,) bool.
        after: (n,) bool, of the same images.

    Returns:
        Value, low and high.
    """
    n = len(before)
    both, only_after = int((before & after).sum()), int((after & ~before).sum())
    only_before, neither = int((before & ~after).sum()), int((~before & ~after).sum())
    first, second = both + only_after, both + only_before
    correlation = _correlation(both, only_after, only_before, neither)
    (low_1, high_1), (low_2, high_2) = wilson(first, n), wilson(second, n)
    share_1, share_2 = first / n, second / n
    below = _distance(share_1 - low_1, high_2 - share_2, correlation)
    above = _distance(high_1 - share_1, share_2 - low_2, correlation)
    value = share_1 - share_2
    return value, value - below, value + above


def _distance(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * correlation * one * other + other * other))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Give Newcombe's continuity-corrected phi of a two by two table."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if not margins:
        return 0.0
    product = both * neither - only_first * only_second
    half = (both + only_first + only_second + neither) / 2
    corrected = max(product - half, 0.0) if product > 0 else float(product)
    return corrected / math.sqrt(margins)
