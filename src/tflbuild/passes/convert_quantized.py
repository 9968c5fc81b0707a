"""Convert and quantize in one go, with TensorFlow's converter."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import Calibration, calibration_samples

INTEGER = ("int8", "int16x8")

SMALL = 1024
"""Weights of a kernel below which the converter's `dynamic` leaves it float."""


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
    """Number format of the file: `int8` (all integers), `int16x8` (int16 activations, int8 weights), `float16`
    (half-size weights), `dynamic` (int8 weights, float activations)."""
    calibration: Calibration = field(default_factory=Calibration)
    """Images to measure activation ranges on; used by `int8` and `int16x8`."""
    input_dtype: Literal["float32", "uint8", "int8"] | None = None
    """Type of the file's input. null: uint8 with scheme int8, otherwise float32."""
    output_dtype: Literal["float32", "uint8", "int8"] = "float32"
    """Type of the output of a classifier in int8; other schemes give float32."""
    granularity: Literal["channel", "tensor"] = "channel"
    """Whether each output channel or the whole tensor has one scale for its weights. `tensor` costs accuracy;
    some devices need it."""

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source, where ranges are needed."""
        return (self.calibration.source,) if self.scheme in INTEGER else ()

    def check(self) -> None:
        """Refuse what a scheme cannot have."""
        if self.granularity == "tensor" and self.scheme not in INTEGER:
            raise ValueError(
                f"granularity: 'tensor' is only possible with scheme {' or '.join(INTEGER)}; use channel"
            )
        for option, dtype in (("input_dtype", self.input_dtype), ("output_dtype", self.output_dtype)):
            if self.scheme != "int8" and dtype not in (None, "float32"):
                raise ValueError(f"{option}: '{dtype}' is only possible with scheme int8; use float32")

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    def _inputs(self, meaning: Meaning) -> dict[str, str]:
        return writing.input_dtypes(meaning, self.scheme, self.input_dtype)

    def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        """Convert with the calibration images as the representative data set."""
        from tflbuild.backends import converter, keras
        from tflbuild.quantization import storage
        from tflbuild.tflite import bias_scales
        from tflbuild.tflite.graph import Graph

        if model.meta.get("quantized"):
            raise PassError("the model is fake-quantized; 'convert' makes it int8.")
        facts = Meaning.of(model)
        task, tail = facts.kind, facts.kind.tail(facts)
        samples = self._samples(facts, ctx) if self.scheme in INTEGER else []
        content = converter.post_training(
            keras.load(model.path),
            task,
            tail,
            self.scheme,
            lambda: iter(samples),
            self._inputs(facts)[next(iter(facts.inputs))],
            "float32" if task.float_outputs else self.output_dtype,
            per_channel=self.granularity == "channel",
        )
        graph = Graph.unpacked(content)
        told = bias_scales.restate(graph)
        if told:
            ctx.log(
                f"the converter gave layers that share weights one bias, in the scale of one of them: {len(told)} "
                f"layers, '{told[0]}' the first, have their own now"
            )
        result = writing.emit_tflite(ctx, graph, facts, quantized=self.scheme)
        ctx.notes["stored"] = storage.stored(result.path)
        return result

    def _samples(self, facts: Meaning, ctx: PassContext) -> list[dict[str, Any]]:
        """Give the calibration samples, with the extremes of raw bytes at the ends of the first."""
        samples = calibration_samples(self.calibration, facts, list(facts.inputs), ctx)
        for name, (low, high) in writing.limits_of(facts).items():
            ends = samples[0][name].reshape(-1, samples[0][name].shape[-1])
            ends[0], ends[-1] = low, high
        return samples

    def verify(self, model: KerasModel, result: TFLiteModel) -> None:
        """Look at dtypes, scales and the input in the file."""
        from tflbuild.quantization import storage
        from tflbuild.quantization.form import Form
        from tflbuild.tflite.scales import check_scales

        check_scales(result.path)
        least = SMALL if self.scheme == "dynamic" else 0
        storage.check_stored(result.path, self.scheme, Form(granularity=self.granularity), least=least)
        writing.check_declared(result)
        writing.check_inputs(result, self._inputs(Meaning.of(result)))
        writing.check_outputs(result, self.output_dtype)
        if self.scheme in INTEGER:
            writing.check_full_integer(result.path, "int8" if self.scheme == "int8" else "int16")
