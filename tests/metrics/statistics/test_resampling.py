"""Intervals against SciPy, NumPy, published tables and closed forms."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from tflbuild.metrics.statistics.resampling import paired_difference, percentile_interval, resamples, wilson

TABLES = st.tuples(*[st.integers(0, 60)] * 4).filter(any)
"""Images that both models, only the second, only the first and neither has right."""


def pairs(both: int, only_after: int, only_before: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Give `before` and `after` of a two by two table."""
    counts = (both, only_after, only_before, neither)
    before, after = (np.repeat(column, counts) for column in ([1, 0, 1, 0], [1, 1, 0, 0]))
    return before.astype(bool), after.astype(bool)


def test_the_interval_is_the_central_95_of_100() -> None:
    # By hand: of 0, 1, ... 1000 in any order, 2.5 % lie below 25 and 2.5 % above 975.
    values = np.random.default_rng(0).permutation(1001).astype(float)
    assert percentile_interval(values, 500.0) == (25.0, 975.0)


def test_between_two_values_the_interval_goes_by_their_distance() -> None:
    # By hand: 0.025 of the way from 0 to 10, and 0.975.
    assert percentile_interval(np.array([10.0, 0.0]), 5.0) == pytest.approx((0.25, 9.75))


@pytest.mark.parametrize(("point", "interval"), [(3.0, (3.0, 975.0)), (990.0, (25.0, 990.0))])
def test_an_interval_is_widened_to_hold_its_value(point: float, interval: tuple[float, float]) -> None:
    assert percentile_interval(np.arange(1001.0), point) == interval


def test_samples_that_gave_no_value_are_left_out_of_the_interval() -> None:
    values = np.concatenate([np.full(300, math.nan), np.arange(1001.0), np.full(5, math.nan)])
    assert percentile_interval(values, 500.0) == (25.0, 975.0)
    assert all(map(math.isnan, percentile_interval(np.full(3, math.nan), 0.5)))


def test_a_thousand_samples_are_those_of_numpys_generator() -> None:
    """Reports of different runs are compared: their samples have to be the same for good."""
    drawn = np.random.default_rng(20260101).integers(0, 7, (1000, 7)).tolist()
    wanted = [[Counter(row)[image] for image in range(7)] for row in drawn]
    assert resamples(7).tolist() == wanted
    assert resamples(7).dtype == np.int32


def test_how_often_an_image_is_drawn_is_binomial() -> None:
    drawn = resamples(50)
    # Mean 1, variance 50 x 1/50 x 49/50 = 0.98; of 50,000 draws the standard error is about 0.005.
    assert drawn.mean() == 1
    assert drawn.var() == pytest.approx(0.98, abs=0.03)
    assert np.abs(drawn.mean(axis=0) - 1).max() < 0.12  # standard error of one image: 0.031


def test_fewer_samples_may_be_asked_for() -> None:
    assert resamples(7, 3).shape == (3, 7)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys(counts: tuple[int, int]) -> None:
    hits, n = counts
    wanted = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    low, high = wilson(hits, n)
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    assert 0 <= low <= hits / n <= high <= 1


@pytest.mark.parametrize(
    ("table", "value", "low", "high"),
    [
        # Newcombe 1998 (paired data), method 10, its example of 36, 12, 2 and 0.
        ((36, 12, 2, 0), 0.2, 0.0569, 0.3404),
        # Fagerland, Lydersen and Laake 2014, Newcombe's interval for Bentur's transplantations.
        ((1, 1, 7, 12), -0.286, -0.507, -0.026),
    ],
)
def test_the_paired_interval_is_the_published_one(
    table: tuple[int, int, int, int], value: float, low: float, high: float
) -> None:
    digits = 4 if value == 0.2 else 3
    assert [round(end, digits) for end in paired_difference(*pairs(*table))] == [value, low, high]


def newcombe(both: int, after: int, before: int, neither: int) -> tuple[float, float, float]:
    """Follow Newcombe's description of method 10, with SciPy's Wilson intervals."""
    n = both + after + before + neither
    (l2, u2), (l3, u3) = (
        stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
        for hits in (both + after, both + before)
    )
    p2, p3 = (both + after) / n, (both + before) / n
    product, phi = both * neither - after * before, 0.0
    sides = math.sqrt(math.prod([both + after, before + neither, both + before, after + neither]))
    if sides:
        phi = (product if product < 0 else max(product - n / 2, 0)) / sides
    below = (p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u3 - p3) + (u3 - p3) ** 2
    above = (u2 - p2) ** 2 - 2 * phi * (u2 - p2) * (p3 - l3) + (p3 - l3) ** 2
    return p2 - p3, p2 - p3 - math.sqrt(max(below, 0)), p2 - p3 + math.sqrt(max(above, 0))


@settings(deadline=None, derandomize=True, max_examples=50)
@given(TABLES)
@example((36, 14, 0, 0))  # nobody is wrong in both: no correlation
def test_the_paired_interval_is_newcombes_of_scipys_intervals(table: tuple[int, int, int, int]) -> None:
    assert paired_difference(*pairs(*table)) == pytest.approx(newcombe(*table), abs=1e-9)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(TABLES)
def test_a_paired_difference_changes_its_sign_with_its_arguments(table: tuple[int, int, int, int]) -> None:
    before, after = pairs(*table)
    value, low, high = paired_difference(before, after)
    assert paired_difference(after, before) == pytest.approx((-value, -high, -low), abs=1e-12)
    assert low <= value <= high
