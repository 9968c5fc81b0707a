"""Losses, on numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytestmark = pytest.mark.slow

EVEN = math.log(2)  # cross entropy of a score of one half


def test_smooth_l1_is_quadratic_below_one_and_linear_beyond() -> None:
    from tflbuild.backends.losses import huber

    np.testing.assert_allclose(huber(np.float32([0, 0.5, -1, 3])), [0, 0.125, 0.5, 2.5])


def test_hard_negatives_are_three_for_each_match() -> None:
    from tflbuild.backends.losses import hard_negative

    # one match with logit 0; six background boxes: three of logit 0 are the hardest, three certain ones cost 0
    labels = np.array([[0, -1, -1, -1, -1, -1, -1]], np.int32)
    logits = np.array([[0, 0, 0, 0, -40, -40, -40]], np.float32)[..., None]
    loss = float(hard_negative(logits, labels, (labels >= 0).astype(np.float32)))
    assert loss == pytest.approx(4 * EVEN)


def test_fourth_hard_negative_is_left_out() -> None:
    from tflbuild.backends.losses import hard_negative

    labels = np.array([[0, -1, -1, -1, -1]], np.int32)
    logits = np.zeros((1, 5, 1), np.float32)
    assert float(hard_negative(logits, labels, (labels >= 0).astype(np.float32))) == pytest.approx(4 * EVEN)


def test_focal_loss_weighs_a_score_by_how_wrong_it_is() -> None:
    from tflbuild.backends.losses import focal

    # a half: (1/2)^2 * log 2, times 0.25 for the object and 0.75 for the background
    labels = np.array([[0, -1]], np.int32)
    loss = float(focal(np.zeros((1, 2, 1), np.float32), labels, None))
    assert loss == pytest.approx(EVEN * 0.25)


def test_boxes_of_the_background_cost_nothing() -> None:
    from tflbuild.backends.losses import detection

    labels = np.array([[0, -1]], np.int32)
    code = np.array([[[0.5, 0, 0, 0], [9, 9, 9, 9]]], np.float32)
    logits = np.array([[[40], [-40]]], np.float32)
    loss = detection("hard_negative")((code, logits), (np.zeros_like(code), labels))
    assert float(loss) == pytest.approx(0.125, abs=1e-5)


def test_image_without_objects_has_a_finite_loss() -> None:
    from tflbuild.backends.losses import detection

    labels = np.full((1, 2), -1, np.int32)
    for kind in ("focal", "hard_negative"):
        loss = detection(kind)(
            (np.zeros((1, 2, 4), np.float32), np.zeros((1, 2, 3), np.float32)), (0.0, labels)
        )
        assert math.isfinite(float(loss))


def test_probabilities_and_logits_cost_the_same() -> None:
    from tflbuild.backends.losses import classification

    logits = np.array([[0.0, math.log(3)]], np.float32)
    scores = np.array([[0.25, 0.75]], np.float32)
    target = (np.array([1], np.int32),)
    for smoothing in (0.0, 0.2):
        from_logits = float(classification(True, smoothing)(logits, target))
        assert from_logits == pytest.approx(float(classification(False, smoothing)(scores, target)), abs=1e-6)
    assert float(classification(True, 0.0)(logits, target)) == pytest.approx(-math.log(0.75), abs=1e-6)


def test_independent_scores_are_held_to_each_class_by_itself() -> None:
    import tensorflow as tf

    from tflbuild.backends import losses

    scores = tf.constant([[0.9, 0.2], [0.5, 0.5]])
    found = float(losses.independent(0.0)(scores, (tf.constant([0, 1]),)))
    by_hand = -(np.log(0.9) + np.log(0.8) + np.log(0.5) + np.log(0.5)) / 2
    assert found == pytest.approx(by_hand, rel=1e-5)
