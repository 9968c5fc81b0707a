"""Set the least weights to zero, while the others learn to do without them.

Longer than most modules: it is one class, a third of which is the prose of its options.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.training.fitting import TFMOT_TOOLS, Fitting, Lap, fit, shortened
from tflbuild.passes.training.keras_writing import emit_keras, put_keras
from tflbuild.passes.training.layer_patterns import fitting, value_of

Side = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class Level:
    """One training, to one sparsity.

    Attributes:
        number: from 0.
        share: of the declared zeros in the end.
        before: share of them that are there already.
    """

    number: int = 0
    share: float = 1.0
    before: float = 0.0


@compiler_pass("prune")
class Prune(Fitting):
    """Set the smallest weights of each kernel to zero and train on with tfmot.

    `polynomial` raises the share of zeros from 0 to `sparsity` over the first `ramp` of the steps, fast at
    first; `constant` masks from the first step; `2:4` (quoted in YAML) zeroes two of each four weights along
    the input channels, which some devices compute twice as fast. `iterative` trains in `levels`, each as
    `polynomial` from the one before: at `start` of the way first, at `sparsity` last; after each the model is
    held to the step's budget on val, and the last level within it is kept. Where not even the first is, the
    gate closes on that one.

    `spread` says how many of the zeros each layer gets. On `signs`, an SSD pruned to 50 % lost 0.023 mAP against a
    model trained as long with the same share in every layer (`even`), 0.015 with one threshold for all weights
    (`magnitude`), and 0.001 with `lamp`, which leaves narrow early layers nearly dense.

    Kernels of convolutions and dense layers are pruned; depthwise kernels and biases, a few percent of the
    weights, stay dense. The first layer and the heads take part too: an SSD pruned to 50 % lost 0.001 mAP
    with them on `signs`, so `exclude` is empty. Levels and ramps scale the shares of `layers`, too.

    tfmot allows `block_size` for dense layers alone: convolutions are pruned weight by weight.

    A pruned file is as large as before: its zeros are stored. It shrinks when it is compressed, as in a download
    or an app's package (metric `compressed_size`, beside `size` in every report), or with
    `convert.sparse_encoding`.

    References:
        Zhu and Gupta, To Prune, or Not to Prune, 2017.
        Mishra et al., Accelerating Sparse Deep Neural Networks, 2021 (2:4).
        Renda, Frankle and Carbin, Comparing Rewinding and Fine-tuning in Neural Network Pruning, 2020
        (iterative: the learning rate starts again at every level).
        Lee et al., Layer-Adaptive Sparsity for the Magnitude-Based Pruning, 2021 (lamp).
    """

    needs = TFMOT_TOOLS
    promises = "the declared share of zeros in the pruned kernels"

    schedule: Literal["polynomial", "constant", "2:4", "iterative"] = "polynomial"
    """How zeros appear: `polynomial` raises their share over the first `ramp` of the steps, `constant` sets all
    from the first step, `2:4` zeroes two of each four weights, `iterative` trains level by level and keeps the
    last level within the budget."""
    sparsity: Annotated[float, Ge(0), Lt(1)] = 0.5
    """Share of zeros in the pruned kernels together. More compresses better and costs more accuracy. [fraction of
    weights]"""
    spread: Literal["lamp", "magnitude", "even"] = "lamp"
    """How many of the zeros each layer gets: `lamp` by what a weight is of the larger ones of its layer,
    `magnitude` by one threshold for all weights, `even` the same share everywhere. `2:4` is even, whatever is said."""
    layers: Mapping[str, float] | tuple[tuple[str, float], ...] = field(default_factory=dict)
    """Another share for some layers, by pattern of their names, e.g. `{"class_*": 0.0}`; each at least 0 and
    below 1. The first pattern that fits counts; `sparsity` is then that of the others. [fraction of weights]"""
    exclude: tuple[str, ...] = ()
    """Patterns of the names of layers that stay dense, e.g. `class_*`."""
    ramp: Annotated[float, Ge(0), Le(1)] = 0.5
    """Part of the training in which zeros are chosen again and, unless schedule=constant, their share rises;
    the model recovers in the rest. 0 sets all zeros at once. [fraction of the steps]"""
    frequency: Annotated[int, Ge(1), Le(100_000_000)] = 50
    """Steps from one choice of the weights that become zero to the next. Smaller follows the training more
    closely and takes longer. [batches]"""
    start: Annotated[float, Gt(0), Le(1)] = 0.6
    """Of `iterative`: the first level, as a share of `sparsity`. Smaller begins more gently. [fraction of
    `sparsity`]"""
    levels: Annotated[int, Ge(1), Le(100)] = 4
    """Of `iterative`: how many levels lead from the first to `sparsity`, evenly. More take longer and stop
    closer to the budget. [levels]"""
    level_steps: Annotated[int, Ge(1), Le(100_000_000)] | None = None
    """Of `iterative`: length of each level. null: the training's length divided by `levels`.
    [batches]"""
    block_size: tuple[Side, Side] = (1, 1)
    """Inputs and outputs of the blocks that become zero together in a dense layer's kernel; they must divide
    it. [1, 1] prunes single weights. [weights]"""
    block_pooling: Literal["average", "maximum"] = "average"
    """Size of a block: the `average` or the `maximum` of the sizes of its weights."""
    learning_rate: Annotated[float, Gt(0), Le(1000)] = 1.5e-3

    def check(self) -> None:
        """Refuse a sparsity that the pattern cannot have, and two lengths at once."""
        super().check()
        for pattern, share in self._special.items():
            if not 0 <= share < 1:
                raise ValueError(
                    f"layers.{pattern}: {share} is not a share of zeros; it should be at least 0, and below 1"
                )
        if self.schedule == "2:4":
            self._check_two_of_four()
        if self.level_steps is not None and self.schedule != "iterative":
            raise ValueError(
                f"level_steps: {self.level_steps} is set, but schedule={self.schedule} has no levels"
            )
        if self.level_steps is not None and (self.steps is not None or self.epochs is not None):
            raise ValueError(
                f"level_steps: {self.level_steps} and the length of all levels, steps or epochs, are both set; one is "
                f"enough"
            )

    def _check_two_of_four(self) -> None:
        if self.sparsity != 0.5:
            raise ValueError(f"sparsity: {self.sparsity} is not possible with schedule=2:4, which gives 0.5")
        for pattern, share in self._special.items():
            if share not in (0.0, 0.5):
                raise ValueError(
                    f"layers.{pattern}: {share} is not possible with schedule=2:4; 0.5, or 0.0 for a layer that stays "
                    f"dense"
                )
        if self.block_size != (1, 1):
            raise ValueError(f"block_size: {list(self.block_size)} is not possible with schedule=2:4")

    def resolve(self, facts: DataFacts) -> Self:
        """Say the length in steps; keep the order of `layers`, which decides, in what is keyed."""
        ordered = replace(self, layers=tuple(self._special.items()))
        twice = self.steps is not None and self.epochs is not None
        if self.schedule == "iterative" and (twice or self.level_steps is not None):
            return ordered
        resolved = super(Prune, ordered).resolve(facts)
        if self.schedule != "iterative":
            return resolved
        assert resolved.steps is not None
        return replace(resolved, steps=None, level_steps=math.ceil(resolved.steps / self.levels))

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data: four passes, and enough to recover where they are few images."""
        return max(shortened(800, facts), math.ceil(4 * facts.train / self.batch_size))

    def judges(self) -> bool:
        """Hold the model of each level to the budget."""
        return self.schedule == "iterative"

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Prune while training on the train split."""
        if model.meta.get("quantized"):
            raise PassError("the model is fake-quantized; prune it before 'qat'.")
        if model.meta.get("clusters"):
            raise PassError(
                "the model is clustered, and pruning would free its weights; prune it before 'cluster'."
            )
        if self.schedule == "iterative":
            made = self._by_levels(model, ctx)
        else:
            made = self._emitted(self._trained(model.path, model, ctx, Level(), self), model, ctx, Level())
        ctx.notes["sparsity"] = round(made.meta["sparsity"]["overall"], 4)
        return made

    def _by_levels(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Train level by level, and give the last that keeps to the budget."""
        from tflbuild.backends import keras

        assert self.level_steps is not None, "resolve() ran before"
        options = replace(self, steps=self.level_steps)
        facts, notes = Meaning.of(model), list[dict[str, Any]]()
        ctx.notes["iterations"] = notes
        kept, path = None, model.path
        for level in self._levels():
            sparsity = level.share * self.sparsity
            finished = ctx.checkpoint_dir / f"level-{level.number}.h5"
            if not finished.is_file():
                built = self._trained(path, model, ctx, level, options)
                put_keras(built, facts, finished)
            path = finished
            made = self._emitted(keras.load(path), model, ctx, level)
            judgement = ctx.judge(made)
            notes.append(
                {
                    "sparsity": round(sparsity, 4),
                    "metrics": {name: found.value for name, found in judgement.metrics.items()},
                    "ok": judgement.ok,
                }
            )
            verdict = "; ".join(verdict.text for verdict in judgement.verdicts)
            ctx.log(f"level {level.number + 1} of {self.levels}: sparsity {sparsity:.3g}, {verdict}")
            if not judgement.ok:
                break
            kept = made
        return kept or made

    def _levels(self) -> Iterator[Level]:
        before = 0.0
        for number in range(self.levels):
            share = 1.0 - (1.0 - self.start) * (self.levels - 1 - number) / max(self.levels - 1, 1)
            yield Level(number=number, share=share, before=before)
            before = share

    def _trained(self, path: Path, model: KerasModel, ctx: PassContext, level: Level, options: Prune) -> Any:
        """Give the model of a file, trained to a level."""
        from tflbuild.backends import keras
        from tflbuild.training import pruning

        assert options.steps is not None, "resolve() ran before"
        steps = options.steps
        keras.seed(ctx.seed + level.number)
        built = keras.load(path)
        shares = self._shares(keras.load(model.path) if level.number and self._weighs else built, ctx.label)
        if self.sparsity and not any(
            shares.values()
        ):  # 0 is for comparison: as long a training, nothing pruned
            raise PassError(
                "no kernel is left to prune: the model has none, or 'exclude' and 'layers' name them all."
            )
        pattern = self._pattern()
        pattern.check(built, self._said(built, ctx.label))
        kind = "polynomial" if self.schedule == "iterative" else self.schedule

        def course(share: float) -> Any:
            return pruning.schedule(
                kind, share * level.share, steps, self.ramp, self.frequency, share * level.before
            )

        hooks = pruning.Pruning(built, shares, course, pattern).hooks()
        lap = Lap(number=level.number, of=self.levels if self.schedule == "iterative" else 1)
        fit(built, Meaning.of(model), options, ctx, hooks, given=model, lap=lap)
        if self.schedule != "2:4":
            reached = {name: share * level.share for name, share in shares.items()}
            pruning.break_ties(built, reached, pattern)
        return built

    def _emitted(self, built: Any, model: KerasModel, ctx: PassContext, level: Level) -> KerasModel:
        from tflbuild.training import tfmot

        return emit_keras(
            ctx,
            built,
            Meaning.of(model),
            sparsity={
                "target": level.share * self.sparsity,
                "schedule": self.schedule,
                "layers": tfmot.census(built, self.exclude),
                "overall": tfmot.overall_sparsity(built),
                **({"level": level.share} if self.schedule == "iterative" else {}),
            },
        )

    def _said(self, built: Any, label: str) -> dict[str, float]:
        """Give the share of zeros of every layer that the options say, before `sparsity` is spread."""
        from tflbuild.training import tfmot

        names = [layer.name for layer in tfmot.prunable_layers(built)]
        fitting(names, self._special, f"{label}.layers", "can be pruned")
        dense = fitting(names, self.exclude, f"{label}.exclude", "can be pruned")
        return {
            name: 0.0 if name in dense else value_of(name, self._special, self.sparsity) for name in names
        }

    def _shares(self, built: Any, label: str) -> dict[str, float]:
        """Give the share of zeros of every layer."""
        said = self._said(built, label)
        own = fitting(list(said), [*self._special, *self.exclude], label, "can be pruned")
        return said | self._spread_over(built, [name for name in said if name not in own])

    def _spread_over(self, built: Any, names: Sequence[str]) -> dict[str, float]:
        """Give the share of zeros of layers that share `sparsity`, from the weights that a training starts from."""
        from tflbuild.training import pruning

        if not (self._weighs and names):
            return dict.fromkeys(names, self.sparsity)
        return pruning.spread_over(built, names, self.sparsity, self.spread, self._pattern())

    @property
    def _weighs(self) -> bool:
        """Whether the share of a layer depends on the weights that a training starts from."""
        return self.schedule != "2:4" and self.spread != "even"

    @property
    def _special(self) -> dict[str, float]:
        return dict(self.layers)

    def _pattern(self) -> Any:
        """Give a `tflbuild.training.pruning.Pattern`."""
        from tflbuild.training.pruning import Pattern

        return Pattern(two_of_four=self.schedule == "2:4", block=self.block_size, pooling=self.block_pooling)

    def verify(self, model: KerasModel, result: KerasModel) -> None:
        """Count the zeros of each kernel in the file."""
        from tflbuild.backends import keras
        from tflbuild.training import pruning

        built = keras.load(result.path)
        before = keras.load(model.path) if self._weighs else built
        level = result.meta["sparsity"]["level"] if self.schedule == "iterative" else 1.0
        shares = {name: share * level for name, share in self._shares(before, self.name).items()}
        for found in pruning.zeros_of(built, shares, self._pattern()):
            if self.schedule == "2:4":
                if not found.two_of_four:
                    raise BrokenPromise(f"{found.name} does not follow the 2:4 pattern.")
                continue
            fewest = min(int(found.share * found.blocks), found.blocks - 1)
            if found.zero < fewest:
                blocks = "" if self.block_size == (1, 1) else "blocks of "
                raise BrokenPromise(
                    f"{found.name} has {found.zero} {blocks}zeros of {found.blocks}, not the {fewest} that are its "
                    f"part of sparsity={self.sparsity:g}."
                )
