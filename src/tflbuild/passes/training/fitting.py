"""The base of passes that train: options of training, and training on the recipe's data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, Self

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts, Pass, PassContext
from tflbuild.core.meaning import Meaning
from tflbuild.passes.training.distillation import Distill, with_teacher

TFMOT_TOOLS = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "numpy", "PIL")
"""Tools of the passes that train with tfmot."""

USUAL_SIZE = 96
"""Input of the shipped recipes in pixels, which the usual lengths were measured on."""


@dataclass(frozen=True, kw_only=True)
class Fitting(Pass):
    """Base of the passes that train on `data.train`."""

    needs: ClassVar[tuple[str, ...]] = ("tensorflow", "tf_keras", "numpy", "PIL")
    trains = True
    labelled = True

    steps: Annotated[int, Ge(1), Le(100_000_000)] | None = None
    """Length of the training. null: `epochs`, or a length that suits the data and the input size.
    [batches]"""
    epochs: Annotated[float, Gt(0), Le(100_000)] | None = None
    """Length of the training in passes over the train split; set this or `steps`, not both. null: `steps`
    counts. [passes over the data]"""
    batch_size: Annotated[int, Ge(1), Le(65_536)] = 32
    """Images that each step trains on together. Larger is steadier per step and needs more memory and time.
    [images]"""
    learning_rate: Annotated[float, Gt(0), Le(1000)] = 1e-3
    """Highest learning rate of Adam, reached after the warm-up. Larger learns faster and may diverge; lower it
    when the loss is not finite. [no unit]"""
    learning_rate_schedule: Literal["cosine", "exponential", "step", "constant"] = "cosine"
    """How the learning rate falls after the warm-up: `cosine` to 0 along a half cosine, `exponential` by the
    same factor in every step, `step` at each of `learning_rate_drops`, `constant` not at all."""
    learning_rate_decay: Annotated[float, Gt(0), Le(1)] = 0.1
    """Factor that `exponential` has reached at the end, and by which `step` multiplies the learning rate at
    each drop. Smaller ends with smaller steps. [fraction]"""
    learning_rate_drops: tuple[Annotated[float, Gt(0), Lt(1)], ...] = (0.5, 0.75)
    """Where `step` lowers the learning rate, as fractions of the steps after the warm-up. [fraction of the
    steps]"""
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.05
    """Part of the training in which the learning rate rises to `learning_rate`. Longer is safer with a large
    learning rate. [fraction of the steps]"""
    weight_decay: Annotated[float, Ge(0), Le(1000)] = 0.0
    """How strongly kernels are pulled towards 0 in every step (decoupled, as in AdamW). 0 is off; larger
    overfits less and may underfit. [no unit]"""
    gradient_clip: Annotated[float, Gt(0)] = 10.0
    """Largest global norm of a step's gradient; a longer gradient is scaled down to it. Smaller guards better
    against single bad batches and learns more slowly. [no unit]"""
    average: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Decay of a running mean of the weights, which replaces the weights at the end. 0 is off; nearer to 1
    averages over more steps. [fraction]"""
    loss: Literal["focal", "hard_negative"] = "hard_negative"
    """Loss of a detector's classes: `hard_negative` trains on the matched boxes and the three hardest
    background boxes for each, `focal` on all boxes. Classifiers ignore it."""
    value_loss: Literal["mse", "mae", "huber"] = "mse"
    """Loss of a regression, whose errors count in deviations of the train split: `mse` squares them, `mae` takes their
    size, so that single wrong values weigh less, `huber` squares those below 1 deviation and takes the size of larger
    ones. Other tasks ignore it."""
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Part of each target that is spread evenly over all classes of a classifier, so that it is less sure of
    itself. 0 is off; detectors ignore it. [fraction]"""
    distill: Distill = field(default_factory=Distill)
    """Learn from the outputs of a trained model (the teacher), in addition to the labels."""

    def reads(self) -> tuple[str, ...]:
        """Train on the train split; read the file of a teacher."""
        return ("data.train", *self.distill.files())

    def models(self) -> tuple[str, ...]:
        """Read the output of the step that teaches."""
        return self.distill.labels()

    def check(self) -> None:
        """Refuse two lengths at once, and a teacher that is not there."""
        self.distill.check()
        if self.steps is not None and self.epochs is not None:
            raise ValueError(f"epochs: {self.epochs:g} and steps: {self.steps} are both set; one is enough")

    def resolve(self, facts: DataFacts) -> Self:
        """Say the length in steps."""
        if self.steps is not None:
            return self
        if self.epochs is not None:
            steps = math.ceil(self.epochs * facts.train / self.batch_size)
        else:
            steps = self.usual_steps(facts)
        return replace(self, steps=max(1, steps), epochs=None)

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data."""
        raise NotImplementedError


