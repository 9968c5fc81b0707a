"""A pass that trains on in float: what everything that trains on for another reason is compared with."""

from __future__ import annotations

from tflbuild import KerasModel, Meaning, PassContext, compiler_pass
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.passes.training.fitting import Fitting, fit, shortened
from tflbuild.passes.training.keras_writing import emit_keras


@compiler_pass("train_on")
class TrainOn(Fitting):
    """Train a model on, and nothing else."""

    promises = "a float model"

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length of `qat`."""
        return shortened(400, facts)

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Train on the train split."""
        from tflbuild.backends import keras

        keras.seed(ctx.seed)
        facts, built = Meaning.of(model), keras.load(model.path)
        fit(built, facts, self, ctx, given=model)
        return emit_keras(ctx, built, facts)
