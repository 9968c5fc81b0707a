"""Kernels of few distinct values: training them so, and counting them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras  # noqa: F401  # before tfmot, which would take Keras 3
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

from tflbuild.backends import tfmot
from tflbuild.backends.training import Hooks
from tflbuild.core.errors import BrokenPromise

Floats = npt.NDArray[np.float32]
Initialization = Literal["kmeans", "density", "linear"]

MOST = 256
"""Clusters of a kernel: as many as an index of one byte can name."""

WEIGHTS_PER_CLUSTER = 2
"""Weights that are not zero a cluster must have on average, or it saves nothing beside its own value."""

FAR = 1e30
"""A centroid that no weight is near: fills the row of a channel that has fewer than others."""

ROUNDS = 100
"""Of k-means at most; it ends when no weight changes its cluster, after about 30."""


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
                elif sparse(kernel.numpy()) and not _quantized(layer):  # tfmot masks those
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
    """What is looked up in the place of a kernel: for each weight the nearest centroid.

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
        rows = _rows(kernel.numpy(), per_channel)
        mask = rows != 0 if sparse(rows) else None
        free = clusters - (mask is not None)
        chosen = [initial_centroids(row, free, initialization) for row in _free(rows, mask)]
        return cls(np.stack(chosen), mask)

    @classmethod
    def found_in(cls, kernel: Any) -> Lookup | None:
        """Take up the clusters that a kernel has already; None where it has none."""
        values = kernel.numpy()
        kind = clustered(values)
        if not kind:
            return None
        rows = _rows(values, kind == "channel")
        mask = rows != 0 if sparse(rows) else None
        most = max(len(np.unique(row)) for row in _free(rows, mask))
        return cls(np.stack([initial_centroids(row, most) for row in _free(rows, mask)]), mask)

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


def initial_centroids(weights: Floats, clusters: int, initialization: Initialization = "kmeans") -> Floats:
    """Choose the centroids that a clustering starts from.

    Args:
        weights: (weights,) float32; those that are not zero, where zeros are kept.
        clusters: how many.
        initialization: "linear" spaces them evenly from the least to the greatest weight; "density" gives each as
            many weights; "kmeans" starts so and then moves each to the mean of its members until none changes.

    Returns:
        (clusters,) float32, ascending. Where there are no more distinct weights than clusters, those weights, and `FAR`
        for the rest.
    """
    found = np.unique(weights)
    if len(found) <= clusters:
        return np.append(found, np.full(clusters - len(found), FAR)).astype(np.float32)
    if initialization == "linear":
        return np.linspace(found[0], found[-1], clusters, dtype=np.float32)
    centroids = np.quantile(weights, (np.arange(clusters) + 0.5) / clusters).astype(np.float32)
    return _kmeans(weights, centroids) if initialization == "kmeans" else centroids


def _kmeans(weights: Floats, centroids: Floats) -> Floats:
    ordered = np.sort(weights)
    sums = np.concatenate([[0.0], np.cumsum(ordered, dtype=np.float64)])
    ends = np.zeros(0, np.int64)
    for _ in range(ROUNDS):
        before, inner = ends, np.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2)
        ends = np.concatenate([[0], inner, [len(ordered)]])
        if np.array_equal(before, ends):
            break
        counts = np.diff(ends)
        means = np.diff(sums[ends]) / np.maximum(counts, 1)
        centroids = np.where(counts > 0, means, centroids).astype(np.float32)
    return centroids


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


def clusterable(model: Any, clusters: Mapping[str, int], per_channel: bool) -> dict[str, int]:
    """Give the clusters of those layers that have enough weights for them, by name.

    Args:
        model: a float `tf_keras.Model`.
        clusters: how many a layer is to have, by name.
        per_channel: whether each output channel has clusters of its own.
    """
    found = {}
    for layer in tfmot.prunable_layers(model):
        count = clusters.get(layer.name, 0)
        if count and all(_enough(kernel.numpy(), count, per_channel) for kernel in tfmot.kernels_of(layer)):
            found[layer.name] = count
    return found


def _enough(kernel: Floats, clusters: int, per_channel: bool) -> bool:
    rows = kernel.shape[-1] if per_channel else 1
    return bool(np.count_nonzero(kernel) >= WEIGHTS_PER_CLUSTER * clusters * rows)


def clustered(kernel: Floats) -> Literal["", "kernel", "channel"]:
    """Say whether a kernel has few distinct values: as a whole, within each output channel, or not.

    Weights that were trained freely practically never coincide, so that half as many values as weights is the mark.

    Args:
        kernel: (..., output channels).
    """
    kinds: tuple[Literal["kernel", "channel"], ...] = ("kernel", "channel")
    for kind in kinds:
        rows = [row[row != 0] for row in _rows(kernel, kind == "channel")]
        counts = [len(np.unique(row)) for row in rows]
        if max(counts) < MOST and 0 < WEIGHTS_PER_CLUSTER * sum(counts) <= sum(len(row) for row in rows):
            return kind
    return ""


def most_distinct(kernel: npt.NDArray[Any], per_channel: bool) -> int:
    """Count the distinct values of a kernel, zero among them; the most of any channel, where `per_channel`.

    Args:
        kernel: (..., output channels).
        per_channel: whether each channel is counted by itself.
    """
    return max(len(np.unique(row)) for row in _rows(kernel, per_channel))


def census(model: Any) -> dict[str, dict[str, int]]:
    """Count the distinct values of each clustered kernel, by name: of the `kernel`, and the most of a `channel`."""
    return {
        name: {"kernel": most_distinct(values, False), "channel": most_distinct(values, True)}
        for name, values in kernels(model).items()
        if clustered(values)
    }


def check_kept(before: Any, after: Any) -> None:
    """Hold a model's kernels to having no more distinct values than those of another had.

    Args:
        before: the model whose clusters were to be kept.
        after: the one that was made of it.

    Raises:
        BrokenPromise: a kernel has more values; names it.
    """
    found = kernels(after)
    for name, values in kernels(before).items():
        kind = clustered(values)
        if not kind or name not in found:
            continue
        per_channel = kind == "channel"
        had, has = most_distinct(values, per_channel), most_distinct(found[name], per_channel)
        if has > had:
            where = " in an output channel" if per_channel else ""
            raise BrokenPromise(f"{name} had {had} distinct values{where} and now has {has}.")


def kernels(model: Any) -> dict[str, Floats]:
    """Give the values of every kernel that can be clustered, fake-quantized or not, by name."""
    return {
        tfmot.name_of(layer, kernel): kernel.numpy()
        for layer in tfmot.prunable_layers(model)
        for kernel in tfmot.kernels_of(layer)
    }


def sparse(kernel: Floats) -> bool:
    """Say whether a kernel holds zeros worth keeping."""
    return bool(np.mean(kernel == 0) > tfmot.SPARSE)


def _free(rows: Floats, mask: npt.NDArray[np.bool_] | None) -> list[Floats]:
    """Give the weights of each row that centroids are found for."""
    return list(rows) if mask is None else [row[kept] for row, kept in zip(rows, mask, strict=True)]


def _rows(kernel: npt.NDArray[Any], per_channel: bool) -> npt.NDArray[Any]:
    """Give (rows, weights): one row, or one for each output channel, which is the last axis."""
    if not per_channel:
        return kernel.reshape(1, -1)
    return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
