"""Pruning beside a training: schedules, patterns of zeros, and the count of them."""

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


@pytest.mark.parametrize("kind", ["polynomial", "constant"])
@pytest.mark.parametrize(
    ("steps", "ramp", "frequency"), [(1, 0.5, 50), (2, 1.0, 1), (7, 0.5, 3), (1000, 0.75, 50)]
)
def test_the_last_choice_of_masks_has_the_full_sparsity(
    kind: str, steps: int, ramp: float, frequency: int
) -> None:
    import tensorflow as tf

    from tflbuild.training import pruning

    schedule = pruning.schedule(kind, 0.8, steps, ramp, frequency)
    turns = [schedule(tf.constant(step, tf.int64)) for step in range(steps)]
    chosen = [float(sparsity) for turn, sparsity in turns if bool(turn)]
    assert chosen[-1] == pytest.approx(0.8)
    assert chosen == sorted(chosen)


def test_weights_of_equal_size_do_not_keep_a_kernel_from_its_sparsity() -> None:
    import tf_keras

    from tflbuild.training import pruning

    model = tf_keras.Sequential([tf_keras.layers.Dense(10, use_bias=False, input_shape=(20,), name="dense")])
    kernel = np.arange(1, 201, dtype=np.float32).reshape(20, 10)
    kernel.flat[:99] = 0.0
    kernel.flat[99:101] = 100.0  # tfmot keeps both: neither is below the threshold
    model.layers[0].kernel.assign(kernel)
    pruning.break_ties(model, {"dense": 0.5}, pruning.Pattern())
    left = model.layers[0].kernel.numpy()
    assert np.count_nonzero(left == 0) == 100
    assert left.flat[99] == 0.0
    assert left.flat[100] == 100.0
    pruning.break_ties(model, {"dense": 0.7}, pruning.Pattern())  # far from it: no tie
    assert np.count_nonzero(model.layers[0].kernel.numpy() == 0) == 100


def test_a_killed_pruning_goes_on_with_the_same_zeros(tmp_path: Path) -> None:
    import tf_keras

    from tflbuild.training import loop as training
    from tflbuild.training import pruning
    from tflbuild.training.losses import classification

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

    def course(share: float) -> Any:
        return pruning.schedule("polynomial", share, 10, 0.4, 2)

    def train(stream: Any, checkpoint: Path | None) -> Any:
        tf_keras.utils.set_random_seed(0)
        layers = tf_keras.layers
        model = tf_keras.Sequential(
            [layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2, name="dense")]
        )
        masks = pruning.Pruning(model, {"dense": 0.5}, course, pruning.Pattern())
        schedule = training.Schedule(steps=10, learning_rate=1e-2, warmup=0)
        watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=EVERY_STEP)
        training.fit(model, stream, classification(True, 0.0), schedule, SCALED, watch, masks.hooks())
        return model.get_weights()

    whole = train(batches, None)
    with pytest.raises(KeyboardInterrupt):
        train(cut_short, tmp_path / "state.npz")
    assert (tmp_path / "state.npz").is_file()
    resumed = train(batches, tmp_path / "state.npz")
    assert np.mean(whole[0] == 0) == 0.5
    for expected, found in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_ramp_may_start_from_the_level_before() -> None:
    import tensorflow as tf

    from tflbuild.training import pruning

    schedule = pruning.schedule("polynomial", 0.5, 100, 0.5, 10, start=0.4)
    found = [float(schedule(tf.constant(step, tf.int64))[1]) for step in (0, 25, 50, 99)]
    # 0.5 - 0.1 (1 - step / 50)^3, by hand
    np.testing.assert_allclose(found, [0.4, 0.4875, 0.5, 0.5], atol=1e-6)


def dense_and_convolution() -> Any:
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)
    return tf_keras.Sequential(
        [
            layers.Input((3, 3, 2)),
            layers.Conv2D(12, 3, name="conv"),
            layers.Flatten(),
            layers.Dense(24, name="wide"),
            layers.Dense(6, name="narrow"),
        ]
    )


