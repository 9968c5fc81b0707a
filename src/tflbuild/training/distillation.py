"""Knowledge distillation: a student learns from a trained teacher's outputs, besides the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tflbuild.training.losses import Loss, flat, huber
from tflbuild.training.losses import values as error_of_values

TeacherOutputs = Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]
"""Function from a batch's model values and targets to the targets, followed by the teacher's outputs."""


def query_teacher(teacher: Any) -> TeacherOutputs:
    """Run a teacher on each batch, without training it, and put its outputs behind the targets.

    Args:
        teacher: a `tf_keras.Model` of the student's inputs and outputs.
    """

    def targets(values: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        outputs = teacher(values, training=False)
        return (*given, *(outputs if isinstance(outputs, list | tuple) else (outputs,)))

    return targets


def classification(hard: Loss, weight: float, temperature: float, student: bool, teacher: bool) -> Loss:
    """Give (1 - weight) of the usual loss and `weight` of the distance to the teacher's softened classes.

    The distance is the Kullback-Leibler divergence of the two softened softmaxes, times the squared temperature,
    so that its gradients keep their size whatever the temperature.

    Args:
        hard: the usual loss.
        weight: share of the distillation, in 0..1.
        temperature: divides the logits of both.
        student: whether the student ends before its softmax.
        teacher: whether the teacher does.

    References:
        Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015.
    """

    def loss(scores: Any, targets: tuple[Any, ...]) -> Any:
        *given, said = targets
        wanted = tf.nn.log_softmax(_logits(said, teacher) / temperature)
        found = tf.nn.log_softmax(_logits(scores, student) / temperature)
        distance = tf.reduce_sum(tf.exp(wanted) * (wanted - found), axis=-1)
        soft = temperature**2 * tf.reduce_mean(distance)
        return (1 - weight) * hard(scores, tuple(given)) + weight * soft

    return loss


def detection(hard: Loss, weight: float, temperature: float) -> Loss:
    """Give (1 - weight) of the usual loss and `weight` of the distance to the teacher's classes and boxes.

    Each anchor counts as much as the teacher sees an object there: by its highest score. Otherwise the background,
    of which a detector has hundreds of anchors for each object, would drown what there is to learn. The distance is
    the Kullback-Leibler divergence of the softened scores of each class, times the squared temperature, and the
    smooth L1 of the two box codes; like the usual loss it is summed and divided by the number of matched boxes.

    Args:
        hard: the usual loss.
        weight: share of the distillation, in 0..1.
        temperature: divides the logits of both.

    References:
        Mehta and Ozturk, Object Detection at 200 Frames per Second, 2018 (scaled by the teacher's objectness).
        Chen et al., Learning Efficient Object Detection Models with Knowledge Distillation, 2017.
    """

    def loss(outputs: Any, targets: tuple[Any, ...]) -> Any:
        code, logits = outputs
        boxes, labels, teacher_code, teacher_logits = targets
        count = tf.maximum(tf.reduce_sum(tf.cast(labels >= 0, tf.float32)), 1.0)
        distance = temperature**2 * _divergence(teacher_logits / temperature, logits / temperature)
        shift = tf.reduce_sum(huber(code - teacher_code), axis=-1)
        objectness = tf.reduce_max(tf.sigmoid(teacher_logits), axis=-1)
        soft = tf.reduce_sum(objectness * (distance + shift)) / count
        return (1 - weight) * hard(outputs, (boxes, labels)) + weight * soft

    return loss


def values(hard: Loss, weight: float, deviation: Sequence[float]) -> Loss:
    """Give (1 - weight) of the usual loss and `weight` of the mean squared distance to the teacher's numbers.

    Args:
        hard: the usual loss.
        weight: share of the distillation, in 0..1.
        deviation: the unit of each number.
    """
    distance = error_of_values("mse", deviation)

    def loss(found: Any, targets: tuple[Any, ...]) -> Any:
        *given, said = targets
        return (1 - weight) * hard(found, tuple(given)) + weight * distance(found, (said,))

    return loss


def heatmaps(hard: Loss, weight: float, temperature: float) -> Loss:
    """Give (1 - weight) of the usual loss and `weight` of the divergence from the teacher's softened heatmaps.

    Args:
        hard: the usual loss.
        weight: share of the distillation, in 0..1.
        temperature: divides the logits of both; its square keeps the size of gradients.
    """

    def loss(found: Any, targets: tuple[Any, ...]) -> Any:
        *given, said = targets
        wanted = tf.nn.log_softmax(flat(said) / temperature, axis=1)
        own = tf.nn.log_softmax(flat(found) / temperature, axis=1)
        distance = tf.reduce_sum(tf.exp(wanted) * (wanted - own), axis=1)
        return (1 - weight) * hard(found, tuple(given)) + weight * temperature**2 * tf.reduce_mean(distance)

    return loss


def _divergence(wanted: Any, found: Any) -> Any:
    """Give the divergence of independent classes, summed over them; both are logits."""
    scores = tf.sigmoid(wanted)
    cross = tf.nn.sigmoid_cross_entropy_with_logits(scores, found)
    least = tf.nn.sigmoid_cross_entropy_with_logits(scores, wanted)
    return tf.reduce_sum(cross - least, axis=-1)


def _logits(scores: Any, are_logits: bool) -> Any:
    return scores if are_logits else tf.math.log(tf.maximum(scores, 1e-7))
