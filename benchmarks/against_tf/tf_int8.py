"""A pass that quantizes a float `.tflite` as TensorFlow's converter does: what ours is compared with."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import Calibration, calibration_samples
from tflbuild.passes.quantizing.float_model import quantizable


@compiler_pass("tf_int8")
class TfInt8(Pass):
    """Calibrate, then `mlir_quantize`: the second half of `TFLiteConverter`, behind the float file.

    Inputs and outputs stay float; samples are those that `quantize` would be given.
    """

    promises = "an int8 file by TensorFlow's post-training quantization"

    calibration: Calibration = field(default_factory=Calibration)

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source."""
        return (self.calibration.source,)

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Quantize with all samples, of which nothing is held out."""
        from tensorflow.lite.python.convert import mlir_quantize
        from tensorflow.lite.python.optimize import calibrator

        from tflbuild.tflite.graph import Graph

        floating = quantizable(model, ctx)
        samples = calibration_samples(self.calibration, floating.meaning, floating.inputs, ctx)
        content = calibrator.add_intermediate_tensors(with_used_codes_only(floating.packed.copy()))
        calibrated = calibrator.Calibrator(content).calibrate(
            lambda: ({name: value[None] for name, value in sample.items()} for sample in samples)
        )
        made = Graph.unpacked(bytes(mlir_quantize(calibrated)))
        return writing.emit_tflite(ctx, made, floating.meaning, quantized="int8")


def with_used_codes_only(graph: Any) -> bytes:
    """Give a file without the codes of operators that it does not have, some of which the calibrator refuses."""
    model = graph.model
    used = sorted({operator.opcodeIndex for part in model.subgraphs for operator in part.operators})
    for part in model.subgraphs:
        for operator in part.operators:
            operator.opcodeIndex = used.index(operator.opcodeIndex)
    model.operatorCodes = [model.operatorCodes[index] for index in used]
    content: bytes = graph.packed()
    return content
