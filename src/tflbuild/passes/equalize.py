"""Share the sizes of channels between neighbouring layers of a float flatbuffer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import Calibration, calibration_samples
from tflbuild.passes.quantizing.float_model import make_quantizable, quantizable

if TYPE_CHECKING:
    from tflbuild.tflite.packed import Packed

TOLERANCE = 1e-5
"""Largest change of an output, in units of its largest value: what float32 loses by rounding."""


@compiler_pass("equalize")
class Equalize(Pass):
    """Share the sizes of channels between neighbouring layers, so that they lose less to a common scale.

    Float in, float out: a channel is divided by a factor where it is written and multiplied by it where it is read.
    Between convolutions, depthwise convolutions and dense layers that computes the same, across RELU, pooling,
    padding and branches; where a branch leads elsewhere, e.g. into an ADD, nothing is changed. It is what per-tensor
    scales and models with a few outsized channels need; `quantize` with `method: auto` tries it by itself.

    `balance: weights` makes the weights on both sides equally large, `activations` the activation between them as
    large as the weights that read it. Behind RELU6 (`relu6: keep`) a channel grows to at most 6 / 1.1 on the
    calibration images, and one that comes near 6 stays as it is. `relu6: replace` turns RELU6 into RELU, which is
    not exact where values exceed 6: the report says by how much. `absorb_bias` moves the part of a RELU's output that
    is never left below on the calibration images into the biases behind it; behind RELU6 nothing is absorbed.

    Channels that weight decay or pruning left next to nothing stay as they are, and so does a layer whose rescaling
    would change an output: the report names it.

    References:
        Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
        Xiao et al., SmoothQuant, 2023: `balance: activations`.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    promises = (
        "the outputs of its input on the calibration images, to 1e-5 of their size, unless RELU6 is replaced; "
        "the same operators; it runs"
    )

    balance: Literal["weights", "activations"] = "weights"
    """The values that are equalized: the `weights` before and after an activation, or the `activations` against the
    weights that read them."""
    relu6: Literal["keep", "replace"] = "keep"
    """`keep` leaves RELU6, which limits what can be shared; `replace` turns it into RELU, which changes outputs
    where values exceed 6."""
    absorb_bias: bool = False
    """Whether the part of a RELU's output that is always there on calibration images moves into the biases
    behind it."""
    calibration: Calibration = field(default_factory=Calibration)
    """Images to measure activations on."""

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source."""
        return (self.calibration.source,)

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Equalize, and run both models on the calibration images."""
        self._refuse(model)
        floating = quantizable(model, ctx)
        images = calibration_samples(self.calibration, floating.meaning, floating.inputs, ctx)
        made, notes = self._equalized(floating.packed, images, ctx)
        ctx.notes["equalize"] = notes | {"images": len(images)}
        ctx.log(
            f"{notes['layers']} layers share sizes with the layers after them; outputs change by "
            f"{notes['largest_difference']:.1e}"
        )
        for name, why in notes["left"].items():
            ctx.log(f"'{name}' was left as it was: {why}")
        return writing.emit_tflite(ctx, made.copy(), floating.meaning)

    def _refuse(self, model: TFLiteModel) -> None:
        writing.refuse_sparse(model)
        if model.meta.get("quantized"):
            raise PassError("the file is quantized already; equalize the float one, before 'quantize'.")
        if model.meta.get("clusters"):
            raise PassError("its kernels are clustered, and factors would give each channel other values.")

    def _equalized(self, given: Packed, images: list[Any], ctx: PassContext) -> tuple[Packed, dict[str, Any]]:
        from tflbuild.quantization.observation import observe
        from tflbuild.quantization.unchanged import Equalizer

        observed = observe(given.graph, images, _watch(ctx, "activations"))
        tolerance = TOLERANCE if self.relu6 == "keep" else sys.float_info.max
        ways = {"balance": self.balance, "relu6": self.relu6, "tolerance": tolerance}
        found = Equalizer(given, observed, images, **ways).run()  # type: ignore[arg-type]
        notes: dict[str, Any] = {
            "layers": len(found.factors),
            "factors": {name: [float(f.min()), float(f.max())] for name, f in found.factors.items()},
            "largest_difference": found.difference,
            "left": dict(found.left),
        }
        return (
            self._absorbed(given, found.model, images, notes, ctx)
            if self.absorb_bias
            else (found.model, notes)
        )

    def _absorbed(
        self, given: Packed, made: Packed, images: list[Any], notes: dict[str, Any], ctx: PassContext
    ) -> tuple[Packed, dict[str, Any]]:
        """Absorb biases, unless that changes the outputs."""
        from tflbuild.quantization import equalization
        from tflbuild.quantization.observation import observe
        from tflbuild.quantization.output_error import largest_difference
        from tflbuild.tflite.packed import Packed

        graph = made.copy()
        observed = observe(made.graph, images, _watch(ctx, "activations of the equalized model"))
        smallest = {name: activation.channel_low for name, activation in observed.items()}
        count = equalization.absorb_bias(graph, smallest)
        absorbed = Packed(graph)
        moved = largest_difference(made, absorbed, images)
        if moved > TOLERANCE:
            ctx.log(f"no bias was absorbed: that would change an output by {moved:.2g} of its size")
            return made, notes | {"absorbed_channels": 0}
        difference = largest_difference(given, absorbed, images)
        return absorbed, notes | {"absorbed_channels": count, "largest_difference": difference}

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Compare operators and dtypes of both files, the given one in the form that can be quantized."""
        from tflbuild.tflite import flatbuffer
        from tflbuild.tflite.graph import Graph

        writing.check_declared(result)
        given = Graph(flatbuffer.load(model.path))
        make_quantizable(given)
        if flatbuffer.operators_of(given.model) != flatbuffer.operators(result.path):
            raise BrokenPromise("the operators were to stay as they are, but they changed.")


def _watch(ctx: PassContext, note: str) -> Callable[[float, float], None]:
    return lambda done, total: ctx.progress(done, total, note)
