"""Convert and quantize in one go, with TensorFlow's converter."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from tflbuild.core.artifact import KerasModel, ModelFacts, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.passes import writing
from tflbuild.passes.calibration import Calibration, calibration_images

INTEGER = ("int8", "int16x8")


@compiler_pass("convert_quantized")
class ConvertQuantized(Pass):
    """Convert a tf_keras model with the post-training quantization of TensorFlow's own converter.

    For comparison with `convert` and `quantize`: the converter's quantization is deprecated, and its ranges are
    always the smallest and largest value that calibration saw. Schemes, calibration and borders are those of
    `quantize`. One calibration image is given a black and a white pixel, so that the input's range is that of
    raw bytes.
    """

    needs = ("tensorflow", "tf_keras", "ai_edge_litert", "numpy", "PIL")
    promises = (
        "every operator in the promised dtype, finite scales, the input of the preprocess block; it runs"
    )

    scheme: Literal["int8", "int16x8", "float16", "dynamic"] = "int8"
    calibration: Calibration = field(default_factory=Calibration)
    input_dtype: Literal["uint8", "int8", "float32"] | None = None  # uint8 for int8, float32 for others
    output_dtype: Literal["float32", "uint8", "int8"] = "float32"  # of an int8 classifier

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source, where ranges are needed."""
        return (self.calibration.source,) if self.scheme in INTEGER else ()

    def check(self) -> None:
        """Refuse borders that a scheme cannot have."""
        for option, dtype in (("input_dtype", self.input_dtype), ("output_dtype", self.output_dtype)):
            if self.scheme != "int8" and dtype not in (None, "float32"):
                raise ValueError(f"{option}: '{dtype}' is only possible with scheme int8; use float32")

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    @property
    def _input(self) -> str:
        return self.input_dtype or ("uint8" if self.scheme == "int8" else "float32")

    def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        """Convert with the calibration images as the representative data set."""
        from tflbuild.backends import converter, keras

        if model.meta.get("quantized"):
            raise PassError("the model is fake-quantized; 'convert' makes it int8.")
        facts = ModelFacts.of(model)
        detector = writing.detector_of(facts)
        images = self._images(facts, ctx) if self.scheme in INTEGER else []
        content = converter.post_training(
            keras.load(model.path),
            detector,
            self.scheme,
            lambda: iter(images),
            self._input,
            "float32" if detector else self.output_dtype,
        )
        return writing.emit_tflite(ctx, content, facts, quantized=self.scheme)

    def _images(self, facts: ModelFacts, ctx: PassContext) -> list[Any]:
        """Give the calibration images, with the extremes of raw bytes in two corners of the first."""
        images = calibration_images(self.calibration, facts, ctx)
        images[0][0, 0], images[0][-1, -1] = writing.pixel_range(facts)
        return images

    def verify(self, model: KerasModel, result: TFLiteModel) -> None:
        """Look at dtypes, scales and the input in the file."""
        from tflbuild.backends import flatbuffer
        from tflbuild.backends.quantization.scales import check_scales

        check_scales(result.path)
        writing.check_declared(result)
        writing.check_input(result, self._input)
        if self.scheme in INTEGER:
            writing.check_full_integer(result.path, "int8" if self.scheme == "int8" else "int16")
            return
        wanted = "float16" if self.scheme == "float16" else "int8"
        found = flatbuffer.census(result.path)["tensors"]
        if wanted not in found:
            raise BrokenPromise(
                f"{wanted} weights were promised, but the file holds {', '.join(found)} only."
            )