def masked(model: Any, shares: dict[str, float], pattern: Any) -> dict[str, Any]:
    """Choose masks once; gives the kernels by layer."""
    import tensorflow as tf

    from tflbuild.training import pruning

    def course(share: float) -> Any:
        return pruning.schedule("constant", share, 1, 0.0, 1)

    hooks = pruning.Pruning(model, shares, course, pattern).hooks()
    hooks.before(tf.constant(0, tf.int64))
    hooks.after()
    return {layer.name: layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")}


def test_each_layer_has_its_own_share_and_the_least_weights_go() -> None:
    from tflbuild.training import pruning

    model = dense_and_convolution()
    before = {name: model.get_layer(name).kernel.numpy() for name in ("conv", "wide", "narrow")}
    after = masked(model, {"conv": 0.5, "wide": 0.9}, pruning.Pattern())
    for name, share in (("conv", 0.5), ("wide", 0.9), ("narrow", 0.0)):
        size = before[name].size
        least = np.argsort(np.abs(before[name]), axis=None)[: round(share * size)]
        expected = before[name].copy().ravel()
        expected[least] = 0
        np.testing.assert_array_equal(after[name], expected.reshape(before[name].shape))


def by_loop(kernel: Any, block: tuple[int, int], pooling: str) -> Any:
    """Give how large each block is, one by one."""
    rows, columns = kernel.shape
    reduce = np.mean if pooling == "average" else np.max
    return np.array(
        [
            [reduce(np.abs(kernel[r : r + block[0], c : c + block[1]])) for c in range(0, columns, block[1])]
            for r in range(0, rows, block[0])
        ]
    )


@pytest.mark.parametrize("pooling", ["average", "maximum"])
@pytest.mark.parametrize("block", [(1, 2), (4, 1), (4, 3)])
def test_dense_layers_lose_whole_blocks(block: tuple[int, int], pooling: Any) -> None:
    from tflbuild.training import pruning

    pattern, model = pruning.Pattern(block=block, pooling=pooling), dense_and_convolution()
    shares = dict.fromkeys(("conv", "wide", "narrow"), 0.5)
    before = {name: model.get_layer(name).kernel.numpy() for name in shares}
    after = masked(model, shares, pattern)
    for name in ("wide", "narrow"):
        sizes = by_loop(before[name], block, pooling)
        np.testing.assert_allclose(pruning.sizes_of_blocks(before[name], block, pooling), sizes, rtol=1e-6)
        left = by_loop(after[name], block, "maximum")
        assert np.count_nonzero(left) == max(np.round(sizes.size * 0.5), 1)
        assert sizes[left > 0].min() > sizes[left == 0].max()
        kept = np.kron(left > 0, np.ones(block)) > 0
        np.testing.assert_array_equal(after[name], np.where(kept, before[name], 0))
    assert np.mean(after["conv"] == 0) == 0.5  # weight by weight: its kernel has four axes
    found = {zeros.name.split("/")[0]: zeros for zeros in pruning.zeros_of(model, shares, pattern)}
    assert (found["conv"].blocks, found["conv"].zero) == (before["conv"].size, before["conv"].size // 2)
    assert found["wide"].zero == np.count_nonzero(by_loop(after["wide"], block, "maximum") == 0)


def test_blocks_of_equal_size_do_not_keep_a_kernel_from_its_sparsity() -> None:
    import tf_keras

    from tflbuild.training import pruning

    model = tf_keras.Sequential([tf_keras.layers.Dense(8, use_bias=False, input_shape=(20,), name="dense")])
    sizes = np.arange(1, 41, dtype=np.float32)
    sizes[:19] = 0.0
    sizes[19:21] = 20.0  # one of them is needed for half of the blocks
    model.layers[0].kernel.assign(np.kron(sizes.reshape(20, 2), np.ones((1, 4), np.float32)))
    pruning.break_ties(model, {"dense": 0.5}, pruning.Pattern(block=(1, 4)))
    left = model.layers[0].kernel.numpy().reshape(20, 2, 4)
    assert np.count_nonzero((left == 0).all(axis=2)) == 20
    assert np.count_nonzero(left == 0) == 80
    assert (left.reshape(40, 4)[19] == 0).all()


@pytest.mark.parametrize(
    ("shares", "block", "message"),
    [
        ({"conv": 0.5}, (1, 2), r"block_size: \[1, 2\] is for dense layers, .* leave it out"),
        (
            {"wide": 0.5, "narrow": 0.5},
            (1, 8),
            r"block_size: \[1, 8\] does not divide narrow/kernel, .*\[24, 6\]",
        ),
    ],
)
def test_blocks_that_do_not_fit_are_refused(
    shares: dict[str, float], block: tuple[int, int], message: str
) -> None:
    from tflbuild.core.errors import PassError
    from tflbuild.training import pruning

    with pytest.raises(PassError, match=message):
        pruning.Pattern(block=block).check(dense_and_convolution(), shares)


@pytest.mark.parametrize(
    ("kind", "steps", "ramp", "frequency", "turns"),
    [
        # half of 11 steps are 5.5, to the even one 6; 0.8 - 0.8 (1 - step / 6)^3
        ("polynomial", 11, 0.5, 2, {0: 0.0, 2: 0.8 * 19 / 27, 4: 0.8 * 26 / 27, 6: 0.8}),
        ("polynomial", 11, 0.5, 4, {0: 0.0, 4: 0.8}),  # the last choice that the ramp has is the end of it
        ("polynomial", 11, 0.5, 50, {0: 0.0, 6: 0.8}),  # at its end at the latest
        ("polynomial", 3, 5.0, 1, {0: 0.0, 1: 0.8 * (1 - 0.5**3), 2: 0.8}),  # it ends with the training
        ("polynomial", 1, 1.0, 1, {0: 0.8}),
        ("constant", 11, 0.5, 3, {0: 0.8, 3: 0.8, 6: 0.8}),
    ],
)
def test_choices_of_masks_by_hand(
    kind: str, steps: int, ramp: float, frequency: int, turns: dict[int, float]
) -> None:
    import tensorflow as tf

    from tflbuild.training import pruning

    schedule = pruning.schedule(kind, 0.8, steps, ramp, frequency)
    found = {step: schedule(tf.constant(step, tf.int64)) for step in range(steps)}
    assert {step: pytest.approx(float(share)) for step, (turn, share) in found.items() if bool(turn)} == turns


class Kernel:
    """A variable, as far as it is looked at."""

    def __init__(self, values: Any, name: str = "dense/kernel:0") -> None:
        self.values, self.name = np.asarray(values, np.float32), name

    @property
    def shape(self) -> Any:
        return self.values.shape

    def numpy(self) -> Any:
        return self.values

    def assign(self, values: Any) -> None:
        self.values = values


def broken(values: Any, share: float, monkeypatch: pytest.MonkeyPatch, **pattern: Any) -> Any:
    """Break the ties of one kernel."""
    from tflbuild.training import pruning

    kernel = Kernel(values)
    monkeypatch.setattr(pruning, "_kernels", lambda model, shares: [(kernel, share)])
    pruning.break_ties(None, {}, pruning.Pattern(**pattern))
    return kernel.values


def test_no_more_than_a_hundredth_is_taken_for_a_tie(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(1, 301, dtype=np.float32).reshape(30, 10)
    assert np.count_nonzero(broken(values, 3 / 300, monkeypatch) == 0) == 3
    assert np.count_nonzero(broken(values, 4 / 300, monkeypatch) == 0) == 0
    few = np.arange(1, 11, dtype=np.float32).reshape(5, 2)  # one, where a hundredth is none
    assert broken(few, 0.1, monkeypatch).ravel().tolist() == [0, *range(2, 11)]
    assert np.count_nonzero(broken(few, 0.2, monkeypatch) == 0) == 0
    assert np.count_nonzero(broken(few, 0.0, monkeypatch) == 0) == 0


def test_the_smallest_block_becomes_zero_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.array(
        [[1, -9, 3, 3], [1, 1, 2, -2]], np.float32
    )  # blocks of 2 x 2: means 3 and 2.5, largest 9 and 3
    found = broken(values, 0.5, monkeypatch, block=(2, 2))
    assert found.tolist() == [[1, -9, 0, 0], [1, 1, 0, 0]]
    largest = np.array([[4, 4, 0, 5], [4, 4, 0, 0]], np.float32)  # means 4 and 1.25, largest 4 and 5
    found = broken(largest, 0.5, monkeypatch, block=(2, 2), pooling="maximum")
    assert found.tolist() == [[0, 0, 0, 5], [0, 0, 0, 0]]


def test_what_is_zero_is_counted_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    from tflbuild.training import pruning

    values = np.zeros((4, 4), np.float32)
    values[0, 0] = values[1, 0] = values[2, 1] = (
        1.0  # blocks of two rows: two of eight hold a weight, ... and a third
    )
    kernels = [(Kernel(values), 0.5), (Kernel(np.ones((1, 1, 2, 2)), "conv/kernel:0"), 0.25)]
    monkeypatch.setattr(pruning, "_kernels", lambda model, shares: kernels)
    wide, conv = pruning.zeros_of(None, {}, pruning.Pattern(block=(2, 1)))
    assert wide == pruning.Zeros(name="dense/kernel", share=0.5, blocks=8, zero=6, two_of_four=True)
    assert conv == pruning.Zeros(name="conv/kernel", share=0.25, blocks=4, zero=0, two_of_four=True)


def test_blocks_are_of_kernels_of_two_axes() -> None:
    from tflbuild.training import pruning

    pattern = pruning.Pattern(block=(2, 4))
    assert pattern.block_of(np.zeros((8, 8))) == (2, 4)
    assert pattern.block_of(np.zeros((1, 1, 8, 8))) == (1, 1)


@pytest.mark.parametrize(
    ("shares", "block"), [({"wide": 0.5}, (3, 8)), ({"conv": 0.5}, (1, 1)), ({}, (1, 1))]
)
def test_blocks_that_fit_are_taken(shares: dict[str, float], block: tuple[int, int]) -> None:
    from tflbuild.training import pruning

    pruning.Pattern(block=block).check(dense_and_convolution(), shares)


def test_two_of_four_are_chosen_once_along_the_input_channels() -> None:
    from tflbuild.training import pruning, tfmot

    model = dense_and_convolution()
    before = model.get_layer("wide").kernel.numpy()
    after = masked(model, {"wide": 0.5}, pruning.Pattern(two_of_four=True))["wide"]
    assert tfmot.is_two_of_four(after)
    assert not tfmot.is_two_of_four(before)
    assert np.mean(after == 0) == 0.5
    fours = np.abs(before.T.reshape(24, -1, 4))  # (outputs, groups, four inputs)
    kept = after.T.reshape(24, -1, 4) != 0
    assert (np.where(kept, fours, np.inf).min(-1) > np.where(kept, 0, fours).max(-1)).all()


def test_what_is_masked_stays_masked_while_weights_move() -> None:
    import tensorflow as tf

    from tflbuild.training import pruning

    model = dense_and_convolution()
    kernel = model.get_layer("narrow").kernel
    hooks = pruning.Pruning(
        model,
        {"narrow": 0.5},
        lambda share: pruning.schedule("constant", share, 9, 0.0, 4),
        pruning.Pattern(),
    ).hooks()
    hooks.before(tf.constant(0, tf.int64))
    zeros = kernel.numpy() == 0
    assert zeros.mean() == 0.5
    hooks.before(tf.constant(1, tf.int64))  # no turn
    kernel.assign(kernel + 5.0)
    hooks.after()
    np.testing.assert_array_equal(kernel.numpy() == 0, zeros)
