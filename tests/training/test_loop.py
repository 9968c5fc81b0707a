"""The training loop, on a model of a few weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import PassError
from tflbuild.modalities.image.modality import ImageModality

pytestmark = pytest.mark.slow

SCALED = ImageModality().scaled  # -1 to 127 / 128
PLAIN = ImageModality(scale=1.0, offset=0.0).scaled
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
    from tflbuild.training import loop as training
    from tflbuild.training import losses

    schedule = {
        "steps": 40,
        "learning_rate": 0.02,
        "warmup": 4,
        "weight_decay": 1e-3,
        "average": 0.9,
    } | changes
    watch = training.Watch(checkpoint=checkpoint, checkpoint_seconds=EVERY_STEP, label="train")
    loss = losses.classification(from_logits=True, smoothing=0.0)
    return training.fit(model, stream, loss, training.Schedule(**schedule), SCALED, watch)


def followed(points: list[Any], **watched: Any) -> Any:
    """Train while the curve is noted; gives the model."""
    from tflbuild.training import loop as training
    from tflbuild.training import losses

    model = build()
    schedule = steady(steps=25, learning_rate=0.02, warmup=5, shape="cosine")
    watch = training.Watch(trained=lambda *point: points.append(point), epoch=10.0, **watched)
    loss = losses.classification(from_logits=True, smoothing=0.0)
    training.fit(model, batches, loss, schedule, SCALED, watch)
    return model


def test_the_curve_holds_loss_rate_speed_and_epoch_by_step() -> None:
    """The loss is looked at in steps 1, 21 and 25; the rate is that of 5 steps of warm-up and a half cosine."""
    points: list[Any] = []
    doing: list[str] = []
    followed(points, doing=doing.append)
    steps, losses, rates, speeds, epochs = zip(*points, strict=True)
    assert steps == (1, 21, 25)
    assert rates[0] == pytest.approx(0.02 / 5)
    assert rates[1] == pytest.approx(0.02 * 0.5 * (1 + np.cos(np.pi * 15 / 20)), rel=1e-5)
    assert epochs == pytest.approx((0.1, 2.1, 2.5))
    assert losses[2] < losses[0] < 3
    assert speeds[0] is None, "the first step compiles the graph"
    assert min(speeds[1:]) > 0
    assert doing == ["reading data", "compiling the graph", ""]


def test_a_training_that_goes_on_tells_its_curve_from_the_start(tmp_path: Path) -> None:
    whole: list[Any] = []
    again: list[Any] = []
    said: list[int] = []
    path = tmp_path / "training.npz"
    followed(whole, checkpoint=path, checkpoint_seconds=0.0)
    followed(again, checkpoint=path, checkpoint_seconds=0.0, continued=said.append)
    assert said == [25]
    assert again == whole


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
    from tflbuild.training.checkpoint import Checkpoint

    path = tmp_path / "training.npz"
    variables = build().variables
    Checkpoint(path, variables).save(7, 0.25)
    good = path.read_bytes()
    assert Checkpoint(path, variables).restore() == (7, 0.25)
    before = [variable.numpy() for variable in variables]
    damages = [good[:size] for size in range(0, len(good), 211)]
    damages += [
        good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :] for place in range(0, len(good), 97)
    ]
    for content in [*damages, b"garbage"]:
        path.write_bytes(content)
        said: list[str] = []
        assert Checkpoint(path, variables, said.append).restore()[0] == 0
        assert "damaged" in said[0]
        for variable, kept in zip(variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), kept)


def test_loss_that_is_not_finite_ends_in_one_sentence() -> None:
    with pytest.raises(PassError, match=r"the loss became nan at step .* lower\s+train.learning_rate"):
        train(build(), learning_rate=1e30, gradient_clip=1e30, average=0.0)


def test_rate_rises_falls_and_ends_near_nothing() -> None:
    from tflbuild.training import loop as training
    from tflbuild.training import losses

    schedule = training.Schedule(steps=100, learning_rate=1.0, warmup=10)
    steps = training._Training(build(), losses.classification(True, 0.0), schedule, PLAIN, training.Hooks())
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
    from tflbuild.training import loop as training
    from tflbuild.training import losses

    options: Any = {"shape": shape, "decay": 0.01, "drops": (0.5, 0.75)}
    schedule = training.Schedule(steps=100, learning_rate=1.0, warmup=10, **options)
    steps = training._Training(build(), losses.classification(True, 0.0), schedule, PLAIN, training.Hooks())
    rates = [float(steps._rate(np.float32(k))) for k in (0, 9, 10, 55, 77, 100)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-6)


def test_hooks_run_in_every_step() -> None:
    import tensorflow as tf

    from tflbuild.training import loop as training
    from tflbuild.training import losses

    seen, after = tf.Variable(0, dtype=tf.int64), tf.Variable(0)
    hooks = training.Hooks(before=seen.assign, after=lambda: after.assign_add(1))
    loss = losses.classification(True, 0.0)
    schedule = training.Schedule(steps=5, learning_rate=1e-3, warmup=1)
    training.fit(build(), batches, loss, schedule, SCALED, training.Watch(), hooks)
    assert int(seen) == 4
    assert int(after) >= 5


def one_weight(use_bias: bool = False) -> Any:
    """Give a model of one weight, which is 1, on one pixel's sum; its bias is 1."""
    from tflbuild.backends import keras

    layers = keras.layers
    image = layers.Input((1, 1, 1))
    made = layers.Dense(
        1, use_bias=use_bias, kernel_initializer="ones", bias_initializer="ones", name="dense"
    )
    return keras.Model(image, made(layers.Flatten()(image)))


