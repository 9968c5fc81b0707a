"""Tests whether two sets of samples could be of one kind: of values by their ranks, and of shares.

References:
    Mann and Whitney, On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other, 1947.
    Fisher, The Logic of Inductive Inference, 1935: the exact test of two shares.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def mann_whitney(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Give the two-sided p of the rank test, by its normal approximation with ties and a correction of a half.

    NaNs are left out; 1.0 where one of the sets is empty, or all values are equal.

    >>> round(mann_whitney([1, 2, 3], [4, 5, 6]), 4)
    0.0809
    """
    first, second = (np.asarray(values, np.float64).ravel() for values in (one, other))
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    n, m = len(first), len(second)
    if not n or not m:
        return 1.0
    _, places, counts = np.unique(np.concatenate([first, second]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    larger = float(ranks[:n].sum()) - n * (n + 1) / 2
    ties = float((counts.astype(np.float64) ** 3 - counts).sum()) / ((n + m) * max(1, n + m - 1))
    variance = n * m / 12 * (n + m + 1 - ties)
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(larger - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def fisher(hits: int, n: int, others: int, m: int) -> float:
    """Give the one-sided p of Fisher's exact test: whether `hits` of `n` is more than `others` of `m`.

    >>> round(fisher(3, 4, 1, 4), 4)
    0.2429
    """
    whole = math.comb(n + m, hits + others)
    most = min(n, hits + others)
    return sum(math.comb(n, k) * math.comb(m, hits + others - k) for k in range(hits, most + 1)) / whole
