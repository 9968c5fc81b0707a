"""Deliver the model at this place of the pipeline as ONNX, too."""

from __future__ import annotations

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass


@compiler_pass("export_onnx")
class ExportOnnx(Pass):
    """Have the model as it is here delivered as ONNX, too: a float one in floats, an int8 or int16x8 one as QDQ.

    The step gives the model on unchanged. It is refused here, and not after everything else, if one of its operators
    is not written as ONNX. The file is written and measured at the end, as `target=onnxruntime` does for the last
    model: in onnxruntime, in the environment `onnx` (`tflbuild setup onnx`), with its accuracy, its agreement with the
    `.tflite` and the largest difference from it. It lies in a folder named by the step.

    `pipeline=[load,convert,export_onnx]` delivers the float model as both; a second one behind `quantize`, under a
    label of its own (`+passes@export_int8=export_onnx`), the int8 file as QDQ.
    """

    needs = ("environment:onnx", "ai_edge_litert", "numpy")
    delivers = "onnxruntime"

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Write it once to see that it can be, and give the model on."""
        from tflbuild.backends.onnx_export.export import export

        written = export(model.path)
        ctx.log(f"the model can be written as ONNX: {len(written):,} bytes")
        ctx.notes["onnx"] = {"bytes": len(written)}
        return ctx.emit(TFLiteModel, model.path.read_bytes(), fingerprint=model.fingerprint)