def pixels(start: int) -> Iterator[tuple[Any, ...]]:
    while True:
        yield np.full((1, 1, 1, 1), 3, np.uint8), np.zeros(1, np.int32)


def flat_loss(outputs: Any, targets: tuple[Any, ...]) -> Any:
    """Cost nothing, with a slope of nothing."""
    import tensorflow as tf

    return tf.reduce_sum(outputs) * 0.0


def steady(**changes: Any) -> Any:
    from tflbuild.training.loop import Schedule

    return Schedule(**{"steps": 1, "learning_rate": 0.5, "warmup": 0, "shape": "constant", **changes})


def test_kernels_alone_decay_by_the_rate_times_the_decay() -> None:
    from tflbuild.training import loop as training

    model = one_weight(use_bias=True)
    training.fit(model, pixels, flat_loss, steady(steps=2, weight_decay=0.2), PLAIN, training.Watch())
    kernel, bias = model.get_weights()
    assert kernel.item() == pytest.approx(0.9**2)  # 1 - 0.5 * 0.2, twice
    assert bias.item() == 1.0


def test_the_running_mean_by_hand() -> None:
    from tflbuild.training import loop as training

    # the weight decays to 0.9 and 0.81; the mean begins at 1 and keeps 1/10, then 2/11 of itself
    first = 0.1 * 1 + 0.9 * 0.9
    second = 2 / 11 * first + 9 / 11 * 0.81
    for steps, wanted in ((1, first), (2, second)):
        model = one_weight()
        schedule = steady(steps=steps, weight_decay=0.2, average=0.9)
        training.fit(model, pixels, flat_loss, schedule, PLAIN, training.Watch())
        assert model.get_weights()[0].item() == pytest.approx(wanted, rel=1e-6)
    model = one_weight()  # never more than the decay that was asked for
    schedule = steady(steps=2, weight_decay=0.2, average=0.05)
    training.fit(model, pixels, flat_loss, schedule, PLAIN, training.Watch())
    assert model.get_weights()[0].item() == pytest.approx(0.05 * (0.05 + 0.95 * 0.9) + 0.95 * 0.81, rel=1e-6)


def test_means_are_kept_of_weights_and_of_statistics() -> None:
    from tflbuild.training.loop import _averaged

    names = [variable.name.split("/")[-1] for variable in _averaged(build())]
    assert names == [
        "kernel:0",
        "gamma:0",
        "beta:0",
        "kernel:0",
        "bias:0",
        "moving_mean:0",
        "moving_variance:0",
    ]


def test_a_gradient_is_cut_to_its_largest_norm() -> None:
    import tensorflow as tf

    from tflbuild.training import loop as training

    for slope, wanted in ((2.0, 2.0), (30.0, 5.0), (-30.0, -5.0)):
        made = training._Training(
            one_weight(),
            lambda outputs, targets, slope=slope: tf.reduce_sum(outputs) * slope,
            steady(gradient_clip=5.0),
            ImageModality(scale=1.0, offset=-2.0).scaled,  # pixels of 3 become 1
            training.Hooks(),
        )
        made.step(tf.constant(0, tf.int64), *next(pixels(0))[:1], (np.zeros(1),))
        (momentum,) = made._optimizer._momentums
        # Adam keeps a tenth of the first gradient.
        assert momentum.numpy().item() == pytest.approx(0.1 * wanted, rel=1e-5)


def test_the_first_step_of_adam_is_the_rate() -> None:
    import tensorflow as tf

    from tflbuild.training import loop as training

    model = one_weight()
    training.fit(
        model,
        pixels,
        lambda outputs, targets: tf.reduce_sum(outputs) * 7.0,
        steady(steps=1, learning_rate=0.25),
        PLAIN,
        training.Watch(),
    )
    assert model.get_weights()[0].item() == pytest.approx(0.75, rel=1e-5)


