"""The few values of clustered kernels: where they start, which kernels have them, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tflbuild.core.errors import BrokenPromise
from tflbuild.training import tfmot

Floats = npt.NDArray[np.float32]
Initialization = Literal["kmeans", "density", "linear"]

MOST = 256
"""Clusters of a kernel: as many as an index of one byte can name."""

WEIGHTS_PER_CLUSTER = 2
"""Weights that are not zero a cluster must have on average, or it saves nothing beside its own value."""

FAR = 1e30
"""A centroid that no weight is near: fills the row of a channel that has fewer than others."""

SHARED = 1.2
"""Values counted channel by channel, relative to those of the kernel, above which channels share them."""

ROUNDS = 100
"""Rounds of k-means at most; it ends when no weight changes its cluster, after about 30."""


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
    whole, channels = _distinct(kernel, False), _distinct(kernel, True)
    weights = np.count_nonzero(kernel)
    shared = sum(channels) > SHARED * sum(whole)
    kinds: tuple[tuple[Literal["kernel", "channel"], list[int]], ...] = (
        ("kernel", whole),
        ("channel", channels),
    )
    for kind, counts in kinds if shared or len(channels) == 1 else reversed(kinds):
        if max(counts) < MOST and 0 < WEIGHTS_PER_CLUSTER * sum(counts) <= weights:
            return kind
    return ""


def _distinct(kernel: Floats, per_channel: bool) -> list[int]:
    """Count the values of each row that are not zero."""
    return [len(np.unique(row[row != 0])) for row in rows_of(kernel, per_channel)]


def most_distinct(kernel: npt.NDArray[Any], per_channel: bool) -> int:
    """Count the distinct values of a kernel, zero among them; the most of any channel, where `per_channel`.

    Args:
        kernel: (..., output channels).
        per_channel: whether each channel is counted by itself.
    """
    return max(len(np.unique(row)) for row in rows_of(kernel, per_channel))


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


def free_weights(rows: Floats, mask: npt.NDArray[np.bool_] | None) -> list[Floats]:
    """Give the weights of each row that centroids are found for."""
    return list(rows) if mask is None else [row[kept] for row, kept in zip(rows, mask, strict=True)]


def rows_of(kernel: npt.NDArray[Any], per_channel: bool) -> npt.NDArray[Any]:
    """Give (rows, weights): one row, or one for each output channel, which is the last axis."""
    if not per_channel:
        return kernel.reshape(1, -1)
    return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
