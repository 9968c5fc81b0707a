"""Clustering of kernels, against k-means by hand, numpy and tfmot's own lookup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.modalities.image.modality import ImageModality

pytestmark = pytest.mark.slow

SCALED = ImageModality(scale=1 / 255, offset=0.0).scaled

EVERY_STEP = 1e-9  # seconds between two checkpoints


def test_first_centroids_by_hand() -> None:
    from tflbuild.training.codebooks import FAR, initial_centroids

    weights = np.array([0, 1, 2, 10, 11, 30], np.float32)
    assert initial_centroids(weights, 3, "linear").tolist() == [0, 15, 30]
    # a sixth, a half and five sixths of the way through six sorted weights, interpolated: places 5/6, 5/2, 25/6
    np.testing.assert_allclose(initial_centroids(weights, 3, "density"), [5 / 6, 6, 11 + 19 / 6], rtol=1e-6)
    # by hand: {0 1 2} {10} {11 30} at first; the means 1, 10 and 20.5 give {0 1 2} {10 11} {30}
    np.testing.assert_allclose(initial_centroids(weights, 3, "kmeans"), [1, 10.5, 30], rtol=1e-6)
    few = initial_centroids(np.array([3, 1, 3], np.float32), 4, "linear")
    np.testing.assert_array_equal(few, np.array([1, 3, FAR, FAR], np.float32))


def test_kmeans_agrees_with_plain_lloyd() -> None:
    from tflbuild.training.codebooks import initial_centroids

    weights = np.random.default_rng(0).normal(size=400).astype(np.float32)
    centroids = initial_centroids(weights, 8, "density").astype(np.float64)
    for _ in range(100):
        members = np.abs(weights[:, None] - centroids).argmin(axis=1)
        centroids = np.array([weights[members == k].mean() for k in range(8)])
    np.testing.assert_allclose(initial_centroids(weights, 8, "kmeans"), centroids, atol=1e-5)


def test_lookup_and_its_gradients_are_those_of_tfmot() -> None:
    import tensorflow as tf
    from tensorflow_model_optimization.python.core.clustering.keras.clustering_algorithm import (
        ClusteringAlgorithm,
    )

    from tflbuild.training.clustering import Lookup

    rng = np.random.default_rng(1)
    kernel = tf.Variable(rng.normal(size=(3, 3, 2, 4)).astype(np.float32))
    centroids = np.array([-1.3, 0.9, -0.2, 0.4], np.float32)
    slope = rng.normal(size=kernel.shape).astype(np.float32)  # of an arbitrary loss

    ours = Lookup(centroids[None], None)
    with tf.GradientTape() as tape:
        looked_up = ours(kernel)
        loss = tf.reduce_sum(looked_up * slope)
    gradients = tape.gradient(loss, [kernel, ours.centroids])

    theirs = tf.Variable(centroids)
    algorithm = ClusteringAlgorithm(theirs)
    with tf.GradientTape() as tape:
        expected = algorithm.get_clustered_weight(algorithm.get_pulling_indices(kernel), kernel)
        loss = tf.reduce_sum(expected * slope)
    np.testing.assert_array_equal(looked_up, expected)
    for found, reference in zip(gradients, tape.gradient(loss, [kernel, theirs]), strict=True):
        np.testing.assert_allclose(tf.convert_to_tensor(found), tf.convert_to_tensor(reference), rtol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_each_channel_is_looked_up_among_its_own_centroids(sparse: bool) -> None:
    import tensorflow as tf

    from tflbuild.training.clustering import Lookup

    values = np.random.default_rng(2).normal(size=(1, 1, 40, 3)).astype(np.float32)
    if sparse:
        values[:, :, :20, :2] = 0  # channel 2 has no zeros, and keeps none
    looked_up = np.asarray(Lookup.of(tf.Variable(values), 4, "density", per_channel=True)(values))
    for channel in range(3):
        weights, found = values[0, 0, :, channel], looked_up[0, 0, :, channel]
        kept = weights[weights != 0]
        clusters = 3 if sparse else 4  # one of them is zero
        centroids = np.quantile(kept, (np.arange(clusters) + 0.5) / clusters).astype(np.float32)
        if sparse and channel < 2:
            centroids = np.append(centroids, np.float32(0))
        nearest = centroids[np.abs(weights[:, None] - centroids).argmin(axis=1)]
        np.testing.assert_array_equal(found, np.where(weights == 0, 0, nearest))


@pytest.mark.parametrize("kind", ["kernel", "channel"])
def test_clusters_that_a_kernel_has_are_taken_up_as_they_are(kind: str) -> None:
    import tensorflow as tf

    from tflbuild.training import codebooks
    from tflbuild.training.clustering import Lookup

    draw = np.random.default_rng(4)
    values = draw.choice(np.array([-1.0, 0.0, 0.5, 2.0], np.float32), size=(3, 3, 4, 6))
    values[..., 5] = np.where(values[..., 5] == 0, 0.5, values[..., 5])  # a channel without zeros
    values[..., 4] = np.where(values[..., 4] > 0, 0.5, 0.0)  # and one of fewer values
    if kind == "channel":
        values *= np.linspace(1, 2, 6, dtype=np.float32)
    assert codebooks.clustered(values) == kind
    lookup = Lookup.found_in(tf.Variable(values))
    assert lookup is not None
    assert lookup.centroids.shape == {"kernel": (3,), "channel": (6 * 3,)}[kind]  # besides zero
    np.testing.assert_array_equal(lookup(tf.constant(values)), values)
    drifted = values + draw.normal(scale=0.2, size=values.shape).astype(np.float32)
    found = np.asarray(lookup(tf.constant(drifted)))
    counts = [len(np.unique(found[..., channel])) for channel in range(6)]
    assert all(count <= 4 for count in counts)
    assert counts[4] <= {"kernel": 4, "channel": 2}[kind]
    np.testing.assert_array_equal(found[values == 0], 0.0)


def test_clusters_are_found_where_half_the_weights_or_more_coincide() -> None:
    from tflbuild.training import codebooks

    rng = np.random.default_rng(3)
    free = rng.normal(size=(1, 1, 32, 8)).astype(np.float32)
    assert codebooks.clustered(free) == ""
    assert (
        codebooks.clustered(np.where(rng.random(free.shape) < 0.9, 0, free)) == ""
    )  # pruned is not clustered
    few = rng.choice(np.array([-1, 0.5, 2], np.float32), size=free.shape)
    assert codebooks.clustered(few) == "kernel"
    assert codebooks.clustered(few * np.where(rng.random(few.shape) < 0.5, 0, 1)) == "kernel"
    scaled = few * np.linspace(1, 2, 8, dtype=np.float32)  # as batch norm, folded, would
    assert codebooks.most_distinct(scaled, False) == 24
    assert codebooks.most_distinct(scaled, True) == 3
    assert codebooks.clustered(rng.permuted(np.linspace(1, 2, 128)).repeat(1).reshape(1, 1, 16, 8)) == ""
    own = np.sign(rng.normal(size=(1, 1, 16, 64))) * np.linspace(1, 2, 64)
    assert (
        codebooks.clustered(own.astype(np.float32)) == "channel"
    )  # 128 values of 1024 weights, but 2 a channel
    wide = rng.choice([1.0, 1.5, 2.0], size=(1, 1, 16, 256)) * rng.normal(size=256)
    assert codebooks.clustered(wide.astype(np.float32)) == "channel"  # 768 values, but 3 a channel
    assert codebooks.clustered(few[..., :1]) == "kernel"
    assert codebooks.clustered(np.zeros((3, 3, 4, 4), np.float32)) == ""


def batches(start: int) -> Iterator[tuple[Any, ...]]:
    for step in range(start, 10):
        draw = np.random.default_rng(step)
        yield draw.integers(0, 256, (4, 8, 8, 3)).astype(np.uint8), draw.integers(0, 2, 4).astype(np.int32)


def cut_short(start: int) -> Iterator[tuple[Any, ...]]:
    for step, batch in enumerate(batches(start), start):
        if step == 6:
            raise KeyboardInterrupt
        yield batch


def train(
    stream: Any, checkpoint: Path | None, per_channel: bool, average: float = 0.0, steps: int = 10
) -> Any:
    import tf_keras

    from tflbuild.training import clustering, codebooks
    from tflbuild.training import loop as training
    from tflbuild.training.losses import classification

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(6, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(2, name="dense"),
        ]
    )
    kernel = model.get_layer("conv").kernel
    kernel.assign(
        np.where(np.abs(kernel.numpy()) < np.quantile(np.abs(kernel.numpy()), 0.3), 0, kernel.numpy())
    )
    names = [weight.name for weight in model.weights]
    clusters = codebooks.clusterable(model, {"conv": 4, "dense": 4}, per_channel)
    assert clusters == {"conv": 4, "dense": 4}
    beside = clustering.Clustering(
        model, lambda layer, kernel: clustering.Lookup.of(kernel, clusters[layer], "kmeans", per_channel)
    )
    schedule = training.Schedule(steps=steps, learning_rate=3e-2, warmup=0, average=average)
    watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=EVERY_STEP)
    training.fit(model, stream, classification(True, 0.0), schedule, SCALED, watch)
    beside.finish()
    assert [weight.name for weight in model.weights] == names
    return model


@pytest.mark.parametrize(("per_channel", "average"), [(False, 0.0), (True, 0.9)])
def test_a_clustering_that_was_killed_ends_with_the_same_weights(
    per_channel: bool, average: float, tmp_path: Path
) -> None:
    whole = train(batches, None, per_channel, average).get_weights()
    with pytest.raises(KeyboardInterrupt):
        train(cut_short, tmp_path / "state.npz", per_channel, average)
    assert (tmp_path / "state.npz").is_file()
    resumed = train(batches, tmp_path / "state.npz", per_channel, average).get_weights()
    for expected, found in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(found, expected)
    kernel = whole[0]
    rows = kernel.reshape(-1, 6).T if per_channel else kernel.reshape(1, -1)
    assert all(len(np.unique(row)) <= 4 for row in rows)
    assert np.mean(kernel == 0) >= 0.3


def test_weights_and_centroids_both_move() -> None:
    first = train(batches, None, False, steps=1).get_weights()[0]  # the centroids moved once
    last = train(batches, None, False).get_weights()[0]
    one, ten = np.unique(first), np.unique(last)
    assert len(one) == len(ten) == 4
    assert np.abs(one - ten).max() > 0.01
    assert (np.searchsorted(one, first) != np.searchsorted(ten, last)).any()  # some changed their cluster
