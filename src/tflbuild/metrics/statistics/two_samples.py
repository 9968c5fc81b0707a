"""Two independent samples: whether they are of one distribution, by how much they differ, and what their size allows.

References:
    Hodges, The significance probability of the Smirnov two-sample test, Arkiv foer Matematik 3, 1958 (counting paths).
    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    Geyer, Practical Markov chain Monte Carlo, Statistical Science 7, 1992 (sums of neighbouring autocorrelations).
    Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of Risk Model Validation,
    2020: without any change, the index is distributed as (1/n + 1/m) times a chi square of one degree less than bins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

BINS = 10
"""Bins of the population stability index, each with as many values of the first sample."""

CHI_SQUARE = 16.919
"""95 % quantile of chi square with BINS - 1 degrees of freedom."""

SHIFTED = 0.2
"""Population stability index that is commonly called a change."""

HALF = 0.5
"""Counted for each bin, so that an empty one has a logarithm."""

NEARLY = 1e-9


def distance(one: Values, other: Values) -> float:
    """Give the Kolmogorov-Smirnov distance: the largest difference of the two distribution functions, in 0..1.

    >>> distance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0]))
    0.5
    """
    first, second = np.sort(one), np.sort(other)
    at = np.concatenate([first, second])
    below = np.searchsorted(first, at, "right") / len(first)
    return float(np.abs(below - np.searchsorted(second, at, "right") / len(second)).max())


def chance_of(found: float, n: int, m: int) -> float:
    """Give the exact probability of so large a distance or a larger one, where both samples are of one distribution.

    Paths from (0, 0) to (n, m) are followed, one step for each value in order; those that leave the band count. Where
    values tie, the true probability is smaller.

    >>> round(chance_of(1.0, 3, 3), 6)  # 2 of the 20 orders of three and three
    0.1
    """
    places = np.arange(n + 1)
    left = np.zeros(n + 1)
    for step in range(1, n + m + 1):
        others = step - places
        before = np.concatenate([[0.0], left[:-1]])
        left = (places * before + others * left) / step
        out = np.abs(places / n - others / m) >= found - NEARLY
        left = np.where((others < 0) | (others > m), 0.0, np.where(out, 1.0, left))
    return float(min(1.0, left[n])) if found > 0 else 1.0


def holm(chances: Sequence[float]) -> list[float]:
    """Adjust the p-values of several tests, so that one of them below alpha is as rare as that.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    adjusted, largest = [1.0] * len(chances), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, chances[place] * (len(chances) - rank)))
        adjusted[place] = largest
    return adjusted


def least_distance(n: int, m: int, alpha: float) -> float:
    """Give about the least distance that a test finds; above 1 where it finds none."""
    return _critical(alpha) * math.sqrt(1 / n + 1 / m)


def enough(found: float, m: int, alpha: float) -> int | None:
    """Give the size of a sample with which a test finds a distance from a sample of m; None where none would do.

    >>> enough(0.4, 200, 0.05)
    13
    """
    rest = (found / _critical(alpha)) ** 2 - 1 / m
    return math.ceil(1 / rest) if rest > 0 else None


def _critical(alpha: float) -> float:
    return math.sqrt(-math.log(alpha / 2) / 2)


def stability_index(one: Values, other: Values) -> float:
    """Give the population stability index of a sample, in bins that hold as many values of the first one each."""
    inner = np.unique(np.quantile(one, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = []
    for values in (one, other):
        counts = np.bincount(np.searchsorted(inner, values, "left"), minlength=len(inner) + 1) + HALF
        shares.append(counts / counts.sum())
    first, second = shares
    return float(((second - first) * np.log(second / first)).sum())


def index_of_noise(n: int, m: int) -> float:
    """Give what the population stability index stays below in 95 of 100 cases without any change."""
    return CHI_SQUARE * (1 / n + 1 / m)


def enough_for_index(m: int) -> int | None:
    """Give the size of a sample below which a population stability index of 0.2 is noise; None where any is.

    >>> enough_for_index(200), enough_for_index(64)
    (147, None)
    """
    rest = SHIFTED / CHI_SQUARE - 1 / m
    return math.ceil(1 / rest) if rest > 0 else None


def independent(values: Values) -> float:
    """Give how many independent values a series in order is worth, such as one of frames of a film.

    Autocorrelations are added up in pairs until a pair is negative. A series whose neighbours do not resemble one
    another beyond chance is worth its length.
    """
    n, centred = len(values), values - values.mean()
    power = float(centred @ centred)
    if n < 4 or power <= NEARLY * n:
        return float(n)
    alike = [float(centred[: n - lag] @ centred[lag:]) / power for lag in range(1, n // 2)]
    if not alike or alike[0] < 2 / math.sqrt(n):
        return float(n)
    total = alike[0]
    for one, other in zip(alike[1::2], alike[2::2], strict=False):
        if one + other <= 0:
            break
        total += one + other
    return max(1.0, n / (1 + 2 * total))


def shares_differ(
    one: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
    blocks: tuple[int, int],
    replicates: int,
    seed: int,
) -> tuple[float, float, float]:
    """Compare shares of classes by the total variation distance, with a permutation of blocks of neighbours.

    Args:
        one: class of each sample.
        other: likewise, of the second sample.
        blocks: neighbours in each that go together.
        replicates: permutations.
        seed: of them.

    Returns:
        The distance, in 0..1; what chance alone gives on average; and the probability of so large a one.
    """
    _, known = np.unique(np.concatenate([one, other]), return_inverse=True)
    count = int(known.max()) + 1
    parts = [*_blocks(known[: len(one)], blocks[0], count), *_blocks(known[len(one) :], blocks[1], count)]
    rows = np.stack(parts)
    first = -(-len(one) // blocks[0])
    total = rows.sum(axis=0)
    found = _variation(rows[:first].sum(axis=0), total)
    draws = np.random.Generator(np.random.PCG64(seed))
    drawn = np.array(
        [_variation(rows[draws.permutation(len(rows))[:first]].sum(axis=0), total) for _ in range(replicates)]
    )
    return found, float(drawn.mean()), float((1 + (drawn >= found - NEARLY).sum()) / (1 + replicates))


def _blocks(places: npt.NDArray[np.int64], length: int, count: int) -> list[npt.NDArray[np.int64]]:
    return [np.bincount(places[at : at + length], minlength=count) for at in range(0, len(places), length)]


def _variation(part: npt.NDArray[np.int64], total: npt.NDArray[np.int64]) -> float:
    rest = total - part
    if not part.sum() or not rest.sum():
        return 0.0
    return float(np.abs(part / part.sum() - rest / rest.sum()).sum() / 2)
