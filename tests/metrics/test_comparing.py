"""Tests of two sets, held to values of textbooks and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tflbuild.metrics.statistics.comparing import fisher, mann_whitney


def test_fisher_is_that_of_the_lady_tasting_tea() -> None:
    """Fisher, 1935: 3 or more right of 4 cups by guessing is (16 + 1) / 70; all 4 is 1 / 70."""
    assert fisher(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert fisher(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert fisher(0, 4, 4, 4) == pytest.approx(1)


def test_mann_whitney_by_hand() -> None:
    """U = 0 of 9, mean 4.5, variance 9 x 7 / 12 = 5.25; z = (4.5 - 0.5) / sqrt(5.25)."""
    z = 4 / math.sqrt(5.25)
    assert mann_whitney([1, 2, 3], [4, 5, 6]) == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert mann_whitney([4, 5, 6], [1, 2, 3]) == mann_whitney([1, 2, 3], [4, 5, 6])


def test_ties_take_off_variance_and_nothing_is_said_of_nothing() -> None:
    """Ranks 1.5 1.5 | 3.5 3.5: U = 0, mean 2, variance 4/12 x (5 - (6 + 6) / 12) = 4/3; z = 1.5 / sqrt(4/3)."""
    z = 1.5 / math.sqrt(4 / 3)
    assert mann_whitney([1, 1], [2, 2]) == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert mann_whitney([], [1]) == mann_whitney([math.nan], [1]) == mann_whitney([2, 2], [2, 2, 2]) == 1


def test_false_alarms_are_as_rare_as_said() -> None:
    rng = np.random.default_rng(0)
    found = [mann_whitney(rng.normal(size=20), rng.normal(size=50)) < 0.05 for _ in range(400)]
    assert sum(found) <= 32  # 20 are expected; more than 32 are so with a chance of 0.4 %
