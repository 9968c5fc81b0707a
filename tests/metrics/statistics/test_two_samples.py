"""Two independent samples, against numbers by hand and published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tflbuild.metrics.statistics import two_samples as two


def test_the_probability_of_a_distance_is_that_of_counted_orders() -> None:
    """Of the 6 orders of aabb the distance is 1 in 2 (aabb, bbaa), 1/2 in the other 4; of 20 of three it is 1 in 2."""
    assert two.chance_of(1.0, 2, 2) == pytest.approx(2 / 6)
    assert two.chance_of(0.5, 2, 2) == pytest.approx(1.0)
    assert two.chance_of(1.0, 3, 3) == pytest.approx(2 / 20)
    assert two.chance_of(1.0, 1, 4) == pytest.approx(2 / 5)
    assert two.chance_of(0.0, 5, 7) == 1.0


def test_the_probability_is_that_of_random_orders_for_unequal_sizes() -> None:
    rng = np.random.default_rng(0)
    n, m, limit = 7, 12, 0.5
    drawn = [two.distance(values[:n], values[n:]) for values in rng.random((20_000, n + m))]
    share = float((np.array(drawn) >= limit - 1e-9).mean())
    assert two.chance_of(limit, n, m) == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 20_000))


def test_tiny_probabilities_stay_exact() -> None:
    """All of 30 below all of 40: 2 of the orders of 70."""
    assert two.chance_of(1.0, 30, 40) == pytest.approx(2 / math.comb(70, 30), rel=1e-9)


def test_the_table_of_critical_distances_is_met() -> None:
    """c(0.05) is 1.358 (Smirnov 1948), so that two samples of 100 show 0.192."""
    assert two.least_distance(100, 100, 0.05) == pytest.approx(1.358 * math.sqrt(2 / 100), abs=1e-4)
    wanted = two.enough(0.192, 100, 0.05)
    assert wanted is not None
    assert 99 <= wanted <= 101
    assert two.enough(0.1, 100, 0.05) is None


def test_the_stability_index_of_two_bins_by_hand() -> None:
    """Training halves at 0 and 1; the field has a quarter and three quarters: 0.25 ln 2 + 0.25 ln 1.5, smoothed."""
    one, other = np.repeat([0.0, 1.0], 5000), np.repeat([0.0, 1.0], [2500, 7500])
    by_hand = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert two.stability_index(one, other) == pytest.approx(by_hand, abs=1e-3)
    assert two.index_of_noise(100, 100) == pytest.approx(16.919 * 0.02)


def test_what_the_index_stays_below_by_chance_holds_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(1)
    found = [two.stability_index(*rng.normal(size=(2, 400))) for _ in range(400)]
    beyond = float((np.array(found) > two.index_of_noise(400, 400)).mean())
    assert 0.02 <= beyond <= 0.08


def test_frames_of_a_film_count_as_few() -> None:
    """Of an autoregression with factor r, n values are worth n (1 - r) / (1 + r) (Geyer 1992): here 1000 / 19."""
    rng = np.random.default_rng(2)
    values = np.zeros(1000)
    for place in range(1, 1000):
        values[place] = 0.9 * values[place - 1] + rng.normal()
    assert 25 <= two.independent(values) <= 110
    assert two.independent(rng.normal(size=1000)) > 700
    assert two.independent(np.ones(50)) == 50


def test_shares_of_classes_differ_beyond_chance_or_not() -> None:
    one, other = np.repeat([0, 1], 20), np.repeat([0, 1], [36, 4])
    found, usual, chance = two.shares_differ(one, other, (1, 1), 999, 0)
    assert found == pytest.approx(0.4)
    assert usual < 0.15
    assert chance <= 0.002
    assert two.shares_differ(one, one, (1, 1), 99, 0)[2] == 1.0
    assert two.shares_differ(one, other, (20, 20), 99, 0)[2] > 0.2, "two blocks each decide nothing"
