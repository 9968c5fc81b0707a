"""Quantize a float flatbuffer with LiteRT Quantizer."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from tflbuild.core.artifact import ModelFacts, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise
from tflbuild.passes import writing
from tflbuild.passes.calibration import Calibration, calibration_images

INTEGER = ("int8", "int16x8")
PERCENTILES = {"minmax": 100.0, "p99.99": 99.99}


@compiler_pass("quantize")
class Quantize(Pass):
    """Quantize a float `.tflite` from any source.

    `int8` is full-integer: per-channel weights, asymmetric activations, a uint8 input that takes raw RGB bytes with
    scale and zero point of the preprocess block. `int16x8` keeps activations in int16 (slow on most devices).
    `dynamic` keeps activations float and weights int8, `float16` stores weights in half the bytes; neither needs
    calibration.

    Ranges of activations are measured on calibration images by running the float model: `minmax`, or `p99.99`, which
    cuts 0.005 % of a tensor's values off either end. LiteRT Quantizer's own calibration, a moving average, is not used.
    """

    needs = ("litert_quantizer", "ai_edge_litert", "numpy", "PIL")
    promises = (
        "every operator in the promised dtype, finite scales, the input of the preprocess block; it runs"
    )

    method: Literal["fixed"] = "fixed"
    scheme: Literal["int8", "int16x8", "float16", "dynamic"] = "int8"
    ranges: Literal["minmax", "p99.99"] = "minmax"
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
        from tflbuild.backends import bias_scales, flatbuffer, quantizer

        facts = ModelFacts.of(model)
        ranges = self._ranges(model, facts, ctx) if self.scheme in INTEGER else None
        content = quantizer.quantize(
            model.path,
            self.scheme,
            ranges,
            float_input=self._input == "float32",
            float_output=self.output_dtype == "float32" or facts.task == "detection",
        )
        if self.scheme in INTEGER:
            content = bias_scales.fit(content, model.path)
        if self._input == "uint8":
            low, high = writing.pixel_range(facts)
            scale = (high - low) / 255
            content = flatbuffer.take_uint8(content, scale, round(-low / scale))
        return writing.emit_tflite(ctx, content, facts, quantized=self.scheme)

    def _ranges(self, model: TFLiteModel, facts: ModelFacts, ctx: PassContext) -> dict[str, Any]:
        from tflbuild.backends import quantizer

        images = calibration_images(self.calibration, facts, ctx)
        ranges = quantizer.observe(model.path, images, PERCENTILES[self.ranges])
        if self._input != "float32":
            ranges[quantizer.input_name(model.path)] = writing.pixel_range(facts)
        return quantizer.tied(model.path, ranges)

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Look at dtypes, scales and the input in the file."""
        from tflbuild.backends import bias_scales, flatbuffer

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
