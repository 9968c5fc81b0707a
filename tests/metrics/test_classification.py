"""Classification metrics, by hand, and their intervals against published figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tflbuild.metrics.classification import Top1, Top5
from tflbuild.metrics.resampling import paired_difference, resamples, wilson


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


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe 1998 (two-sided intervals for the single proportion), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_the_paired_interval_holds_the_true_difference_in_about_95_of_100_cases() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        before = rng.uniform(size=200) < 0.8
        after = np.where(rng.uniform(size=200) < 0.1, ~before, before)  # true difference: 0.1 * (0.2 - 0.8)
        value, low, high = paired_difference(before, after)
        assert low <= value <= high
        held += low <= -0.06 <= high
    assert 930 <= held <= 985


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


def test_resamples_draw_as_many_images_and_are_the_same_every_time() -> None:
    drawn = resamples(17)
    assert (drawn.sum(axis=1) == 17).all()
    assert np.array_equal(drawn, resamples(17))