def shortened(steps: int, facts: DataFacts) -> int:
    """Give a length for an input of `USUAL_SIZE` that suits this one: fewer where each step costs more."""
    share: float = (USUAL_SIZE / (facts.input_size or USUAL_SIZE)) ** 0.5
    return round(steps * share)


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One of several consecutive training rounds, each as long as the options say.

    Attributes:
        number: from 0; each sees other batches, and keeps a state of its own.
        of: how many there are at most.
    """

    number: int = 0
    of: int = 1


def fit(
    model: Any,
    facts: Meaning,
    options: Fitting,
    ctx: PassContext,
    hooks: Any = None,
    *,
    given: KerasModel | None = None,
    lap: Lap = Lap(),
) -> float:
    """Train a model in place on the recipe's train split.

    Args:
        model: a `tf_keras.Model` of these facts.
        facts: what goes in and what comes out.
        options: how long and how fast.
        ctx: seed, data, progress and checkpoints.
        hooks: a `tflbuild.training.loop.Hooks`.
        given: the pass's input, which teaches where no other teacher is named; None for a pass that has none.
        lap: which of several trainings in a row.

    Returns:
        The last loss.
    """
    from tflbuild.training import loop as training

    assert options.steps is not None, "resolve() ran before"
    length = options.steps
    split, given_input, task = ctx.dataset("data.train"), facts.only, facts.kind
    modality = given_input.kind
    loss = task.loss(model, options)
    if options.distill.weight:
        loss, hooks = with_teacher(options.distill, model, facts, loss, hooks, given, ctx)

    def batches(start: int) -> Any:
        first = lap.number * length + start
        stream = modality.batches(split, ctx.augment, given_input.shape, options.batch_size, ctx.seed, first)
        return ahead(map(task.targeting(facts), stream))

    schedule = training.Schedule(
        steps=length,
        learning_rate=options.learning_rate,
        warmup=round(options.warmup * length),
        shape=options.learning_rate_schedule,
        decay=options.learning_rate_decay,
        drops=options.learning_rate_drops,
        weight_decay=options.weight_decay,
        gradient_clip=options.gradient_clip,
        average=options.average,
    )
    before, whole = lap.number * length, lap.of * length

    def trained(step: int, loss: float, rate: float, speed: float | None, epoch: float | None) -> None:
        epoch = None if epoch is None else epoch + before * options.batch_size / len(split)
        ctx.trained(before + step, whole, loss=loss, learning_rate=rate, images_per_second=speed, epoch=epoch)

    watch = training.Watch(
        progress=lambda done, total, note: ctx.progress(before + done, whole, note),
        log=ctx.log,
        doing=ctx.doing,
        continued=lambda step: ctx.continued(before + step, whole),
        trained=trained,
        checkpoint=ctx.checkpoint_dir / (f"training-{lap.number}.npz" if lap.number else "training.npz"),
        checkpoint_seconds=ctx.checkpoint_seconds,
        label=ctx.label,
        epoch=len(split) / options.batch_size,
    )
    last = training.fit(model, batches, loss, schedule, modality.scaled, watch, hooks)
    ctx.notes["loss"] = round(last, 4)
    return last


def ahead(items: Iterable[Any]) -> Iterator[Any]:
    """Give items in order, computing the next one in a background thread meanwhile."""
    source = iter(items)
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="targets") as pool:
        waiting = pool.submit(next, source, end)
        while (item := waiting.result()) is not end:
            waiting = pool.submit(next, source, end)
            yield item
