"""Round a float flatbuffer's weights by what that does to its layers."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Annotated, Literal

from annotated_types import Ge, Le

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import PassError
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import Calibration, calibration_samples
from tflbuild.passes.quantizing.float_model import quantizable


@compiler_pass("round")
class Round(Pass):
    """Learn which weights to round up and which down (AdaRound), for the quantization that follows.

    Float in, float out: every weight of a CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED then lies on the symmetric grid
    that `quantize` derives from the largest weight, so that `quantize` rounds nothing. Layer by layer, each
    is held to what the float model's layer gives on calibration images, and reads what the rounded layers before it
    leave, so that it also makes up for their errors. Where learned rounding is no better than nearest on images that
    it was not learned from, nearest rounding is kept. Weights of zero stay zero.

    `bits` and `granularity` have to be those of the `quantize` behind it (`weight_bits`, `granularity`), which must not
    equalize: other sizes of channels are another grid. `quantize` with `method: fixed` and `round: learned` does all
    in the right order. With `bits: 4`, depthwise convolutions stay at 8. Seconds for a MobileNet.

    References:
        Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, 2020.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    promises = (
        "every weight at one of its two neighbouring levels, every scale and every zero as it was; it runs"
    )

    bits: Literal[8, 4] = 8
    """Width of the weights that the following `quantize` stores; must be its `weight_bits`. Depthwise
    convolutions stay at 8. [bits]"""
    granularity: Literal["channel", "tensor"] = "channel"
    """Whether each output channel or the whole tensor has one scale; must be that of the following `quantize`."""
    steps: Annotated[int, Ge(1), Le(1_000_000)] = 500
    """Steps of the optimizer for each layer. More may round better and take longer. [optimizer steps]"""
    calibration: Calibration = field(default_factory=Calibration)
    """Images to learn rounding on."""

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source."""
        return (self.calibration.source,)

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Round layer by layer."""
        from tflbuild.quantization.rounding import learned_rounding

        if model.meta.get("clusters"):
            raise PassError(
                "its kernels are clustered, and learned rounding would give a cluster two values."
            )
        writing.refuse_sparse(model)
        floating = quantizable(model, ctx)
        graph, layers = learned_rounding(
            floating.packed.graph,
            calibration_samples(self.calibration, floating.meaning, floating.inputs, ctx),
            bits=self.bits,
            granularity=self.granularity,
            steps=self.steps,
            seed=ctx.seed,
            progress=lambda done, total: ctx.progress(done, total, "layers rounded"),
        )
        ctx.notes["round"] = [asdict(layer) for layer in layers]
        return writing.emit_tflite(ctx, graph, floating.meaning)

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Derive the grid again from the file, and hold every weight to it."""
        from tflbuild.quantization.rounding import check_rounded
        from tflbuild.tflite import flatbuffer
        from tflbuild.tflite.graph import Graph

        before, after = (Graph(flatbuffer.load(artifact.path)) for artifact in (model, result))
        check_rounded(before, after, self.bits, self.granularity)
