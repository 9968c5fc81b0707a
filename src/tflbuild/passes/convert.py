"""Convert a tf_keras model to a flatbuffer."""

from __future__ import annotations

from typing import Literal

from tflbuild.core.artifact import KerasModel, ModelFacts, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise
from tflbuild.passes import writing


@compiler_pass("convert")
class Convert(Pass):
    """Convert to TensorFlow Lite as the model is: float32, or int8 where `qat` trained the ranges.

    The batch is static and inputs and outputs have names: `image`; `scores` of a classifier; `detection_boxes`
    (ymin, xmin, ymax, xmax in 0..1), `detection_classes`, `detection_scores` and `num_detections` of a detector,
    whose file ends in `TFLite_Detection_PostProcess`. A float model takes normalised float32; a fake-quantized one
    takes raw RGB bytes.
    """

    needs = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "ai_edge_litert", "numpy")
    promises = (
        "static batch and named signature; full-integer after `qat`, with the input of the preprocess block"
    )

    input_dtype: Literal["float32", "uint8", "int8"] | None = None  # float32, or uint8 after `qat`
    output_dtype: Literal["float32", "uint8", "int8"] = "float32"  # of a classifier after `qat`

    def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        """Convert by the lean concrete-function path."""
        from tflbuild.backends import converter, keras

        facts = ModelFacts.of(model)
        built, detector = keras.load(model.path), writing.detector_of(facts)
        if not model.meta.get("quantized"):
            self._refuse_integers(ctx)
            return writing.emit_tflite(ctx, converter.to_float(built, detector), facts)
        content = converter.from_fake_quantized(
            built, detector, self.input_dtype or "uint8", "float32" if detector else self.output_dtype
        )
        return writing.emit_tflite(ctx, content, facts, quantized="int8")

    def _refuse_integers(self, ctx: PassContext) -> None:
        for option, dtype in (("input_dtype", self.input_dtype), ("output_dtype", self.output_dtype)):
            if dtype not in (None, "float32"):
                raise BrokenPromise(
                    f"{ctx.label}.{option}: a float model cannot have {dtype} borders; put 'quantize' behind "
                    f"'{ctx.label}' or 'qat' before it."
                )

    def verify(self, model: KerasModel, result: TFLiteModel) -> None:
        """Look at dtypes, shapes and names in the file."""
        from tflbuild.backends import flatbuffer
        from tflbuild.backends.quantization.scales import check_scales

        check_scales(result.path)
        writing.check_declared(result)
        signature = flatbuffer.signature(result.path)
        names = [entry["name"] for entry in signature["inputs"]]
        if names != ["image"]:
            raise BrokenPromise(f"an input 'image' was promised, but there is {names}.")
        if model.meta.get("quantized"):
            writing.check_full_integer(result.path, "int8")
            writing.check_input(result, self.input_dtype or "uint8")
        else:
            writing.check_input(result, "float32")
