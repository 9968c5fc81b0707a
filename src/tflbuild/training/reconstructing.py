"""Losses of an autoencoder: how far it is from its input, and from what a teacher makes of that."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tflbuild.training.losses import Loss


def squared_error() -> Loss:
    """Give the mean squared error of a batch; the targets are what the model is to give."""

    def loss(made: Any, targets: tuple[Any, ...]) -> Any:
        (wanted,) = targets
        return tf.reduce_mean(tf.square(tf.reshape(made, tf.shape(wanted)) - wanted))

    return loss


def taught(whole: Loss, weight: float) -> Loss:
    """Give (1 - weight) of the usual loss and `weight` of the mean squared distance to what the teacher gives.

    Args:
        whole: the usual loss.
        weight: share of the teacher, in 0..1.
    """

    def loss(made: Any, targets: tuple[Any, ...]) -> Any:
        *given, said = targets
        distance = tf.reduce_mean(tf.square(made - tf.reshape(said, tf.shape(made))))
        return (1 - weight) * whole(made, tuple(given)) + weight * distance

    return loss
