"""Pruning beside a training, its schedules and its census."""

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


@pytest.mark.parametrize("kind", ["polynomial", "constant"])
@pytest.mark.parametrize(
    ("steps", "ramp", "frequency"), [(1, 0.5, 50), (2, 1.0, 1), (7, 0.5, 3), (1000, 0.75, 50)]
)
def test_the_last_choice_of_masks_has_the_full_sparsity(
    kind: str, steps: int, ramp: float, frequency: int
) -> None:
    import tensorflow as tf

    from tflbuild.backends import tfmot

    schedule = tfmot.schedule(kind, 0.8, steps, ramp, frequency)
    turns = [schedule(tf.constant(step, tf.int64)) for step in range(steps)]
    chosen = [float(sparsity) for turn, sparsity in turns if bool(turn)]
    assert chosen[-1] == pytest.approx(0.8)
    assert chosen == sorted(chosen)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([[1, 0, 0, 2], [0, 3, 4, 0]], True),
        ([[1, 1, 0, 2], [0, 3, 4, 0]], False),
        ([[1, 1, 0, 0, 2, 0], [0, 0, 1, 1, 1, 1]], True),  # a rest of two may hold both
        ([[1, 1, 0, 0, 2, 2, 2]], False),
    ],
)
def test_two_of_four_looks_along_the_input_channels(weights: list[list[int]], expected: bool) -> None:
    from tflbuild.backends import tfmot

    kernel = np.array(weights, np.float32).T[None, None]  # (1, 1, input channels, output channels)
    assert tfmot.is_two_of_four(kernel) is expected


def test_weights_of_equal_size_do_not_keep_a_kernel_from_its_sparsity() -> None:
    import tf_keras

    from tflbuild.backends import tfmot

    model = tf_keras.Sequential([tf_keras.layers.Dense(10, use_bias=False, input_shape=(20,))])
    kernel = np.arange(1, 201, dtype=np.float32).reshape(20, 10)
    kernel.flat[:99] = 0.0
    kernel.flat[99:101] = 100.0  # tfmot keeps both: neither is below the threshold
    model.layers[0].kernel.assign(kernel)
    tfmot.break_ties(model, [], 0.5)
    left = model.layers[0].kernel.numpy()
    assert np.count_nonzero(left == 0) == 100
    assert left.flat[99] == 0.0
    assert left.flat[100] == 100.0
    tfmot.break_ties(model, [], 0.7)  # far from it: no tie
    assert np.count_nonzero(model.layers[0].kernel.numpy() == 0) == 100


def test_a_killed_pruning_goes_on_with_the_same_zeros(tmp_path: Path) -> None:
    import tf_keras

    from tflbuild.backends import tfmot, training
    from tflbuild.backends.losses import classification

    def batches(start: int) -> Iterator[tuple[Any, ...]]:
        for step in range(start, 10):
            draw = np.random.default_rng(step)
            yield (
                draw.integers(0, 256, (4, 8, 8, 3)).astype(np.uint8),
                draw.integers(0, 2, 4).astype(np.int32),
            )

    def cut_short(start: int) -> Iterator[tuple[Any, ...]]:
        for step, batch in enumerate(batches(start), start):
            if step == 6:
                raise KeyboardInterrupt
            yield batch

    def train(stream: Any, checkpoint: Path | None) -> Any:
        tf_keras.utils.set_random_seed(0)
        layers = tf_keras.layers
        model = tf_keras.Sequential([layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
        pruning = tfmot.Pruning(model, (), tfmot.schedule("polynomial", 0.5, 10, 0.4, 2), False)
        schedule = training.Schedule(steps=10, learning_rate=1e-2, warmup=0)
        watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=EVERY_STEP)
        training.fit(
            model, stream, classification(True, 0.0), schedule, (1 / 255, 0.0), watch, pruning.hooks()
        )
        return model.get_weights()

    whole = train(batches, None)
    with pytest.raises(KeyboardInterrupt):
        train(cut_short, tmp_path / "state.npz")
    assert (tmp_path / "state.npz").is_file()
    resumed = train(batches, tmp_path / "state.npz")
    assert np.mean(whole[0] == 0) == 0.5
    for expected, found in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_kernels_of_nested_models_are_pruned_too() -> None:
    import tf_keras

    from tflbuild.backends import tfmot

    layers = tf_keras.layers
    inner = tf_keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(2, 3, name="within")])
    outer = tf_keras.Sequential(
        [layers.Input((8, 8, 3)), inner, layers.Flatten(), layers.Dense(2, name="end")]
    )
    assert list(tfmot.census(outer)) == ["within/kernel", "end/kernel"]
