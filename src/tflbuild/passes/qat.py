"""Train a model to be quantized."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.training.fitting import TFMOT_TOOLS, Fitting, fit, shortened
from tflbuild.passes.training.keras_writing import emit_keras
from tflbuild.passes.training.layer_patterns import fitting


@compiler_pass("qat")
class QuantizationAwareTraining(Fitting):
    """Train on with the rounding of int8 in every layer, by tfmot; `convert` then gives an int8 file.

    What the model's file holds is kept: weights that `prune` set to zero stay zero (PQAT), kernels that `cluster`
    gave few values keep as few (CQAT), and both at once (PCQAT). In the int8 file that holds for each output channel:
    it has a scale of its own, which turns the same value into another integer.

    `layers` or `exclude` name what is quantized by patterns of Keras layer names; the rest stays float, in the training
    and in the file: a float island costs an NPU two trips, but on a CPU it may save a sensitive layer. A convolution,
    its batch norm and its activation are one; a layer that adds a float tensor to another is left out, too.

    A layer that the model uses several times, as a detector's heads may be, becomes one for each use, as in the file.

    The input's range is that of raw pixels, never trained, so that the device's uint8 input has the scale and zero
    point that the data's preprocess block says.

    References:
        Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference, 2018.
        Krishnamoorthi, Quantizing Deep Convolutional Networks for Efficient Inference, 2018 (`freeze_bn`).
        TensorFlow Model Optimization, collaborative optimization.
    """

    needs = TFMOT_TOOLS
    promises = "finite ranges for every tensor, the input's that of pixels; zeros and clusters kept"

    learning_rate: Annotated[float, Gt(0), Le(1000)] = 5e-4
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.1
    layers: tuple[str, ...] = ()
    """Patterns of the names of layers to quantize; the others stay float. Empty: all layers."""
    exclude: tuple[str, ...] = ()
    """Patterns of the names of layers that stay float, e.g. `class_*`."""
    preserve: Literal["auto", "none"] = "auto"
    """`auto` keeps the zeros and clusters that the model has; `none` lets the training change them."""
    freeze_bn: Annotated[float, Ge(0), Le(1)] = 1.0
    """Point in the training from which batch norm keeps its statistics and scale; 1 never freezes them.
    [fraction of the steps]"""

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data: two passes, and enough to settle where they are few images."""
        return max(shortened(400, facts), math.ceil(2 * facts.train / self.batch_size))

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    def run(self, model: KerasModel, ctx: PassContext) -> KerasModel:
        """Fake-quantize, train on the train split, fix the ranges that training cannot."""
        from tflbuild.backends import keras
        from tflbuild.training import codebooks, fake_quantization, quantizable, tfmot

        assert self.steps is not None, "resolve() ran before"
        if model.meta.get("quantized"):
            raise PassError("the model is fake-quantized already.")
        keras.seed(ctx.seed)
        facts = Meaning.of(model)
        built = quantizable.quantizable(keras.load(model.path))
        fake = fake_quantization.FakeQuantization(
            built,
            known_limits(facts),
            preserve=self.preserve == "auto",
            left_out=self._left_out(built, ctx.label),
            freeze_at=math.ceil(self.freeze_bn * self.steps) if self.freeze_bn < 1 else None,
        )
        fit(fake.model, facts, self, ctx, fake.hooks(), given=model)
        fake.finish()
        kept: dict[str, Any] = {name: {} for name in ("sparsity", "clusters") if name in model.meta}
        if tfmot.is_sparse(fake.model):
            overall = tfmot.overall_sparsity(fake.model)
            layers = tfmot.census(fake.model)
            kept["sparsity"] = {**model.meta.get("sparsity", {}), "layers": layers, "overall": overall}
        clusters = codebooks.census(fake.model)
        if clusters:
            kept["clusters"] = {**model.meta.get("clusters", {}), "layers": clusters}
        return emit_keras(ctx, fake.model, facts, quantized="qat", **kept)

    def _left_out(self, built: Any, label: str) -> set[str]:
        """Give the names of the layers that stay float."""
        from tflbuild.training import float_islands

        heads = float_islands.heads(built)
        names = list(heads)
        left = {heads[name] for name in fitting(names, self.exclude, f"{label}.exclude", "can be quantized")}
        if self.layers:
            taken = fitting(names, self.layers, f"{label}.layers", "can be quantized")
            left |= set(heads.values()) - {heads[name] for name in taken}
        found = float_islands.closed(built, left)
        if len(found) == len(heads):
            raise PassError(f"{label}.layers and {label}.exclude leave no layer to quantize.")
        return found

    def verify(self, model: KerasModel, result: KerasModel) -> None:
        """Look at every range, every zero and the number of values of every kernel in the file."""
        from tflbuild.backends import keras
        from tflbuild.training import codebooks, fake_quantization, tfmot

        given, built = keras.load(model.path), keras.load(result.path)
        fake_quantization.check_ranges(built, known_limits(Meaning.of(result)))
        if self.preserve == "none":
            return
        before, after = tfmot.census(given), tfmot.census(built)
        for name, zeros in before.items():
            if zeros > tfmot.SPARSE and after.get(name, zeros) < zeros:
                raise BrokenPromise(f"{name} had {zeros:.1%} zeros and now has {after[name]:.1%}.")
        codebooks.check_kept(given, built)


def known_limits(meaning: Meaning) -> tuple[float, float]:
    """Give the lowest and the highest value of the one input.

    Raises:
        PassError: nobody knows them, so that no range could be given to it before training.
    """
    limits = meaning.only.kind.limits()
    if limits is None:
        raise PassError(
            f"'qat' needs an input whose range is known, as a picture's is, and this one is of the modality "
            f"'{meaning.only.modality}'; put 'quantize' after 'convert' instead."
        )
    return limits
