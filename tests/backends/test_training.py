"""The training loop, on a model of a few weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import PassError

pytestmark = pytest.mark.slow

SCALE_AND_OFFSET = (1 / 128, -1.0)
EVERY_STEP = 1e-9  # seconds between two checkpoints


class Killed(Exception):
    """Stands for a process that ends."""


def build() -> Any:
    from tflbuild.backends import keras

    keras.seed(0)
    image = keras.layers.Input((4, 4, 3))
    hidden = keras.layers.Conv2D(4, 3, use_bias=False)(image)
    hidden = keras.layers.BatchNormalization(momentum=0.9)(hidden)
    hidden = keras.layers.Dropout(0.3)(keras.layers.Flatten()(hidden))
    return keras.Model(image, keras.layers.Dense(2)(hidden))


def batches(start: int, last: int | None = None) -> Iterator[tuple[Any, ...]]:
    """Give images that are bright in class 1; of step `last` on, kill."""
    step = start
    while last is None or step < last:
        rng = np.random.default_rng(step)
        labels = rng.integers(0, 2, 8).astype(np.int32)
        yield (
            (rng.integers(0, 128, (8, 4, 4, 3)) + 100 * labels[:, None, None, None]).astype(np.uint8),
            labels,
        )
        step += 1
    raise Killed


def train(model: Any, stream: Any = batches, checkpoint: Path | None = None, **changes: Any) -> float:
    from tflbuild.backends import losses, training

    schedule = {
        "steps": 40,
        "learning_rate": 0.02,
        "warmup": 4,
        "weight_decay": 1e-3,
        "average": 0.9,
    } | changes
    watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=EVERY_STEP, label="train")
    loss = losses.classification(from_logits=True, smoothing=0.0)
    return training.fit(model, stream, loss, training.Schedule(**schedule), SCALE_AND_OFFSET, watch)


def test_training_learns_and_repeats_to_the_bit() -> None:
    first, second = build(), build()
    assert train(first) < 0.3  # 0.69 is chance
    train(second)
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_killed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.npz"
    whole, halved = build(), build()
    train(whole)
    with pytest.raises(Killed):
        train(halved, lambda start: batches(start, last=17), checkpoint)
    fresh = build()
    seen: list[int] = []
    train(fresh, lambda start: seen.append(start) or batches(start), checkpoint)
    assert seen == [17]
    for one, other in zip(whole.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_that_ended_but_was_not_kept_is_not_trained_again(tmp_path: Path) -> None:
    whole, fresh = build(), build()
    loss = train(whole, checkpoint=tmp_path / "training.npz")
    assert train(fresh, lambda start: batches(start, last=start), tmp_path / "training.npz") == loss
    for one, other in zip(whole.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_damaged_checkpoint_is_left_and_said(tmp_path: Path) -> None:
    from tflbuild.backends.training import _Checkpoint

    path = tmp_path / "training.npz"
    variables = build().variables
    _Checkpoint(path, variables).save(7, 0.25)
    good = path.read_bytes()
    assert _Checkpoint(path, variables).restore() == (7, 0.25)
    before = [variable.numpy() for variable in variables]
    damages = [good[:size] for size in range(0, len(good), 211)]
    damages += [
        good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :] for place in range(0, len(good), 97)
    ]
    for content in [*damages, b"garbage"]:
        path.write_bytes(content)
        said: list[str] = []
        assert _Checkpoint(path, variables, said.append).restore()[0] == 0
        assert "damaged" in said[0]
        for variable, kept in zip(variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), kept)


def test_loss_that_is_not_finite_ends_in_one_sentence() -> None:
    with pytest.raises(PassError, match=r"the loss became nan at step .* lower\s+train.learning_rate"):
        train(build(), learning_rate=1e30, gradient_clip=1e30, average=0.0)


def test_rate_rises_falls_and_ends_near_nothing() -> None:
    from tflbuild.backends import losses, training

    schedule = training.Schedule(steps=100, learning_rate=1.0, warmup=10)
    steps = training._Training(
        build(), losses.classification(True, 0.0), schedule, (1.0, 0.0), training.Hooks()
    )
    rates = [float(steps._rate(np.float32(k))) for k in (0, 9, 10, 55, 100)]
    np.testing.assert_allclose(rates, [0.1, 1.0, 1.0, 0.5, 0.0], atol=1e-6)  # half cosine: 0.5 half way


@pytest.mark.parametrize(
    ("shape", "expected"),
    [  # at steps 0, 9, 10, 55, 77, 100 of 100, 10 of them warm-up: 0, 1/2, 67/90 and all of the rest is done
        ("cosine", [0.1, 1.0, 1.0, 0.5, 0.5 + 0.5 * np.cos(np.pi * 67 / 90), 0.0]),
        ("exponential", [0.1, 1.0, 1.0, 0.01**0.5, 0.01 ** (67 / 90), 0.01]),
        ("step", [0.1, 1.0, 1.0, 0.01, 0.01, 0.0001]),  # drops at 55 and, three quarters on, at 77.5
        ("constant", [0.1, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_rates_of_each_schedule_by_hand(shape: str, expected: list[float]) -> None:
    from tflbuild.backends import losses, training

    options: Any = {"shape": shape, "decay": 0.01, "drops": (0.5, 0.75)}
    schedule = training.Schedule(steps=100, learning_rate=1.0, warmup=10, **options)
    steps = training._Training(
        build(), losses.classification(True, 0.0), schedule, (1.0, 0.0), training.Hooks()
    )
    rates = [float(steps._rate(np.float32(k))) for k in (0, 9, 10, 55, 77, 100)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-6)


def test_hooks_run_in_every_step() -> None:
    import tensorflow as tf

    from tflbuild.backends import losses, training

    seen, after = tf.Variable(0, dtype=tf.int64), tf.Variable(0)
    hooks = training.Hooks(before=seen.assign, after=lambda: after.assign_add(1))
    loss = losses.classification(True, 0.0)
    schedule = training.Schedule(steps=5, learning_rate=1e-3, warmup=1)
    training.fit(build(), batches, loss, schedule, SCALE_AND_OFFSET, training.Watch(), hooks)
    assert int(seen) == 4
    assert int(after) >= 5
