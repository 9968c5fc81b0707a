"""Train a tf_keras model, step by step, so that a killed training goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tf_keras

from tflbuild.backends import keras
from tflbuild.core.errors import PassError
from tflbuild.training.checkpoint import Checkpoint
from tflbuild.training.losses import Loss
from tflbuild.training.pace import Pace, Trained

Batches = Callable[[int], Iterator[tuple[Any, ...]]]
"""Function from the first step to (images uint8, *targets) of that step and all that follow."""

REPORT_EVERY = 20  # steps between two looks at the loss


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Length, learning rate and regularization of a training.

    Attributes:
        steps: batches.
        learning_rate: highest; reached after `warmup` steps.
        warmup: steps of linear rise.
        shape: how the rate falls from there: "cosine" to 0 as a half cosine; "exponential" by the same factor in each
            step, to `decay` of the highest in the end; "step" to `decay` of what it was at each of `drops`; "constant"
            not at all.
        decay: factor of "exponential" and "step".
        drops: shares of the steps behind the warm-up, at which the rate of "step" drops.
        weight_decay: decoupled, on kernels only.
        gradient_clip: largest global norm of a step's gradient.
        average: decay of the running mean of weights that replaces them in the end; 0 for none.
    """

    steps: int
    learning_rate: float
    warmup: int
    shape: Literal["cosine", "exponential", "step", "constant"] = "cosine"
    decay: float = 0.1
    drops: tuple[float, ...] = ()
    weight_decay: float = 0.0
    gradient_clip: float = 10.0
    average: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Callbacks of a training step, run inside the graph.

    Attributes:
        before: is given the step, an int64 scalar, before the model runs.
        targets: is given what the model takes and the targets; gives the loss's targets.
        after: runs when the weights have changed.
    """

    before: Callable[[Any], None] = lambda step: None
    targets: Callable[[Any, tuple[Any, ...]], tuple[Any, ...]] = lambda values, targets: targets
    after: Callable[[], None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Progress, log and checkpoint of a training.

    Attributes:
        progress: is told done steps, all steps and a note.
        log: is given a line.
        doing: is told what is being waited for; "" where that is over.
        continued: is told the step that a training goes on behind.
        trained: is told each point of the training curve.
        checkpoint: file of the training state; None for no checkpoints.
        checkpoint_seconds: how often the state is kept; 0 for as often as the loss is looked at.
        label: names the step of the recipe in messages.
        epoch: steps of an epoch; 0 where nobody says.
    """

    progress: Callable[[float, float, str], None] = field(default=lambda done, total, note: None)
    log: Callable[[str], object] = field(default=lambda text: None)
    doing: Callable[[str], None] = field(default=lambda text: None)
    continued: Callable[[int], None] = field(default=lambda step: None)
    trained: Trained = field(default=lambda step, loss, learning_rate, images_per_second, epoch: None)
    checkpoint: Path | None = None
    checkpoint_seconds: float = 30.0
    label: str = "train"
    epoch: float = 0.0


def fit(
    model: Any,
    batches: Batches,
    loss: Loss,
    schedule: Schedule,
    scaled: Callable[[Any], Any],
    watch: Watch,
    hooks: Hooks | None = None,
) -> float:
    """Train a model in place.

    The result follows from the model, the batches and the schedule alone: a training that was killed and continued
    from its checkpoint ends with the same weights, to the bit. See `Checkpoint`; the batches follow from their step.

    Args:
        model: a `tf_keras.Model` from model values (batch, ...) float32 to its raw outputs.
        batches: gives what to train on from a step on.
        loss: what is minimised.
        schedule: how long and how fast.
        scaled: makes model values of codes, as floats.
        watch: who is told, and where the state is kept.
        hooks: what else happens in a step.

    Returns:
        The last step's loss.

    Raises:
        PassError: the loss is no longer finite.
    """
    training = _Training(model, loss, schedule, scaled, hooks or Hooks())
    state = Checkpoint(watch.checkpoint, training.variables, watch.log)
    start, value = state.restore()
    pace = Pace(state.curve, watch.trained, training.rate, watch.epoch)
    if start:
        watch.continued(start)
    watch.doing("reading data")
    saved = time.monotonic()
    stream = batches(start)
    for step in range(start, schedule.steps):
        images, *targets = next(stream)
        if step == start:
            watch.doing("compiling the graph")
        result = training.step(tf.constant(step, tf.int64), images, tuple(targets))
        looked = step % REPORT_EVERY == 0 or step + 1 == schedule.steps
        if looked:
            value = _finite(float(result), step, schedule, watch.label)
        if step == start:
            watch.doing("")
        pace.went_on(step, len(images), value if looked else None)
        watch.progress(step + 1, schedule.steps, f"loss {value:.3f}")
        if looked if not watch.checkpoint_seconds else time.monotonic() - saved > watch.checkpoint_seconds:
            state.save(step + 1, value)
            saved = time.monotonic()
    training.finish()
    return value


