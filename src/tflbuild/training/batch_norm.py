"""Statistics of batch norm, measured again over many batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Mean and variance that a batch norm normalises by.

    Attributes:
        mean: (channels,).
        variance: (channels,).
    """

    mean: Values
    variance: Values


class _ByBatch(tf_keras.layers.Layer):  # type: ignore[misc]  # tf_keras has no types
    """A batch norm that normalises by its batch, as in training, and keeps what it saw.

    Args:
        norm: the layer whose place it takes.
    """

    def __init__(self, norm: Any) -> None:
        super().__init__(name=norm.name)
        self.norm = norm
        self.seen: tuple[Any, Any] | None = None

    def call(self, inputs: Any) -> Any:
        """Normalise (batch, ..., channels) float32."""
        norm = self.norm
        kept = [axis % inputs.shape.rank for axis in norm.axis]
        others = [axis for axis in range(inputs.shape.rank) if axis not in kept]
        mean, variance = tf.nn.moments(inputs, others, keepdims=True)
        self.seen = (tf.reshape(mean, [-1]), tf.reshape(variance, [-1]))
        scale, shift = (
            None if weight is None else tf.reshape(weight, tf.shape(mean))
            for weight in (norm.gamma, norm.beta)
        )
        return tf.nn.batch_normalization(inputs, mean, variance, shift, scale, norm.epsilon)


def norms_of(model: Any) -> list[Any]:
    """List a model's batch norms, those of nested models too."""
    found = []
    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            found += norms_of(layer)
        elif isinstance(layer, tf_keras.layers.BatchNormalization):
            found.append(layer)
    return found


def population(
    model: Any, batches: Iterable[npt.NDArray[np.uint8]], scaled: Callable[[Any], Any]
) -> dict[str, Statistics]:
    """Give the statistics of every batch norm's input over all images, as if they were one batch.

    While they are measured every batch norm normalises by its batch; all else, e.g. Dropout, computes as on the
    device, since it is the device's inputs that are to be normalised. The moments of the batches are put together
    in float64: mean = E[m] and variance = E[v + m^2] - mean^2 over batches with mean m and variance v.

    Args:
        model: a functional `tf_keras.Model`; its layers are used up: load it anew for anything else.
        batches: each (batch, height, width, channels) uint8; all of one size.
        scaled: makes model values of codes, as floats.

    Returns:
        Statistics by layer name.

    References:
        Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021 (PreciseBN).
    """
    norms = [_ByBatch(norm) for norm in norms_of(model)]
    observed = _replaced(model, {id(norm.norm): norm for norm in norms})

    @tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def moments(images: Any) -> Any:
        observed(scaled(tf.cast(images, tf.float32)), training=False)
        return [norm.seen for norm in norms]

    found = [[np.array(seen, np.float64) for seen in moments(images)] for images in batches]
    return {norm.name: _joined(np.stack([batch[k] for batch in found])) for k, norm in enumerate(norms)}


def assign(model: Any, statistics: dict[str, Statistics]) -> None:
    """Put statistics in the place of a model's own."""
    for norm in norms_of(model):
        found = statistics[norm.name]
        norm.moving_mean.assign(found.mean.astype(np.float32).reshape(norm.moving_mean.shape))
        norm.moving_variance.assign(found.variance.astype(np.float32).reshape(norm.moving_variance.shape))


def moved(model: Any, statistics: dict[str, Statistics]) -> float:
    """Say how far statistics lie from a model's own: the mean shift of means, in standard deviations."""
    shifts = [
        np.abs(statistics[norm.name].mean - norm.moving_mean.numpy())
        / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
        for norm in norms_of(model)
    ]
    return round(float(np.mean(np.concatenate([shift.ravel() for shift in shifts]))), 4)


def changed(before: Any, after: Any) -> list[str]:
    """Name the weights that differ between two models, but for the statistics of batch norm."""
    statistics = {id(v) for norm in norms_of(before) for v in (norm.moving_mean, norm.moving_variance)}
    pairs = zip(before.variables, after.variables, strict=True)
    return [
        old.name
        for old, new in pairs
        if id(old) not in statistics and old.numpy().tobytes() != new.numpy().tobytes()
    ]


def _joined(moments: Values) -> Statistics:
    """Put the moments of batches together.

    Args:
        moments: (batches, 2, channels): mean and variance.
    """
    means, variances = moments[:, 0], moments[:, 1]
    mean = means.mean(axis=0)
    # The same as E[v + m^2] - mean^2, without the difference of large numbers.
    return Statistics(mean=mean, variance=(variances + (means - mean) ** 2).mean(axis=0))


def _replaced(model: Any, instead: dict[int, Any]) -> Any:
    """Give the model with other layers in some places, and its own in all others."""

    def taken(layer: Any) -> Any:
        if isinstance(layer, tf_keras.Model):
            return _replaced(layer, instead)
        return instead.get(id(layer), layer)

    return tf_keras.models.clone_model(model, clone_function=taken)
