"""Losses, on numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytestmark = pytest.mark.slow

EVEN = math.log(2)  # cross entropy of a score of one half


def test_smooth_l1_is_quadratic_below_one_and_linear_beyond() -> None:
    from tflbuild.training.losses import huber

    np.testing.assert_allclose(huber(np.float32([0, 0.5, -1, 3])), [0, 0.125, 0.5, 2.5])


def test_hard_negatives_are_three_for_each_match() -> None:
    from tflbuild.training.losses import hard_negative

    # one match with logit 0; six background boxes: three of logit 0 are the hardest, three certain ones cost 0
    labels = np.array([[0, -1, -1, -1, -1, -1, -1]], np.int32)
    logits = np.array([[0, 0, 0, 0, -40, -40, -40]], np.float32)[..., None]
    loss = float(hard_negative(logits, labels, (labels >= 0).astype(np.float32)))
    assert loss == pytest.approx(4 * EVEN)


def test_fourth_hard_negative_is_left_out() -> None:
    from tflbuild.training.losses import hard_negative

    labels = np.array([[0, -1, -1, -1, -1]], np.int32)
    logits = np.zeros((1, 5, 1), np.float32)
    assert float(hard_negative(logits, labels, (labels >= 0).astype(np.float32))) == pytest.approx(4 * EVEN)


def test_focal_loss_weighs_a_score_by_how_wrong_it_is() -> None:
    from tflbuild.training.losses import focal

    # a half: (1/2)^2 * log 2, times 0.25 for the object and 0.75 for the background
    labels = np.array([[0, -1]], np.int32)
    loss = float(focal(np.zeros((1, 2, 1), np.float32), labels, None))
    assert loss == pytest.approx(EVEN * 0.25)


def test_boxes_of_the_background_cost_nothing() -> None:
    from tflbuild.training.losses import detection

    labels = np.array([[0, -1]], np.int32)
    code = np.array([[[0.5, 0, 0, 0], [9, 9, 9, 9]]], np.float32)
    logits = np.array([[[40], [-40]]], np.float32)
    loss = detection("hard_negative")((code, logits), (np.zeros_like(code), labels))
    assert float(loss) == pytest.approx(0.125, abs=1e-5)


def test_image_without_objects_counts_as_one_match() -> None:
    from tflbuild.training.losses import detection

    labels = np.full((1, 2), -1, np.int32)
    outputs = (np.ones((1, 2, 4), np.float32), np.zeros((1, 2, 3), np.float32))
    # three even scores of the one hardest box; or of both, each weighed by 3/4 and by a half squared
    for kind, wanted in (("hard_negative", 3 * EVEN), ("focal", 6 * 0.75 * 0.25 * EVEN)):
        found = float(detection(kind)(outputs, (np.zeros((1, 2, 4), np.float32), labels)))
        assert found == pytest.approx(wanted, rel=1e-5)


def test_probabilities_and_logits_cost_the_same() -> None:
    from tflbuild.training.losses import classification

    logits = np.array([[0.0, math.log(3)]], np.float32)
    scores = np.array([[0.25, 0.75]], np.float32)
    target = (np.array([1], np.int32),)
    for smoothing in (0.0, 0.2):
        from_logits = float(classification(True, smoothing)(logits, target))
        assert from_logits == pytest.approx(float(classification(False, smoothing)(scores, target)), abs=1e-6)
    assert float(classification(True, 0.0)(logits, target)) == pytest.approx(-math.log(0.75), abs=1e-6)


def test_independent_scores_are_held_to_each_class_by_itself() -> None:
    import tensorflow as tf

    from tflbuild.training import losses

    scores = tf.constant([[0.9, 0.2], [0.5, 0.5]])
    found = float(losses.independent(0.0)(scores, (tf.constant([0, 1]),)))
    by_hand = -(np.log(0.9) + np.log(0.8) + np.log(0.5) + np.log(0.5)) / 2
    assert found == pytest.approx(by_hand, rel=1e-5)


def log(share: float) -> float:
    return math.log(share)


def test_smoothing_spreads_a_share_over_all_classes() -> None:
    from tflbuild.training.losses import classification

    # softmaxes 1/8, 2/8, 5/8 and 1/4, 1/4, 1/2; of three classes each gets a third of 0.3, the label 0.7 more
    logits = np.log(np.float32([[1, 2, 5], [1, 1, 2]]))
    first = -(0.1 * log(1 / 8) + 0.8 * log(2 / 8) + 0.1 * log(5 / 8))
    second = -(0.8 * log(1 / 4) + 0.1 * log(1 / 4) + 0.1 * log(1 / 2))
    found = float(classification(True, 0.3)(logits, (np.array([1, 0], np.int32),)))
    assert found == pytest.approx((first + second) / 2, rel=1e-5)


def test_smoothed_entropy_is_that_of_keras() -> None:
    import tf_keras

    from tflbuild.training import losses

    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(5, 4)).astype(np.float32), rng.integers(0, 4, 5)
    wanted = np.eye(4, dtype=np.float32)[labels]
    keras = tf_keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)(wanted, logits)
    assert float(losses.classification(True, 0.2)(logits, (labels,))) == pytest.approx(float(keras), rel=1e-5)


def test_smoothing_of_independent_scores_by_hand() -> None:
    from tflbuild.training.losses import independent

    # wanted of the first class 0.7 + 0.1, of the others 0.1; summed over classes, the mean over images
    scores = np.float32([[0.9, 0.2, 0.5]])
    wanted = (0.8, 0.1, 0.1)
    by_hand = -sum(w * log(s) + (1 - w) * log(1 - s) for w, s in zip(wanted, (0.9, 0.2, 0.5), strict=True))
    assert float(independent(0.3)(scores, (np.array([0]),))) == pytest.approx(by_hand, rel=1e-5)
    twice = float(independent(0.3)(np.repeat(scores, 2, axis=0), (np.array([0, 0]),)))
    assert twice == pytest.approx(by_hand, rel=1e-5)


def test_a_score_of_nothing_costs_what_a_ten_millionth_does() -> None:
    from tflbuild.training.losses import classification, independent

    scores, label = np.float32([[0, 1]]), (np.array([0]),)
    # the other class has log(1) = 0, and softmax of the logs renormalises by 1 + 1e-7
    assert float(classification(False, 0.0)(scores, label)) == pytest.approx(-log(1e-7), rel=1e-5)
    assert float(independent(0.0)(scores, label)) == pytest.approx(-2 * log(1e-7), rel=1e-5)


def test_focal_loss_of_an_object_and_of_background_by_hand() -> None:
    from tflbuild.training.losses import focal

    # logit log 3 is a score of 3/4: an object misses by 1/4 and weighs 1/4, the background misses by 3/4 and weighs 3/4
    logit = np.full((1, 1, 1), math.log(3), np.float32)
    obj, background = np.array([[0]], np.int32), np.array([[-1]], np.int32)
    assert float(focal(logit, obj, None)) == pytest.approx(0.25 * (1 / 4) ** 2 * -log(3 / 4), rel=1e-5)
    assert float(focal(logit, background, None)) == pytest.approx(0.75 * (3 / 4) ** 2 * -log(1 / 4), rel=1e-5)
    found = float(focal(logit, obj, None, gamma=1.0, alpha=0.4))
    assert found == pytest.approx(0.4 * (1 / 4) * -log(3 / 4), rel=1e-5)


def test_focal_loss_is_that_of_keras() -> None:
    import tf_keras

    from tflbuild.training.losses import focal

    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 2, (2, 5, 3)).astype(np.float32), rng.integers(-1, 3, (2, 5))
    wanted = (labels[..., None] == np.arange(3)).astype(np.float32)
    keras = tf_keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=0.25, gamma=2.0, from_logits=True, reduction="sum"
    )(wanted, logits)  # the mean over three classes
    assert float(focal(logits, labels, None)) == pytest.approx(3 * float(keras), rel=1e-5)


def test_hardest_are_those_of_each_image_by_itself() -> None:
    from tflbuild.training.losses import hard_negative

    # softplus(z) is the cost of a background box of logit z; one match of logit 0 in the first image, none in the other
    labels = np.array([[0, -1, -1, -1, -1, -1], [-1, -1, -1, -1, -1, -1]], np.int32)
    logits = np.array([[0, 1, 5, 2, 4, 3], [1, 2, 9, 3, 4, 5]], np.float32)
    cost = np.log1p(np.exp(logits))
    wanted = (
        EVEN + cost[0, [2, 4, 5]].sum() + cost[1, 2]
    )  # three for the match; the hardest where there is none
    found = float(hard_negative(logits[..., None], labels, (labels >= 0).astype(np.float32)))
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", ["focal", "hard_negative"])
def test_detection_is_both_losses_for_each_matched_box(kind: str) -> None:
    from tflbuild.training import losses

    labels = np.array([[0, -1, 1], [-1, 0, -1]], np.int32)  # three matches
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(2, 3, 2)).astype(np.float32)
    code, boxes = (rng.normal(0, 2, (2, 3, 4)).astype(np.float32) for _ in range(2))
    size = np.abs(code - boxes)
    shift = np.where(size < 1, size**2 / 2, size - 0.5).sum(-1)[labels >= 0].sum()
    classes = float(getattr(losses, kind)(logits, labels, np.float32(labels >= 0)))
    found = float(losses.detection(kind)((code, logits), (boxes, labels)))
    assert found == pytest.approx((classes + shift) / 3, rel=1e-5)
