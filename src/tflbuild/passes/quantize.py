"""Quantize a float flatbuffer with LiteRT Quantizer."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tflbuild.core.artifact import ModelFacts, TFLiteModel
from tflbuild.core.compiler_pass import PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise
from tflbuild.passes import writing
from tflbuild.passes.quantizing import Quantizing

INTEGER = ("int8", "int16x8")


@compiler_pass("quantize")
class Quantize(Quantizing):
    """Quantize a float `.tflite` from any source.

    `int8` is full-integer: per-channel weights, asymmetric activations, a uint8 input that takes raw RGB bytes with
    scale and zero point of the preprocess block. `int16x8` keeps activations in int16 (slow on most devices).
    `dynamic` keeps activations float and weights int8, `float16` stores weights in half the bytes; neither needs
    calibration.

    With `method: auto`, combinations of ranges, equalization and bias correction are tried on three quarters of the
    calibration images and scored on the rest by how far their outputs are from the float model's; the best is kept,
    a simpler one where it is within a hundredth, and every score is in the report. `fixed` takes `ranges`, `equalize`,
    `relu6` and `correct_bias` as they are given. `int16x8` is always fixed: its errors are too small to choose by.

    Ranges: `minmax` of what was seen; `p99.99` cuts 0.005 % of a tensor's values off either end; `mse` weighs what is
    cut off against the width of a step; `entropy` keeps the distribution. LiteRT Quantizer's own calibration, a
    moving average, is not used.

    References:
        Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
        Migacz, 8-bit Inference with TensorRT, 2017: `entropy`.
    """

    needs = ("litert_quantizer", "ai_edge_litert", "numpy", "PIL")
    promises = (
        "every operator in the promised dtype, finite scales, the input of the preprocess block; it runs"
    )

    scheme: Literal["int8", "int16x8", "float16", "dynamic"] = "int8"

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source, where ranges are needed."""
        return super().reads() if self.scheme in INTEGER else ()

    def check(self) -> None:
        """Refuse borders that a scheme cannot have."""
        if self.scheme != "int8" and self.input_of(self.scheme) != "float32":
            raise ValueError(
                f"input_dtype: '{self.input_dtype}' is only possible with scheme int8; use float32"
            )
        if self.scheme != "int8" and self.output_dtype != "float32":
            raise ValueError(
                f"output_dtype: '{self.output_dtype}' is only possible with scheme int8; use float32"
            )

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Measure ranges, quantize, and give the input the dtype that is wanted."""
        facts = ModelFacts.of(model)
        content = self.with_input(self._quantized(model, ctx), facts, self.scheme)
        result = writing.emit_tflite(ctx, content, facts, quantized=self.scheme)
        if self.scheme in INTEGER:
            ctx.notes["islands"] = writing.check_full_integer(result.path, self._activations)
        return result

    @property
    def _activations(self) -> str:
        return "int8" if self.scheme == "int8" else "int16"

    def _quantized(self, model: TFLiteModel, ctx: PassContext) -> bytes:
        if self.scheme == "float16" or self.scheme == "dynamic":  # weights alone, which needs no images
            from tflbuild.backends.quantization import quantizer

            writing.refuse_sparse(model)
            return quantizer.quantize(model.path, self.scheme, float_input=True, float_output=True)
        options = self if self.scheme == "int8" else replace(self, method="fixed")
        bench = self.bench(model, ctx, self.scheme, measuring=options.method == "auto")
        return bench.build(options.setting(bench, model, ctx))

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Look at dtypes, scales and the input in the file."""
        from tflbuild.backends import flatbuffer, promises
        from tflbuild.backends.quantization.scales import check_scales

        check_scales(result.path)
        writing.check_declared(result)
        promises.check_kernels(model.path, result.path)
        writing.check_input(result, self.input_of(self.scheme))
        if self.scheme in INTEGER:
            writing.check_full_integer(result.path, self._activations)
            return
        wanted = "float16" if self.scheme == "float16" else "int8"
        before, after = flatbuffer.census(model.path), flatbuffer.census(result.path)
        if wanted not in after["tensors"] or after["weight_bytes"] > 0.75 * before["weight_bytes"]:
            raise BrokenPromise(
                f"{wanted} weights were promised, but {after['weight_bytes']:,} of {before['weight_bytes']:,} bytes "
                f"of weights are left."
            )
