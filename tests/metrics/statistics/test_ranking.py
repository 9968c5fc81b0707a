from __future__ import annotations

import math

import numpy as np
import pytest

from tflbuild.metrics.statistics import ranking

LABELS = np.array([0] * 10 + [1] * 6) == 1
SCORES = [1, 2, 2, 3, 3, 4, 5, 5, 7, 9, 2, 5, 6, 9, 9, 10]
"""Ties within each side and across both."""

RANDOM = np.array(
    [int(digit) for digit in "0010001110100100101010010011100000110011"],
)
ROUNDED = [
    *(4, 5, 6, 3, 5, 9, 9, 6, 6, 5, 5, 2, 5, 4, 5, 4, 10, 7, 10, 7),
    *(7, 7, 3, 9, 3, 4, 4, 5, 13, 2, 7, 7, 7, 5, 9, 4, 1, 2, 5, 4),
]


@pytest.mark.parametrize(
    ("most", "right"),  # roc_auc_score(LABELS, SCORES, max_fpr=most) of scikit-learn
    [
        (0.05, 0.6153846153846154),
        (0.1, 0.6491228070175439),
        (0.2, 0.6759259259259259),
        (0.5, 0.7555555555555555),
        (1.0, 0.7666666666666667),
    ],
)
def test_areas_up_to_a_false_positive_rate_are_those_of_scikit_learn(most: float, right: float) -> None:
    assert ranking.partial_area(SCORES, LABELS, most) == pytest.approx(right, abs=1e-12)


def test_areas_with_ties_are_those_of_scikit_learn() -> None:
    assert ranking.placements(SCORES, LABELS).area == pytest.approx(0.7666666666666667, abs=1e-12)
    assert ranking.placements([3, 3, 3, 3], np.array([False, False, True, True])).area == 0.5
    assert ranking.partial_area([3, 3, 3, 3], np.array([False, False, True, True]), 0.1) == pytest.approx(0.5)
    assert ranking.placements(ROUNDED, RANDOM == 1).area == pytest.approx(0.7071611253196931, abs=1e-12)
    assert ranking.partial_area(ROUNDED, RANDOM == 1, 0.1) == pytest.approx(0.6411473056041639, abs=1e-12)
    assert ranking.partial_area(ROUNDED, RANDOM == 1, 0.3) == pytest.approx(0.6264020527221971, abs=1e-12)


def kernel(scores: list[float], labels: list[bool]) -> np.ndarray:
    """Compare each abnormal sample with each normal one, as DeLong et al. define it: (abnormal, normal)."""
    high = [score for score, abnormal in zip(scores, labels, strict=True) if abnormal]
    low = [score for score, abnormal in zip(scores, labels, strict=True) if not abnormal]
    return np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in low] for x in high])


def test_the_variance_is_that_of_the_definition() -> None:
    pairs = kernel(SCORES, LABELS.tolist())
    found = ranking.placements(SCORES, LABELS)
    assert found.abnormal == pytest.approx(pairs.mean(axis=1))
    assert found.normal == pytest.approx(pairs.mean(axis=0))
    m, n = pairs.shape
    by_definition = (
        sum((row.mean() - pairs.mean()) ** 2 for row in pairs) / (m - 1) / m
        + sum((column.mean() - pairs.mean()) ** 2 for column in pairs.T) / (n - 1) / n
    )
    assert ranking.variance(found) == pytest.approx(by_definition)


def test_the_variance_of_a_difference_counts_what_both_share() -> None:
    other = [score + (3 if place % 4 == 0 else 0) for place, score in enumerate(SCORES)]
    first, second = kernel(SCORES, LABELS.tolist()), kernel(other, LABELS.tolist())
    change = second - first
    m, n = change.shape
    right = change.mean(axis=1).var(ddof=1) / m + change.mean(axis=0).var(ddof=1) / n
    placed = [ranking.placements(scores, LABELS) for scores in (SCORES, other)]
    assert ranking.variance(placed[1], placed[0]) == pytest.approx(right)
    assert ranking.variance(placed[0], placed[0]) == 0


def test_a_single_sample_of_a_side_has_no_variance() -> None:
    found = ranking.placements([1, 2, 3], np.array([False, False, True]))
    assert found.area == 1
    assert math.isnan(ranking.variance(found))


def test_a_resample_is_the_area_of_the_samples_it_draws() -> None:
    weights = np.array([[1] * 16, [2, 0, 1, 0, 1, 1, 0, 3, 1, 1, 0, 2, 1, 1, 0, 2]], np.int32)
    drawn = np.repeat(np.arange(16), weights[1])
    again = ranking.partial_area(np.array(SCORES)[drawn], LABELS[drawn], 0.2)
    assert ranking.partial_areas(SCORES, LABELS, 0.2, weights) == pytest.approx([0.6759259259259259, again])


def test_the_curve_runs_from_nothing_to_everything() -> None:
    false, true, thresholds = ranking.curve([1, 2, 2, 3], np.array([False, False, True, True]))
    assert false.tolist() == [0, 0, 0.5, 1]
    assert true.tolist() == [0, 0.5, 1, 1]
    assert thresholds.tolist() == [math.inf, 3, 2, 1]
