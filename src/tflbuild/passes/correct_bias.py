"""Correct the biases of a quantized flatbuffer by what its float model gives."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import Calibration, calibration_samples, parted
from tflbuild.passes.quantizing.float_model import inputs_in_order, quantizable

if TYPE_CHECKING:
    from tflbuild.quantization.output_error import OutputError
    from tflbuild.tflite.packed import Packed


@compiler_pass("correct_bias")
class CorrectBias(Pass):
    """Take out of each layer's bias what quantization adds to its outputs on average.

    Takes an int8 or int16x8 `.tflite` from any quantizer, and the float one that it was made from: `reference` is the
    label of the step that gave it. Layers are matched by the names of the tensors that they write, which LiteRT
    Quantizer and TensorFlow's converter keep. Front to back, the bias of each layer is shifted until the mean of every
    channel is the float model's; only biases change, so that it costs nothing at run time. 30 % of the
    calibration images are held out to measure on: where correction is no better there, the file stays as it is.
    A layer that cannot be corrected is left as it is and named in the report.

    `quantize` does the same inside with `correct_bias: true`, and tries it with `method: auto`; a file that it
    equalized has other weights than the float step and is refused here.

    References:
        Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019, section 4.2.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    promises = "operators, weights and scales as they were: nothing but biases changes; it runs"

    reference: str = "convert"
    """Label of the earlier step that gave the float `.tflite` which the quantized file was made of."""
    calibration: Calibration = field(default_factory=Calibration)
    """Images to measure mean outputs on; 30 % of them decide whether the result is kept."""

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source."""
        return (self.calibration.source,)

    def models(self) -> tuple[str, ...]:
        """Read the float model."""
        return (self.reference,)

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Correct, and keep the result if it is nearer to the float model."""
        from tflbuild.quantization.bias_correction import correct
        from tflbuild.quantization.output_error import OutputError
        from tflbuild.tflite.packed import Packed

        facts, given = Meaning.of(model), Packed(model.path.read_bytes())
        floating, left = self._reference(facts, ctx), dict[str, str]()
        layers = self._layers(given, floating, ctx)
        samples = calibration_samples(self.calibration, facts, inputs_in_order(given, facts), ctx)
        seen, held_out = parted(samples, ctx.seed)
        graph = given.copy()
        correct(graph, floating.graph, seen, lambda done, total: ctx.progress(done, total, "layers"), left)
        reference, made = OutputError(floating, held_out), Packed(graph)
        before = reference.of(given)
        after, failed = _measured(reference, made)
        kept = after is not None and after < before
        ctx.log(
            f"output error {before:.4f} -> {failed if after is None else f'{after:.4f}'}"
            f"{'' if kept else '; the file stays as it is'}"
        )
        ctx.notes["correct_bias"] = {
            "layers": len(layers) - len(left),
            "left": left,
            "error_before": before,
            "error_after": after,
            "held_out": len(held_out),
            "kept": kept,
        } | ({"failed": failed} if failed else {})
        return writing.emit_tflite(ctx, (made if kept else given).copy(), facts)

    def _reference(self, facts: Meaning, ctx: PassContext) -> Packed:
        """Give the float file in the form that the given one was quantized from."""
        given = ctx.model(self.reference)
        if not isinstance(given, TFLiteModel) or given.meta.get("quantized"):
            raise PassError(
                f"{ctx.label}.reference: '{self.reference}' gives no float .tflite; name the step that does, "
                f"e.g. convert."
            )
        floating = quantizable(given, ctx)
        if floating.meaning.inputs != facts.inputs:
            floating = floating.with_even_inputs(ctx, "int8", None)
        return floating.packed

    def _layers(self, given: Packed, floating: Packed, ctx: PassContext) -> list[str]:
        from tflbuild.quantization.bias_correction import matching

        try:
            layers = matching(given.graph, floating.graph)
        except ValueError as error:
            raise PassError(
                f"{ctx.label}.reference: the weights of '{error}' are not those of '{self.reference}', rounded: the "
                f"file was not made from it, or was equalized in between; quantize has an option correct_bias."
            ) from error
        if not layers:
            raise PassError(
                f"{ctx.label}.reference: no quantized layer with a bias has the name of one in '{self.reference}'."
            )
        return layers

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Compare everything but biases."""
        from tflbuild.quantization.bias_correction import all_but_biases
        from tflbuild.tflite import flatbuffer
        from tflbuild.tflite.scales import check_scales

        check_scales(result.path)
        before, after = (flatbuffer.load(artifact.path) for artifact in (model, result))
        if all_but_biases(before) != all_but_biases(after):
            raise BrokenPromise("nothing but biases was to change, but something else did.")


def _measured(reference: OutputError, made: Packed) -> tuple[float | None, str]:
    """Give a file's error, or why it has none."""
    from tflbuild.quantization.attempts import REFUSALS, reason

    try:
        return reference.of(made), ""
    except REFUSALS as error:
        return None, reason(error)
