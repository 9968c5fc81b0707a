"""Make the float model that a quantized `.tflite` computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.passes.quantizing import parity, writing
from tflbuild.passes.quantizing.float_model import inputs_in_order

if TYPE_CHECKING:
    from tflbuild.quantization.restored import Restored
    from tflbuild.tflite.dequantization import Dequantized

NAMED = 3
"""Activations that a line of the log names at most."""


@compiler_pass("dequantize")
class Dequantize(Pass):
    """Make the float model that a quantized `.tflite` computes, so that it can be quantized anew.

    For a shipped file whose float model is lost: int8, uint8 and int16x8, weights stored in float16 or integers, and
    floats that FAKE_QUANT rounds. Weights become what their levels stand for, biases their levels times the scales of
    input and weights, activations floats; QUANTIZE, DEQUANTIZE and FAKE_QUANT go. Where the integers of a result begin
    at zero, or end at 6, the kernel clips there: that becomes the layer's RELU, RELU6 or RELU_N1_TO_1. Other ends are
    not kept, since the ranges that calibration found cut off what the float model computed; activations that went
    beyond theirs on the samples are in the report.

    A recipe that quantizes gets this pass by itself where `model.path` is quantized, and the plan says so. The file as
    it is stays the base.

    The float model is held to the file on 32 samples of the train split, output by output, before suppression. It runs
    a third time with every activation rounded to the file's own grid: what is left between that and the file may be
    twice what rounding was so measured to make, plus one step of the output, in the root mean square. More is an error
    of this pass, and fails.

    References:
        Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
        2018: the arithmetic that is undone.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    promises = (
        "no quantized tensor; on samples of the train split, the outputs of its input, to what rounding to its own "
        "steps makes; it runs"
    )

    def reads(self) -> tuple[str, ...]:
        """Read some samples."""
        return ("data.train",)

    def output_quantized(self) -> bool | None:
        """Say that a later pass may quantize again."""
        return False

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Make the float model, and hold it to the file."""
        from tflbuild.quantization import restored
        from tflbuild.tflite.dequantization import dequantize
        from tflbuild.tflite.packed import Packed

        shipped = Packed(model.path.read_bytes())
        graph = shipped.copy()
        made = dequantize(graph)
        if not (made.grids or made.layers):
            raise PassError("the file is float already: no tensor and no weight of it is quantized.")
        batch = parity.sample_batch(Meaning.of(model), ctx)
        names = inputs_in_order(shipped, Meaning.of(model))
        count = len(next(iter(batch.values())))
        samples = [{name: batch[name][place] for name in names} for place in range(count)]
        found = restored.compared(shipped, Packed(graph), made, samples)
        ctx.notes["dequantize"] = _notes(made, found)
        _log(made, found, ctx)
        if found.breaches:
            raise BrokenPromise(
                f"the float model does not compute what the file does: {'; '.join(found.breaches)}."
            )
        return writing.emit_tflite(ctx, graph, Meaning.of(model), quantized="")

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Look for what is quantized still."""
        from tflbuild.tflite.dequantization import quantized_names
        from tflbuild.tflite.graph import Graph

        left = quantized_names(Graph.unpacked(result.path.read_bytes()))
        if left:
            raise BrokenPromise(f"{len(left)} tensors are quantized still, '{plain(left[0], 60)}' the first.")


def _notes(made: Dequantized, found: Restored) -> dict[str, Any]:
    return {
        "layers": len(made.layers),
        "activations": len(made.grids),
        "fused": dict(made.activations),
        "outputs": found.outputs,
        "beyond": [one._asdict() for one in found.beyond],
    }


def _log(made: Dequantized, found: Restored, ctx: PassContext) -> None:
    ctx.log(f"{len(made.layers)} layers and {len(made.grids)} activations are floats now")
    if found.beyond:
        names = ", ".join(f"'{plain(one.name, 60)}'" for one in found.beyond[:NAMED])
        ctx.log(
            f"{len(found.beyond)} activations go beyond the ranges that the file clips them to, which are not kept: "
            f"{names}{', ...' if len(found.beyond) > NAMED else ''}"
        )
