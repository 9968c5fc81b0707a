"""Train a model to be quantized."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Ge, Gt

from tflbuild.core.artifact import KerasModel, ModelFacts
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.passes import writing
from tflbuild.passes.fitting import Fitting, fit, shortened


@compiler_pass("qat")
class QuantizationAwareTraining(Fitting):
    """Train on with the rounding of int8 in every layer, by tfmot; `convert` then gives an int8 file.

    Weights that `prune` set to zero stay zero (tfmot's sparsity-preserving scheme, used wherever the model's
    file holds such kernels). The input's range is that of raw pixels, never trained, so that the device's
    uint8 input has the scale and zero point that the data's preprocess block says.

    References:
        Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, 2018.
    """

    needs = (
        "tensorflow",
        "tf_keras",
        "tensorflow_model_optimization",
        "numpy",
        "PIL",
    )
    promises = "finite ranges for every tensor, the input's that of pixels; zeros kept"

    learning_rate: Annotated[float, Gt(0)] = 5e-4
    warmup: Annotated[float, Ge(0)] = 0.1

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data: two passes, and enough to settle where they are few images."""
        return max(shortened(400, facts), math.ceil(2 * facts.train / self.batch_size))

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Fake-quantize, train on the train split, fix the ranges that training cannot."""
        from tflbuild.backends import fake_quantization, keras, tfmot

        if model.meta.get("quantized"):
            raise PassError("the model is fake-quantized already.")
        keras.seed(ctx.seed)
        facts = ModelFacts.of(model)
        built = keras.load(model.path)
        sparse = tfmot.is_sparse(built)
        fake = fake_quantization.FakeQuantization(built, sparse, writing.pixel_range(facts), ctx.label)
        fit(fake.model, facts, self, ctx, fake.hooks(), given=model)
        fake.finish()
        census = tfmot.census(fake.model)
        sparsity = {**model.meta.get("sparsity", {}), "layers": census}
        return writing.emit_keras(
            ctx,
            fake.model,
            facts,
            quantized="qat",
            **({"sparsity": sparsity | {"overall": tfmot.overall_sparsity(fake.model)}} if sparse else {}),
        )

    def verify(self, model: KerasModel, result: KerasModel) -> None:
        """Look at every range and every zero in the file."""
        from tflbuild.backends import fake_quantization, keras, tfmot

        built = keras.load(result.path)
        fake_quantization.check_ranges(built, writing.pixel_range(ModelFacts.of(result)))
        before, after = tfmot.census(keras.load(model.path)), tfmot.census(built)
        for name in before.keys() & after.keys():
            if before[name] > tfmot.SPARSE and after[name] < before[name]:
                raise BrokenPromise(f"{name} had {before[name]:.1%} zeros and now has {after[name]:.1%}.")
