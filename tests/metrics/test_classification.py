"""Classification metrics, by hand; their intervals are held to SciPy and published tables in test_resampling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tflbuild.metrics.classification import Top1, Top5


def answers(
    scores: list[list[float]], labels: list[int], **more: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    names = np.array([f"class{k}" for k in range(len(scores[0]))])
    truth = {"labels": np.array(labels, np.int32), "names": names}
    return {"scores": np.array(scores, np.float32), **more}, truth


def test_top1_counts_the_best_score() -> None:
    measured = Top1().measure(*answers([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]], [0, 1, 1, 0]))
    assert (measured.value, measured.n, measured.unit) == (0.5, 4, "1")
    assert measured.details["per_class"] == {"class0": 0.5, "class1": 0.5}
    assert measured.details["objects"] == {"class0": 2, "class1": 2}


def test_of_equal_scores_the_lower_class_wins() -> None:
    assert Top1().measure(*answers([[0.5, 0.5]], [0])).value == 1.0
    assert Top1().measure(*answers([[0.5, 0.5]], [1])).value == 0.0


def test_top5_looks_at_five_scores() -> None:
    scores = [[0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05]] * 3
    assert Top5().measure(*answers(scores, [0, 4, 5])).value == pytest.approx(2 / 3)


def test_a_class_without_images_has_no_recall() -> None:
    assert Top1().measure(*answers([[0.9, 0.1]], [0])).details["per_class"] == {"class0": 1.0, "class1": None}


def test_a_score_that_is_not_a_number_gives_a_value_that_is_none() -> None:
    broken, truth = answers([[math.nan, 0.1]], [0])
    assert math.isnan(Top1().measure(broken, truth).value)
    assert math.isnan(Top1().compare(broken, broken, truth).value)


def test_a_class_that_the_model_lacks_is_never_right_and_is_said() -> None:
    predictions, truth = answers(
        [[-math.inf, 0.4, 0.6], [-math.inf, 0.9, 0.1]], [0, 1], missing=np.array(["class0"])
    )
    measured = Top1().measure(predictions, truth)
    assert measured.value == 0.5
    assert measured.details["not_in_model"] == ["class0"]


def test_a_paired_difference_is_after_less_before() -> None:
    before, truth = answers([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.1]], [0, 0, 0, 1])
    after, _ = answers([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], [0, 0, 0, 1])
    difference = Top1().compare(before, after, truth)
    assert (difference.value, difference.n) == (0.5, 4)
    assert difference.low < 0.5 < difference.high
    assert Top1().compare(after, before, truth).value == -0.5


def test_a_classifier_does_not_differ_from_itself() -> None:
    predictions, truth = answers([[0.9, 0.1], [0.2, 0.8]] * 50, [0, 0] * 50)
    difference = Top1().compare(predictions, predictions, truth)
    assert difference.value == 0.0
    assert difference.low <= 0.0 <= difference.high


def test_a_measurement_holds_wilsons_interval_and_what_one_image_adds() -> None:
    scores = [[0.9, 0.1]] * 100
    measured = Top1().measure(*answers(scores, [0] * 80 + [1] * 20))
    interval = stats.binomtest(80, 100).proportion_ci(0.95, "wilson")
    assert (measured.low, measured.high) == pytest.approx((interval.low, interval.high))
    assert measured.variance == pytest.approx(0.16)  # of a Bernoulli variable: 0.8 x 0.2
    assert measured.details["per_class"] == {"class0": 1.0, "class1": 0.0}


def test_a_difference_holds_newcombes_interval_and_what_one_image_adds() -> None:
    right, wrong = [0.9, 0.1], [0.1, 0.9]
    before, truth = answers([right] * 36 + [wrong] * 12 + [right] * 2, [0] * 50)
    after, _ = answers([right] * 36 + [right] * 12 + [wrong] * 2, [0] * 50)
    difference = Top1().compare(before, after, truth)
    # Newcombe 1998 (paired data), method 10, its example of 36, 12, 2 and 0.
    assert (difference.low, difference.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    # By hand: 14 of 50 images differ by one, of a mean of 0.2: 0.28 - 0.04.
    assert difference.variance == pytest.approx(0.24)


def test_one_score_that_is_no_number_spoils_either_side_of_a_difference() -> None:
    good, truth = answers([[0.9, 0.1], [0.2, 0.8]], [0, 0])
    bad, _ = answers([[0.9, 0.1], [0.2, math.nan]], [0, 0])
    for before, after in ((good, bad), (bad, good)):
        difference = Top1().compare(before, after, truth)
        assert all(map(math.isnan, (difference.value, difference.low, difference.high)))
        assert difference.n == 2
    assert Top1().measure(bad, truth).n == 2