class _Training:
    """The graph of one training step and the state it changes."""

    def __init__(
        self, model: Any, loss: Loss, schedule: Schedule, scaled: Callable[[Any], Any], hooks: Hooks
    ) -> None:
        self.model = model
        self.schedule = schedule
        self._loss, self._hooks = loss, hooks
        self._scaled = scaled
        self._optimizer = tf_keras.optimizers.Adam(1e-3, epsilon=1e-7)
        self._optimizer.build(model.trainable_variables)
        self._averaged = _averaged(model) if schedule.average else []
        self._means = [tf.Variable(variable, trainable=False) for variable in self._averaged]
        self._decayed = [v for v in model.trainable_variables if len(v.shape) > 1]
        self.variables: list[Any] = [
            *model.variables,
            *self._optimizer.variables,
            *self._means,
            *keras.random_states(model),
        ]
        self.step = tf.function(self._step, autograph=False)

    def _step(self, step: Any, images: Any, targets: tuple[Any, ...]) -> Any:
        model = self.model
        rate = self._rate(tf.cast(step, tf.float32))
        self._hooks.before(step)
        values = self._scaled(tf.cast(images, tf.float32))
        targets = self._hooks.targets(values, targets)
        with tf.GradientTape() as tape:
            loss = self._loss(model(values, training=True), targets)
        gradients = tape.gradient(loss, model.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, self.schedule.gradient_clip)
        for variable in self._decayed if self.schedule.weight_decay else ():
            variable.assign_sub(rate * self.schedule.weight_decay * variable)
        self._optimizer.learning_rate = rate
        self._optimizer.apply_gradients(
            (g, v) for g, v in zip(gradients, model.trainable_variables, strict=True) if g is not None
        )
        self._hooks.after()
        self._average(tf.cast(step, tf.float32))
        return loss

    def rate(self, step: int) -> float:
        """Give the learning rate of a step."""
        return float(self._rate(tf.constant(step, tf.float32)))

    def _rate(self, step: Any) -> Any:
        schedule = self.schedule
        rise = (step + 1) / max(schedule.warmup, 1)
        done = (step - schedule.warmup) / max(schedule.steps - schedule.warmup, 1)
        fall = self._fall(tf.clip_by_value(done, 0.0, 1.0))
        return schedule.learning_rate * tf.where(step < schedule.warmup, rise, fall)

    def _fall(self, done: Any) -> Any:
        """Give the share of the highest rate that is left, for the share of the steps that are done."""
        schedule = self.schedule
        if schedule.shape == "cosine":
            return 0.5 * (1 + tf.cos(np.pi * done))
        if schedule.shape == "exponential":
            return tf.pow(schedule.decay, done)
        if schedule.shape == "step":
            passed = [tf.where(done >= drop, schedule.decay, 1.0) for drop in schedule.drops]
            return tf.reduce_prod(tf.stack([tf.ones_like(done), *passed]), axis=0)
        return tf.ones_like(done)

    def _average(self, step: Any) -> None:
        decay = tf.minimum(self.schedule.average, (1 + step) / (10 + step))
        for mean, variable in zip(self._means, self._averaged, strict=True):
            mean.assign_sub((1 - decay) * (mean - variable))

    def finish(self) -> None:
        """Put the running means in place of the weights."""
        for mean, variable in zip(self._means, self._averaged, strict=True):
            variable.assign(mean)
        self._hooks.after()


def _averaged(model: Any) -> list[Any]:
    """Give what a running mean is kept of: weights and the statistics of batch norm."""
    statistics = [v for v in model.non_trainable_variables if "moving_" in v.name]
    return [*model.trainable_variables, *statistics]


def _finite(value: float, step: int, schedule: Schedule, label: str) -> float:
    if not np.isfinite(value):
        raise PassError(
            f"pass '{label}': the loss became {value} at step {step + 1} of {schedule.steps}; lower "
            f"{label}.learning_rate (it is {schedule.learning_rate:g}) or look at the data's boxes."
        )
    return value
