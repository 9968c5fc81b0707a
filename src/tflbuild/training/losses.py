"""Losses of classifiers, detectors, regressions and keypoints in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

Loss = Callable[[Any, tuple[Any, ...]], Any]
"""Function from a model's outputs and the targets of a batch to a scalar."""

BOX_WEIGHT = 1.0
NEGATIVES = 3.0
"""Background boxes per matched box that hard negative mining keeps."""


def classification(from_logits: bool, smoothing: float) -> Loss:
    """Give the mean cross entropy.

    Args:
        from_logits: whether the model ends before its softmax.
        smoothing: share of each target that is spread evenly over all classes.
    """

    def loss(scores: Any, targets: tuple[Any, ...]) -> Any:
        (labels,) = targets
        classes = scores.shape[-1]
        wanted = tf.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
        logits = scores if from_logits else tf.math.log(tf.maximum(scores, 1e-7))
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))

    return loss


def independent(smoothing: float) -> Loss:
    """Give the mean binary cross entropy of a classifier whose scores are independent probabilities.

    Args:
        smoothing: share of each target that is spread evenly over all classes.
    """

    def loss(scores: Any, targets: tuple[Any, ...]) -> Any:
        (labels,) = targets
        classes = scores.shape[-1]
        wanted = tf.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
        hit, miss = (tf.math.log(tf.maximum(share, 1e-7)) for share in (scores, 1 - scores))
        return -tf.reduce_mean(tf.reduce_sum(wanted * hit + (1 - wanted) * miss, axis=-1))

    return loss


def detection(kind: str) -> Loss:
    """Give classification plus smooth-L1 box loss, per matched box of the batch.

    Targets are `boxes` (batch, anchors, 4) float32, coded, and `labels` (batch, anchors) int32, -1 for
    background.

    Args:
        kind: "focal" or "hard_negative".
    """
    classify = focal if kind == "focal" else hard_negative

    def loss(outputs: Any, targets: tuple[Any, ...]) -> Any:
        code, logits = outputs
        boxes, labels = targets
        matched = tf.cast(labels >= 0, tf.float32)
        count = tf.maximum(tf.reduce_sum(matched), 1.0)
        shift = tf.reduce_sum(huber(code - boxes), axis=-1) * matched
        return (classify(logits, labels, matched) + BOX_WEIGHT * tf.reduce_sum(shift)) / count

    return loss


def values(kind: str, deviation: Sequence[float]) -> Loss:
    """Give the mean error of real numbers, each in units of its deviation.

    Args:
        kind: "mse", "mae" or "huber".
        deviation: of each number; one for all where there is one.
    """
    error: Mapping[str, Callable[[Any], Any]] = {"mse": tf.square, "mae": tf.abs, "huber": huber}
    unit = tf.constant(deviation, tf.float32)

    def loss(found: Any, targets: tuple[Any, ...]) -> Any:
        return tf.reduce_mean(error[kind]((found - targets[0]) / unit))

    return loss


def heatmaps(found: Any, targets: tuple[Any, ...]) -> Any:
    """Give the mean cross entropy over the cells of each heatmap that counts.

    Targets are heatmaps (batch, rows, columns, points) float32, each of which sums to 1, and (batch, points) float32,
    0 for those that do not count.
    """
    wanted, counts = targets
    return tf.reduce_sum(-flat(wanted) * tf.nn.log_softmax(flat(found), axis=1)) / tf.maximum(
        tf.reduce_sum(counts), 1.0
    )


def flat(maps: Any) -> Any:
    """Give heatmaps as (batch, cells, points)."""
    _, rows, columns, points = maps.shape
    return tf.reshape(maps, (-1, rows * columns, points))


def huber(error: Any) -> Any:
    """Give smooth L1: quadratic up to an error of 1, linear beyond."""
    size = tf.abs(error)
    return tf.where(size < 1.0, 0.5 * size * size, size - 0.5)


def focal(logits: Any, labels: Any, matched: Any, gamma: float = 2.0, alpha: float = 0.25) -> Any:
    """Sum the focal loss over all boxes and classes.

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017.
    """
    wanted = tf.one_hot(labels, logits.shape[-1])
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
    score = tf.sigmoid(logits)
    miss = wanted * (1 - score) + (1 - wanted) * score
    balance = wanted * alpha + (1 - wanted) * (1 - alpha)
    return tf.reduce_sum(balance * miss**gamma * entropy)


def hard_negative(logits: Any, labels: Any, matched: Any) -> Any:
    """Sum the cross entropy over matched boxes and the hardest background boxes, three for one.

    References:
        Liu et al., SSD: Single Shot MultiBox Detector, 2016.
    """
    wanted = tf.one_hot(labels, logits.shape[-1])
    entropy = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits), axis=-1)
    background = tf.stop_gradient(entropy) * (1 - matched)
    allowed = tf.reduce_sum(matched, axis=1, keepdims=True) * NEGATIVES
    rank = tf.argsort(tf.argsort(background, axis=1, direction="DESCENDING", stable=True), axis=1)
    hard = tf.cast(tf.cast(rank, tf.float32) < tf.maximum(allowed, 1.0), tf.float32) * (1 - matched)
    return tf.reduce_sum(entropy * (matched + hard))