def test_targets_are_made_of_what_the_model_takes() -> None:
    import tensorflow as tf

    from tflbuild.training import loop as training

    seen: list[Any] = []

    def loss(outputs: Any, targets: tuple[Any, ...]) -> Any:
        return tf.reduce_sum(targets[1]) + 0.0 * tf.reduce_sum(outputs)

    hooks = training.Hooks(targets=lambda values, targets: (*targets, 10 * values))
    found = training.fit(
        one_weight(),
        lambda start: (seen.append(start), pixels(start))[1],
        loss,
        steady(),
        ImageModality(scale=0.5, offset=-1.0).scaled,
        training.Watch(),
        hooks,
    )
    assert found == 10 * (3 * 0.5 - 1)
    assert seen == [0]


class Told:
    """Whom a training tells, with a clock that every look at it advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        from tflbuild.training import loop as training

        self.now, self.progress, self.saved, self.lines = 0.0, [], [], []  # type: ignore[var-annotated]

        def monotonic() -> float:
            self.now += 1.0
            return self.now

        monkeypatch.setattr(training.time, "monotonic", monotonic)
        monkeypatch.setattr(
            training.Checkpoint, "save", lambda _, step, loss: self.saved.append((step, loss))
        )
        self.watch = training.Watch(
            progress=lambda *said: self.progress.append(said),
            log=self.lines.append,
            checkpoint_seconds=seconds,
        )


def counting_loss(outputs: Any, targets: tuple[Any, ...]) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(outputs) * 0.0 + 0.25


@pytest.mark.parametrize(
    ("seconds", "saved"),
    [  # each step looks at the clock once, and once more where it keeps the state
        (0.0, [1, 21, 41, 42]),
        (2.5, [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42]),
        (3.0, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]),
        (1e9, []),
    ],
)
def test_states_are_kept_as_often_as_was_said(
    seconds: float, saved: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.training import loop as training

    told = Told(monkeypatch, seconds)
    assert training.fit(one_weight(), pixels, counting_loss, steady(steps=42), PLAIN, told.watch) == 0.25
    assert told.saved == [(step, 0.25) for step in saved]
    assert told.progress == [(done, 42, "loss 0.250") for done in range(1, 43)]
    assert told.lines == []


def test_a_loss_that_is_no_number_names_the_step_and_the_rate() -> None:
    from tflbuild.training.loop import _finite

    schedule = steady(steps=9, learning_rate=0.125)
    assert _finite(1.5, 0, schedule, "train") == 1.5
    for value in (float("nan"), float("inf")):
        with pytest.raises(PassError) as caught:
            _finite(value, 3, schedule, "qat")
        assert str(caught.value) == (
            f"pass 'qat': the loss became {value} at step 4 of 9; lower qat.learning_rate (it is 0.125) or look at the "
            f"data's boxes."
        )


def test_a_state_is_on_disk_before_it_takes_the_place_of_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.training import checkpoint as training

    order: list[str] = []
    fsync, replace = training.os.fsync, Path.replace

    def synced(number: int) -> None:
        order.append("fsync")
        fsync(number)
        (staged,) = (tmp_path / "deep").iterdir()
        content = staged.read_bytes()  # all of it is there by then, the digest at its end
        assert hashlib.sha256(content[:-32]).digest() == content[-32:]

    monkeypatch.setattr(training.os, "fsync", synced)
    monkeypatch.setattr(
        Path, "replace", lambda self, target: (order.append("replace"), replace(self, target))[1]
    )
    path = tmp_path / "deep" / "state.npz"
    training.Checkpoint(path, one_weight().variables).save(3, 0.5)
    assert order == ["fsync", "replace"]
    assert [one.name for one in path.parent.iterdir()] == ["state.npz"]


def test_a_state_gives_back_every_variable_the_step_and_the_loss(tmp_path: Path) -> None:
    from tflbuild.training.checkpoint import Checkpoint

    path, model = tmp_path / "state.npz", build()
    Checkpoint(path, model.variables).save(12, 0.5)
    other = build()
    for variable in other.variables:
        variable.assign(variable + 1)
    assert Checkpoint(path, other.variables).restore() == (12, 0.5)
    for one, found in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, found)


def test_no_state_and_one_that_cannot_be_read_start_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tflbuild.training.checkpoint import Checkpoint

    said: list[str] = []
    for path in (None, tmp_path / "missing.npz"):
        step, loss = Checkpoint(path, [], said.append).restore()
        assert (step, np.isnan(loss), said) == (0, True, [])
    path = tmp_path / "state.npz"
    path.write_bytes(b"x")

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert Checkpoint(path, [], said.append).restore()[0] == 0
    assert said == [f"{path} cannot be read (Permission denied): the training starts again"]


def test_going_on_is_said_with_the_step(tmp_path: Path) -> None:
    from tflbuild.training import loop as training

    path, said = tmp_path / "state.npz", list[int]()
    watch = training.Watch(checkpoint=path, checkpoint_seconds=EVERY_STEP, continued=said.append)
    training.fit(one_weight(), pixels, flat_loss, steady(steps=2), PLAIN, watch)
    assert said == []
    training.fit(one_weight(), pixels, flat_loss, steady(steps=5), PLAIN, watch)
    assert said == [2]
