"""Weight clustering: train kernels to hold few distinct values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras  # noqa: F401  # before tfmot, which would take Keras 3
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

from tflbuild.training import tfmot
from tflbuild.training.codebooks import (
    Floats,
    Initialization,
    clustered,
    free_weights,
    initial_centroids,
    rows_of,
    sparse,
)
from tflbuild.training.loop import Hooks


class Clustering:
    """A model whose kernels are, while it trains, the nearest of a few centroids that train with them.

    The model itself changes: each of these layers, fake-quantized or not, computes with looked-up values and gains a
    variable, its centroids, until `finish`. So a checkpoint of the model's variables is all there is to keep. Sparse
    kernels keep their zeros, clustered or not.

    Args:
        model: a `tf_keras.Model`; trained in place.
        lookup: gives what is looked up in place of a kernel, by the name of its layer and the kernel; None for a kernel
            that is left.
    """

    def __init__(self, model: Any, lookup: Callable[[str, Any], Lookup | None]) -> None:
        self._places: list[tuple[Any, Any, Lookup]] = []
        self._masks: list[tuple[Any, Floats]] = []
        for layer in tfmot.prunable_layers(model):
            for kernel in tfmot.kernels_of(layer):
                found = lookup(tfmot.name_of(layer, kernel).split("/")[0], kernel)
                if found is not None:
                    self._look_up(layer, kernel, found)
                elif sparse(kernel.numpy()):
                    # tfmot forgets those whose output is not quantized, as before a Concatenate
                    self._masks.append((kernel, (kernel.numpy() != 0).astype(np.float32)))

    def _look_up(self, layer: Any, kernel: Any, lookup: Lookup) -> None:
        self._places.append((layer, kernel, lookup))
        layer._trainable_weights = [*layer._trainable_weights, lookup.centroids]
        if _quantized(layer):
            layer._weight_vars = [
                (variable, _LookedUp(quantizer, lookup) if variable is kernel else quantizer, ends)
                for variable, quantizer, ends in layer._weight_vars
            ]
        else:
            inner = getattr(layer, "layer", layer)
            vars(inner)["call"] = _looking_up(inner, kernel, lookup)

    def hooks(self) -> Hooks:
        """Give what a training must do in each step."""

        def after() -> None:
            for kernel, mask in self._masks:
                kernel.assign(kernel * mask)

        return Hooks(after=after)

    def finish(self) -> None:
        """Write the looked-up values into the kernels and leave the model as it was built."""
        for layer, kernel, lookup in self._places:
            kernel.assign(lookup(kernel))
            layer._trainable_weights = [v for v in layer._trainable_weights if v is not lookup.centroids]
            if _quantized(layer):
                layer._weight_vars = [
                    (variable, quantizer.usual if isinstance(quantizer, _LookedUp) else quantizer, ends)
                    for variable, quantizer, ends in layer._weight_vars
                ]
            else:
                vars(getattr(layer, "layer", layer)).pop("call", None)


class _LookedUp:
    """tfmot's quantizer of a kernel, given the looked-up values."""

    def __init__(self, usual: Any, lookup: Lookup) -> None:
        self.usual = usual
        self._lookup = lookup

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        return self.usual(self._lookup(inputs), training, weights, **kwargs)


class Lookup:
    """A lookup in the place of a kernel: it gives the nearest centroid for each weight.

    Both train, as in tfmot: a centroid with the sum of its members' gradients, a weight straight through the lookup,
    so that it may move to another cluster. tfmot's own wrappers are not used because they leave out, per channel,
    every convolution without a bias, fail on a channel that is nearly all zeros, and need clusters x weights floats.

    Args:
        centroids: (rows, clusters) float32 to start from; one row, or one for each output channel. Without zero where
            there is a mask.
        mask: where the kernel is not zero, (rows, weights) bool; zeros stay zero. None for a dense kernel.

    Attributes:
        centroids: those that train, flat, as a `tf.Variable`.

    References:
        Han et al., Deep Compression, 2016.
        TensorFlow Model Optimization, `ClusterWeights`.
    """

    def __init__(self, centroids: Floats, mask: npt.NDArray[np.bool_] | None) -> None:
        self._shape = centroids.shape
        self._mask = mask
        self.centroids = tf.Variable(centroids.ravel(), name="centroids")

    @classmethod
    def of(cls, kernel: Any, clusters: int, initialization: Initialization, per_channel: bool) -> Lookup:
        """Choose the first centroids of a kernel; one of the clusters is zero where the kernel is sparse."""
        rows = rows_of(kernel.numpy(), per_channel)
        mask = rows != 0 if sparse(rows) else None
        free = clusters - (mask is not None)
        chosen = [initial_centroids(row, free, initialization) for row in free_weights(rows, mask)]
        return cls(np.stack(chosen), mask)

    @classmethod
    def found_in(cls, kernel: Any) -> Lookup | None:
        """Take up the clusters that a kernel has already; None where it has none."""
        values = kernel.numpy()
        kind = clustered(values)
        if not kind:
            return None
        rows = rows_of(values, kind == "channel")
        mask = rows != 0 if sparse(rows) else None
        most = max(len(np.unique(row)) for row in free_weights(rows, mask))
        return cls(np.stack([initial_centroids(row, most) for row in free_weights(rows, mask)]), mask)

    def __call__(self, kernel: Any) -> Any:
        """Give a kernel's values, of the kernel's shape; differentiable in the kernel and in the centroids."""
        channels = len(kernel.shape) - 1
        last_first = [channels, *range(channels)]
        turned = tf.transpose(kernel, last_first) if self._shape[0] > 1 else kernel
        rows = tf.reshape(turned, (self._shape[0], -1))
        centroids = tf.reshape(self.centroids, self._shape)
        if (
            self._mask is not None
        ):  # a channel without zeros gets none: its first centroid a second time instead
            zero = tf.where(self._mask.all(axis=1, keepdims=True), centroids[:, :1], 0.0)
            centroids = tf.concat([centroids, zero], axis=1)
        values = nearest(rows, centroids) + (rows - tf.stop_gradient(rows))
        if self._mask is not None:
            values = tf.where(self._mask, values, 0.0)
        values = tf.reshape(values, turned.shape)
        return tf.transpose(values, [*range(1, channels + 1), 0]) if self._shape[0] > 1 else values


def nearest(weights: Any, centroids: Any) -> Any:
    """Give for each weight the nearest centroid of its row.

    Args:
        weights: (rows, weights) float32.
        centroids: (rows, clusters) float32.

    Returns:
        (rows, weights) float32, differentiable in the centroids.
    """
    ordered = tf.sort(centroids, axis=1)
    borders = (ordered[:, 1:] + ordered[:, :-1]) / 2
    return tf.gather(ordered, tf.searchsorted(borders, tf.stop_gradient(weights)), axis=1, batch_dims=1)


def _quantized(layer: Any) -> bool:
    """Say whether a layer's kernel is fake-quantized, not only its output."""
    return isinstance(layer, QuantizeWrapper) and bool(layer._weight_vars)


def _looking_up(layer: Any, kernel: Any, lookup: Lookup) -> Callable[..., Any]:
    """Give a layer's `call` with a kernel looked up; the variable stays where Keras tracks it."""
    usual = layer.call
    name = next(name for name, value in vars(layer).items() if value is kernel)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def call(*args: Any, **options: Any) -> Any:
        vars(layer)[name] = lookup(kernel)
        try:
            return usual(*args, **options)
        finally:
            vars(layer)[name] = kernel

    return call  # type: ignore[no-any-return]
