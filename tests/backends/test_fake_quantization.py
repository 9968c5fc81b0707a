"""Fake-quantized models that keep clusters, leave layers out and freeze batch norm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning"),
]

EVERY_STEP = 1e-9  # seconds between two checkpoints
RANGE = (0.0, 1.0)


def batches(start: int) -> Iterator[tuple[Any, ...]]:
    for step in range(start, 8):
        draw = np.random.default_rng(step)
        yield draw.integers(0, 256, (4, 8, 8, 3)).astype(np.uint8), draw.integers(0, 2, 4).astype(np.int32)


def cut_short(start: int) -> Iterator[tuple[Any, ...]]:
    for step, batch in enumerate(batches(start), start):
        if step == 6:
            raise KeyboardInterrupt
        yield batch


def build() -> Any:
    """Give a network whose kernels have four values each, zero among them but in `a`."""
    from tflbuild.backends import keras
    from tflbuild.backends.keras import Model, layers

    keras.seed(0)
    tensor = image = layers.Input((8, 8, 3), name="image")
    for name in ("a", "b"):
        tensor = layers.Conv2D(6, 3, padding="same", use_bias=False, name=name)(tensor)
        tensor = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(tensor)
        tensor = layers.ReLU(name=f"{name}_relu")(tensor)
    model = Model(image, layers.Dense(2, name="dense")(layers.Flatten(name="flat")(tensor)))
    draw = np.random.default_rng(1)
    for layer in ("a", "b", "dense"):
        kernel = model.get_layer(layer).kernel
        values = [-0.2, 0.1, 0.15, 0.3] if layer == "a" else [-0.2, 0.0, 0.1, 0.3]
        kernel.assign(draw.choice(values, size=kernel.shape))
    return model


def train(stream: Any, checkpoint: Path | None, freeze_at: int | None = 3, steps: int = 8) -> Any:
    from tflbuild.backends import fake_quantization, losses, training

    fake = fake_quantization.FakeQuantization(
        build(), RANGE, left_out={"b", "b_norm", "b_relu"}, freeze_at=freeze_at
    )
    schedule = training.Schedule(
        steps=steps, learning_rate=1e-2, warmup=0, shape="constant", weight_decay=1e-3
    )
    watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=EVERY_STEP)
    loss = losses.classification(True, 0.0)
    training.fit(fake.model, stream, loss, schedule, (1 / 255, 0.0), watch, fake.hooks())
    fake.finish()
    return fake.model


def test_a_killed_training_ends_with_the_same_weights_clusters_zeros_and_statistics(tmp_path: Path) -> None:
    from tflbuild.backends import codebooks, tfmot

    before = build()
    whole = train(batches, None)
    with pytest.raises(KeyboardInterrupt):
        train(cut_short, tmp_path / "state.npz")
    resumed = train(batches, tmp_path / "state.npz")
    for expected, found in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)

    trained, given = codebooks.kernels(whole), codebooks.kernels(before)
    assert trained.keys() == given.keys() == {f"{name}/kernel" for name in ("a", "b", "dense")}
    for name, kernel in trained.items():  # left out or not
        assert len(np.unique(kernel)) <= 4
        assert not np.array_equal(kernel, given[name])
        np.testing.assert_array_equal(kernel[given[name] == 0], 0.0)
    assert not np.any(trained["a/kernel"] == 0)  # others' zeros are no zeros of its own
    assert tfmot.is_sparse(whole)

    statistics = {name: value for name, value in named(whole).items() if "moving" in name or "gamma" in name}
    until = named(train(batches, None, freeze_at=None, steps=3))  # the same three steps
    assert len(statistics) == 6
    for name, value in statistics.items():
        np.testing.assert_array_equal(value, until[name])
    assert not np.array_equal(named(whole)["b_norm/beta:0"], until["b_norm/beta:0"])


def named(model: Any) -> dict[str, Any]:
    return {variable.name: variable.numpy() for variable in model.variables}


def test_frozen_batch_norm_normalises_by_its_statistics() -> None:
    import tensorflow as tf

    from tflbuild.backends.frozen_norms import FrozenNorms
    from tflbuild.backends.keras import Model, layers

    norm = layers.BatchNormalization(epsilon=0.0)
    image = layers.Input((2,))
    model = Model(image, norm(image))
    norm.set_weights([np.array(w, np.float32) for w in ([2, 1], [0, 1], [1, -1], [4, 1])])
    hooks = FrozenNorms(model, freeze_at=5).hooks()
    values = np.array([[1, 0], [3, 2]], np.float32)
    hooks.before(tf.constant(4, tf.int64))
    # by hand: the batch's means are 2 and 1, its deviations 1 and 1
    np.testing.assert_allclose(model(values, training=True), [[-2, 0], [2, 2]], rtol=1e-6)
    norm.set_weights([np.array(w, np.float32) for w in ([2, 1], [0, 1], [1, -1], [4, 1])])
    hooks.before(tf.constant(5, tf.int64))
    # by hand: (1 - 1) / 2 * 2, (3 - 1) / 2 * 2; (0 + 1) * 1 + 1, (2 + 1) * 1 + 1
    np.testing.assert_allclose(model(values, training=True), [[0, 2], [2, 4]], rtol=1e-6)
    norm.gamma.assign([7, 7])
    hooks.after()
    np.testing.assert_array_equal(norm.gamma, [2, 1])


def test_layers_that_compute_in_one_operator_have_one_head_and_additions_follow() -> None:
    from tflbuild.backends import float_islands
    from tflbuild.backends.keras import Model, layers

    image = layers.Input((8, 8, 4), name="image")
    first = layers.ReLU(name="relu")(
        layers.BatchNormalization(name="norm")(layers.Conv2D(4, 1, name="conv")(image))
    )
    second = layers.BatchNormalization(name="other_norm")(layers.Conv2D(4, 1, name="other")(first))
    added = layers.ReLU(name="added_relu")(layers.Add(name="added")([first, second]))
    third = layers.Conv2D(4, 1, name="third")(added)
    joined = layers.Concatenate(name="joined")([third, added])
    model = Model(image, layers.ReLU(name="end")(joined))
    assert float_islands.heads(model) == {
        "conv": "conv",
        "norm": "conv",
        "relu": "conv",
        "other": "other",
        "other_norm": "other",
        "added": "added",
        "added_relu": "added",
        "third": "third",
        "joined": "joined",
        "end": "joined",
    }
    assert float_islands.closed(model, {"other"}) == {"other", "other_norm", "added", "added_relu"}
    assert float_islands.closed(model, {"conv"}) == {
        "conv",
        "norm",
        "relu",
    }  # `other` alone reads it: it has a range
    assert float_islands.closed(model, {"third"}) == {"third"}  # a concatenation has a range of its own
    assert float_islands.closed(model, set()) == set()
