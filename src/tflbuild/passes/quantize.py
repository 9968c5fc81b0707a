"""Quantize a float flatbuffer with LiteRT Quantizer."""

from __future__ import annotations

import random
from dataclasses import field
from typing import Any, Literal

from tflbuild.core.artifact import ModelFacts, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise
from tflbuild.passes import writing
from tflbuild.passes.calibration import Calibration, calibration_images

INTEGER = ("int8", "int16x8")

RANGES: tuple[Any, ...] = ("minmax", "p99.999", "p99.99", "p99.9", "mse", "entropy")
"""Every way to set ranges that `auto` tries."""

SHARED: tuple[Any, ...] = (
    ("none", "keep"),
    ("weights", "keep"),
    ("activations", "keep"),
    ("weights", "replace"),
)
"""Every way to equalize that `auto` tries."""

HELD_OUT = 0.25
"""Share of the calibration images that `auto` measures on."""


@compiler_pass("quantize")
class Quantize(Pass):
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

    method: Literal["auto", "fixed"] = "auto"
    scheme: Literal["int8", "int16x8", "float16", "dynamic"] = "int8"
    ranges: Literal["minmax", "p99.9", "p99.99", "p99.999", "mse", "entropy"] = "minmax"  # of method=fixed
    equalize: Literal["none", "weights", "activations"] = "none"  # of method=fixed; see the pass `equalize`
    relu6: Literal["keep", "replace"] = (
        "keep"  # of method=fixed; replaced where that lets layers be equalized
    )
    correct_bias: bool = False  # of method=fixed
    calibration: Calibration = field(default_factory=Calibration)
    input_dtype: Literal["uint8", "int8", "float32"] | None = None  # uint8 for int8, float32 for others
    output_dtype: Literal["float32", "int8"] = "float32"  # of an int8 classifier

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source, where ranges are needed."""
        return (self.calibration.source,) if self.scheme in INTEGER else ()

    def check(self) -> None:
        """Refuse borders that a scheme cannot have."""
        if self.scheme != "int8" and self._input != "float32":
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

    @property
    def _input(self) -> str:
        return self.input_dtype or ("uint8" if self.scheme == "int8" else "float32")

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Measure ranges, quantize, and give the input the dtype that is wanted."""
        from tflbuild.backends import flatbuffer

        facts = ModelFacts.of(model)
        content = self._integer(model, facts, ctx) if self.scheme in INTEGER else self._weights(model)
        if self._input == "uint8":
            low, high = writing.pixel_range(facts)
            scale = (high - low) / 255
            content = flatbuffer.take_uint8(content, scale, round(-low / scale))
        return writing.emit_tflite(ctx, content, facts, quantized=self.scheme)

    def _weights(self, model: TFLiteModel) -> bytes:
        """Quantize weights alone, which needs no images."""
        from tflbuild.backends.quantization import quantizer

        return quantizer.quantize(model.path, self.scheme, float_input=True, float_output=True)

    def _integer(self, model: TFLiteModel, facts: ModelFacts, ctx: PassContext) -> bytes:
        from tflbuild.backends.quantization.workbench import Border, Setting, Workbench, chosen

        images = calibration_images(self.calibration, facts, ctx)
        given = Setting(
            ranges=self.ranges, equalize=self.equalize, relu6=self.relu6, correct_bias=self.correct_bias
        )
        border = Border(
            float_input=self._input == "float32",
            float_output=self.output_dtype == "float32" or facts.task == "detection",
            pixels=None if self._input == "float32" else writing.pixel_range(facts),
        )
        choosing = self.method == "auto" and self.scheme == "int8"
        seen, held_out = _parted(images, ctx.seed) if choosing else (images, [])
        content = model.path.read_bytes()
        bench = Workbench(content, seen, held_out, self.scheme, border, ctx.scratch, ctx.progress)
        if not choosing:
            return bench.build(given)
        scored = bench.search(RANGES, SHARED)
        best = chosen(scored)
        ctx.log(f"chosen: {best.setting.text}, error {best.error:.4f} on {len(held_out)} held-out images")
        ctx.notes["auto"] = {
            "chosen": best.setting.text,
            "error": best.error,
            "held_out": len(held_out),
            "candidates": [
                {"setting": s.setting.text, "error": s.error, "seconds": round(s.seconds, 3)} for s in scored
            ],
        }
        return bench.build(best.setting)

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Look at dtypes, scales and the input in the file."""
        from tflbuild.backends import flatbuffer
        from tflbuild.backends.quantization import bias_scales

        saturated = bias_scales.saturated(result.path.read_bytes())
        if saturated:
            raise BrokenPromise(f"the bias of {', '.join(map(str, saturated))} does not hold its values.")
        writing.check_input(result, self._input)
        if self.scheme in INTEGER:
            writing.check_full_integer(result.path, "int8" if self.scheme == "int8" else "int16")
            return
        wanted = "float16" if self.scheme == "float16" else "int8"
        before, after = flatbuffer.census(model.path), flatbuffer.census(result.path)
        if wanted not in after["tensors"] or after["weight_bytes"] > 0.75 * before["weight_bytes"]:
            raise BrokenPromise(
                f"{wanted} weights were promised, but {after['weight_bytes']:,} of {before['weight_bytes']:,} bytes "
                f"of weights are left."
            )


def _parted(images: list[Any], seed: int) -> tuple[list[Any], list[Any]]:
    """Hold some calibration images out; a single image serves for both."""
    shuffled = random.Random(seed).sample(images, len(images))
    count = max(1, round(HELD_OUT * len(images)))
    return (shuffled[count:], shuffled[:count]) if len(images) > 1 else (images, images)
