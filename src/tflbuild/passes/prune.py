"""Set the least weights to zero, while the others learn to do without them."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.artifact import KerasModel, ModelFacts
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.passes import writing
from tflbuild.passes.fitting import Fitting, fit, shortened


@compiler_pass("prune")
class Prune(Fitting):
    """Set the smallest weights of each kernel to zero and train on with tfmot.

    `polynomial` raises the share of zeros from 0 to `sparsity` over the first `ramp` of the steps, fast at
    first; `constant` masks from the first step; `2:4` (quoted in YAML) zeroes two of each four weights along
    the input channels, which some devices compute twice as fast. Kernels of convolutions and dense layers
    are pruned; depthwise kernels and biases, a few percent of the weights, stay dense. The first layer and
    the heads take part too: an SSD pruned to 50 % lost 0.001 mAP with them on `signs`, so `exclude` is empty.

    References:
        Zhu and Gupta, To Prune, or Not to Prune, 2017.
        Mishra et al., Accelerating Sparse Deep Neural Networks, 2021 (2:4).
    """

    needs = (
        "tensorflow",
        "tf_keras",
        "tensorflow_model_optimization",
        "numpy",
        "PIL",
    )
    promises = "the declared share of zeros in every pruned kernel"

    schedule: Literal["polynomial", "constant", "2:4"] = "polynomial"
    sparsity: Annotated[float, Ge(0), Lt(1)] = 0.5  # share of zeros in each pruned kernel
    ramp: Annotated[float, Ge(0), Le(1)] = 0.5  # share of the steps in which the sparsity rises
    frequency: Annotated[int, Ge(1)] = 50  # steps from one choice of zeros to the next
    exclude: tuple[str, ...] = ()  # patterns of names of layers that stay dense, e.g. class_*
    learning_rate: Annotated[float, Gt(0)] = 1.5e-3

    def check(self) -> None:
        """Refuse a sparsity that the pattern cannot have."""
        super().check()
        if self.schedule == "2:4" and self.sparsity != 0.5:
            raise ValueError(f"sparsity: {self.sparsity} is not possible with schedule=2:4, which gives 0.5")

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data: four passes, and enough to recover where they are few images."""
        return max(shortened(800, facts), math.ceil(4 * facts.train / self.batch_size))

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Prune while training on the train split."""
        from tflbuild.backends import keras, tfmot

        assert self.steps is not None, "resolve() ran before"
        if model.meta.get("quantized"):
            raise PassError("the model is fake-quantized; prune it before 'qat'.")
        keras.seed(ctx.seed)
        facts = ModelFacts.of(model)
        built = keras.load(model.path)
        two_of_four = self.schedule == "2:4"
        plan = tfmot.schedule(self.schedule, self.sparsity, self.steps, self.ramp, self.frequency)
        fit(built, facts, self, ctx, tfmot.Pruning(built, self.exclude, plan, two_of_four).hooks())
        if not two_of_four:
            tfmot.break_ties(built, self.exclude, self.sparsity)
        overall = tfmot.overall_sparsity(built)
        ctx.notes["sparsity"] = round(overall, 4)
        sparsity = {
            "target": self.sparsity,
            "schedule": self.schedule,
            "layers": tfmot.census(built, self.exclude),
            "overall": overall,
        }
        return writing.emit_keras(
            ctx,
            built,
            facts,
            sparsity=sparsity,
        )

    def verify(self, model: KerasModel, result: KerasModel) -> None:
        """Count the zeros of each kernel in the file."""
        from tflbuild.backends import keras, tfmot

        built = keras.load(result.path)
        for layer in tfmot.prunable_layers(built, self.exclude):
            for kernel in tfmot.kernels_of(layer):
                values = kernel.numpy()
                fewest = int(self.sparsity * values.size) if self.schedule != "2:4" else 0
                zeros = int((values == 0).sum())
                if zeros < min(fewest, values.size - 1):
                    raise BrokenPromise(
                        f"{kernel.name} has {zeros} zeros of {values.size}, not the {fewest} that "
                        f"sparsity={self.sparsity} promises."
                    )
                if self.schedule == "2:4" and not tfmot.is_two_of_four(values):
                    raise BrokenPromise(f"{kernel.name} does not follow the 2:4 pattern.")
