"""Take whole channels out of a model, so that it computes less, while what is left learns to do without them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.training.cutting import AIMS, Cutting, Round, aim, limits, nothing_to_prune
from tflbuild.passes.training.fitting import Fitting, Lap, fit, shortened
from tflbuild.passes.training.keras_writing import emit_keras, put_keras
from tflbuild.passes.training.layer_patterns import fitting

if TYPE_CHECKING:
    from tflbuild.training.channels.subject import Subject


@compiler_pass("prune_channels")
class PruneChannels(Fitting):
    """Take the least important channels out of convolutions and dense layers, and train on.

    The result is an ordinary, smaller model: it is faster on every device, and every later pass works on it. Exactly
    one of `macs`, `sparsity` and `target_latency` says how far to go. It is done in `rounds`: each takes out an even
    part and trains on, and after each the model is held to the step's budget on val. The last round within it is
    kept. Where not even the first is, the gate closes on that one. With `within_budget=false` all rounds are run.

    Which channels go together follows from the graph: those that a sum joins, those that a depthwise convolution
    hands on, those of a squeeze-and-excite, those that a flattened tensor has at every place. They leave together from
    every layer. The outputs of the model keep all their channels. So does what reaches a layer that is not known to
    keep channels apart, such as an attention or a layer norm; the report names it. Layers that are called several
    times lose the same channels at every call.

    `importance` says what a channel is worth. `taylor` is the square of what the loss would change by without it, to
    first order, from the gradients of some batches; `batch_norm` is the size of its scale; `l1` is the mean size of
    its weights. Groups are compared after dividing as `compare` says.

    `target_latency` converts candidates to float `.tflite` files and times them against that of the input, on one
    thread of this machine, in turns. So the size that it finds is not the same on every machine, and a later int8 file
    may gain more or less.

    Belongs before `prune`, `cluster` and `qat`, whose zeros, clusters and ranges a training would undo.

    References:
        Liu et al., Learning Efficient Convolutional Networks through Network Slimming, 2017 (`batch_norm`).
        Li et al., Pruning Filters for Efficient ConvNets, 2017 (`l1`).
        Molchanov et al., Importance Estimation for Neural Network Pruning, 2019 (`taylor`).
        Fang et al., DepGraph: Towards Any Structural Pruning, 2023 (groups).
    """

    needs = ("tensorflow", "tf_keras", "ai_edge_litert", "numpy", "PIL")
    promises = (
        "the same inputs and outputs; as few multiply-accumulates or channels as the kept round was to have"
    )

    macs: Annotated[float, Gt(0), Lt(1)] | None = None
    """Largest share of the multiply-accumulates that is left. Smaller is faster and costs more accuracy. null:
    `sparsity` or `target_latency` says how far. [fraction of the multiply-accumulates]"""
    sparsity: Annotated[float, Ge(0), Lt(1)] | None = None
    """Share of the channels that leave. More is faster and costs more accuracy; 0 only trains, for comparison.
    null: `macs` or `target_latency` says how far. [fraction of the channels]"""
    target_latency: Annotated[float, Gt(0), Lt(1)] | None = None
    """Largest share of the latency that is left, measured on converted files on this machine. Smaller costs more
    accuracy. null: `macs` or `sparsity` says how far. [fraction of the latency]"""
    importance: Literal["taylor", "batch_norm", "l1"] = "taylor"
    """How a channel's importance is measured: `taylor` the gradients of some batches, `batch_norm` its scale,
    `l1` the size of its weights."""
    compare: Literal["none", "group", "cost", "both"] | None = None
    """Divisor of importance, before groups are compared: `none` nothing, `group` the mean of the group,
    `cost` the multiply-accumulates that leaving saves, `both` both. null: `cost` for `taylor`, otherwise `both`."""
    batches: Annotated[int, Ge(1), Le(100_000)] = 16
    """Batches of the train split that `taylor` measures importance on, in each round. More measure better and take
    longer. [batches]"""
    minimum: Annotated[int, Ge(1), Le(65_536)] = 4
    """Channels that every group keeps. More protects narrow layers. [channels]"""
    multiple: Annotated[int, Ge(1), Le(1024)] = 8
    """A group that loses channels keeps a multiple of this, which kernels are fast at. 1 follows
    importance more closely. [channels]"""
    most: Annotated[float, Gt(0), Le(1)] = 0.8
    """Largest share of a group's channels that leaves. Smaller spreads the loss over more layers. [fraction of
    the channels]"""
    exclude: tuple[str, ...] = ()
    """Patterns of the names of layers that keep all their channels, e.g. `conv_0`."""
    rounds: Annotated[int, Ge(1), Le(100)] = 3
    """How many times channels leave and the rest trains on. More take longer and stop closer to the budget.
    [rounds]"""
    round_steps: Annotated[int, Ge(1), Le(100_000_000)] | None = None
    """Length of the training in each round. null: the training's length divided by `rounds`. [batches]"""
    within_budget: bool = True
    """Whether each round is held to the step's budget, which there must be then, and the last one within it is kept.
    false: all rounds are run, and the step's gate judges the last."""
    learning_rate: Annotated[float, Gt(0), Le(1000)] = 2e-3

    def check(self) -> None:
        """Refuse no aim and several, and two lengths at once."""
        super().check()
        given = [(name, value) for name in AIMS if (value := getattr(self, name)) is not None]
        if not given:
            raise ValueError(
                "macs: none of macs, sparsity and target_latency is set; set one, e.g. macs=0.5 to leave half of the "
                "multiply-accumulates"
            )
        if len(given) > 1:
            (one, value), (other, second) = given[:2]
            raise ValueError(f"{other}: {second:g} and {one}: {value:g} are both set; one is enough")
        if self.round_steps is not None and (self.steps is not None or self.epochs is not None):
            raise ValueError(
                f"round_steps: {self.round_steps} and the length of all rounds, steps or epochs, are both set; one is "
                f"enough"
            )

    def resolve(self, facts: DataFacts) -> Self:
        """Say the length of a round in steps, and how groups are compared."""
        compare = self.compare or ("cost" if self.importance == "taylor" else "both")
        options = replace(self, compare=compare)
        if self.round_steps is not None or (self.steps is not None and self.epochs is not None):
            return options
        whole = super(PruneChannels, options).resolve(facts)
        assert whole.steps is not None
        return replace(whole, steps=None, round_steps=math.ceil(whole.steps / self.rounds))

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data: enough to recover, and more where they are many images."""
        return max(shortened(1500, facts), math.ceil(6 * facts.train / self.batch_size))

    def judges(self) -> bool:
        """Hold the model of each round to the budget; the gate alone does so where there is one round."""
        return self.within_budget and self.rounds > 1

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Cut and train, round by round, and give the last model within the budget."""
        from tflbuild.backends import keras

        for fact, later in (("quantized", "qat"), ("clusters", "cluster"), ("sparsity", "prune")):
            if model.meta.get(fact):
                raise PassError(
                    f"the training would undo what '{later}' did; put '{later}' behind '{ctx.label}'."
                )
        facts, base = Meaning.of(model), self._subject(keras.load(model.path), ctx.label)
        if not base.channels:
            raise PassError(nothing_to_prune(base))
        cutting = Cutting(self, base, facts, ctx)
        cutting.check_fits()
        rounds = list[dict[str, Any]]()
        kept, current = None, base
        for one in self._rounds():
            current = self._trained(one, current, cutting, model, ctx)
            made = self._emitted(current, one, facts, ctx)
            noted: dict[str, Any] = {
                "macs": round(current.macs / base.macs, 4),
                "channels": round(current.channels / base.channels, 4),
            }
            rounds.append(noted)
            judgement = ctx.judge(made) if self.judges() else None
            if judgement is not None:
                figures = {name: found.value for name, found in judgement.metrics.items()}
                noted |= {"metrics": figures, "ok": judgement.ok}
            verdict = "".join(f", {verdict.text}" for verdict in judgement.verdicts) if judgement else ""
            ctx.log(
                f"round {one.number + 1} of {self.rounds}: {noted['macs']:.3f} x the multiply-accumulates{verdict}"
            )
            if judgement is not None and not judgement.ok:
                break
            kept = (made, current)
        result, left = kept or (made, current)
        ctx.notes["channels"] = cutting.noted(left) | {"rounds": rounds}
        return result

    def _rounds(self) -> Iterator[Round]:
        for number in range(self.rounds):
            yield Round(number=number, share=(number + 1) / self.rounds)

    def _subject(self, built: Any, label: str) -> Subject:
        """Read a model, with the layers that are to keep their channels."""
        from tflbuild.training.channels.subject import Subject

        found = Subject.of(built)
        excluded = fitting(found.makers, self.exclude, f"{label}.exclude", "gives channels")
        return Subject.of(built, excluded) if excluded else found

    def _trained(
        self, one: Round, current: Subject, cutting: Cutting, model: KerasModel, ctx: PassContext
    ) -> Subject:
        """Cut a model and train what is left; both are kept, for a training that is interrupted."""
        from tflbuild.backends import keras

        facts = Meaning.of(model)
        start, finished = (ctx.checkpoint_dir / f"{what}-{one.number}.h5" for what in ("cut", "round"))
        if not finished.is_file():
            keras.seed(ctx.seed + one.number)
            if not start.is_file():
                put_keras(current.without(cutting.chosen(one, current)), facts, start)
            keras.seed(ctx.seed + one.number)
            built = keras.load(start)
            lap = Lap(number=one.number, of=self.rounds)
            fit(built, facts, replace(self, steps=self.round_steps), ctx, given=model, lap=lap)
            put_keras(built, facts, finished)
        return self._subject(keras.load(finished), ctx.label)

    def _emitted(self, current: Subject, one: Round, facts: Meaning, ctx: PassContext) -> KerasModel:
        noted = {"share": one.share, "macs": current.macs, "channels": current.channels}
        return emit_keras(ctx, current.model, facts, channels=noted)

    def verify(self, model: KerasModel, result: KerasModel) -> None:
        """Count the channels and multiply-accumulates in the file, and look at its ends and its weights."""
        from tflbuild.backends import keras

        base = self._subject(keras.load(model.path), self.name)
        left = self._subject(keras.load(result.path, finite=False), self.name)
        for what in ("input_shape", "output_shape"):
            before, after = getattr(base.model, what), getattr(left.model, what)
            if before != after:
                raise BrokenPromise(f"the {what.replace('_', ' ')} is {after}, not {before} as before.")
        broken = keras.not_finite(left.model)
        if broken:
            raise BrokenPromise(f"{broken[0]} holds values that are not finite.")
        sizes = left.sizes
        for name, count in base.sizes.items():
            if sizes.get(name) not in limits(self).sizes(count):
                raise BrokenPromise(
                    f"'{name}' has {sizes.get(name)} channels of {count}, which minimum, multiple and most do not "
                    f"allow."
                )
        share = result.meta["channels"]["share"]
        if self.target_latency is None and not aim(self, base, share).reached(left.macs, left.channels):
            raise BrokenPromise(
                f"{left.macs} of {base.macs} multiply-accumulates and {left.channels} of {base.channels} channels are "
                f"left, more than was promised."
            )
