"""Measure how much error each layer adds when a model is quantized."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge

from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.float_model import quantizable
from tflbuild.passes.quantizing.options import Quantizing

if TYPE_CHECKING:
    from tflbuild.quantization.sensitivity import Sensitivity

PRINTED = 12
"""Layers in the log; report.json holds all of them."""


@compiler_pass("sensitivity")
class MeasureSensitivity(Quantizing):
    """Measure what quantizing each layer of a float `.tflite` costs; the file itself stays as it is.

    For every layer: the error with nothing else rounded (`alone`, and apart for its `weights` and its output,
    `activations`), and with everything else rounded (`left_out`). Errors are mean absolute differences from the
    float model's outputs on held-out calibration images, in units of each output's own mean absolute deviation. A
    detector is compared before suppression. `error_of_weights` (W8A32) against `error_of_activations` (W32A8) says
    which of the two is `guilty`: weights ask for `equalize`, `round` or per-channel scales, activations for other
    `ranges` or int16.

    The table is in the log, in report.json under `passes[].notes.sensitivity`, and in report.html.
    """

    needs = ("litert_quantizer", "ai_edge_litert", "numpy", "PIL")
    promises = "the file it was given, byte for byte"

    method: Literal["auto", "fixed"] = "fixed"
    """How the quantization that is measured is chosen: `fixed` takes `ranges`, `equalize`, ... as given; `auto`
    searches them first."""
    scheme: Literal["int8", "int16x8"] = "int8"
    """Number format whose errors are measured."""
    images: Annotated[int, Ge(1)] = 16
    """Held-out calibration images to measure errors on, at most. More give steadier errors and take longer.
    [images]"""

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Quantize, take the rounding apart, and note what each part costs."""
        ctx.notes["sensitivity"] = self.measured(model, ctx)
        return ctx.emit(TFLiteModel, model.path.read_bytes(), fingerprint=model.fingerprint)

    def measured(self, model: TFLiteModel, ctx: PassContext | AnalysisContext) -> dict[str, Any]:
        """Give what each part of the rounding costs, as report.json holds it."""
        started = time.perf_counter()
        writing.refuse_sparse(model)
        floating = quantizable(model, ctx).with_even_inputs(ctx, self.scheme, self.input_dtype)
        bench = self.bench(floating, ctx, self.scheme, measuring=True)
        found = bench.sensitivity(self.setting(bench, model, ctx), self.images)
        for line in table(found):
            ctx.log(line)
        return to_json(found) | {"seconds": round(time.perf_counter() - started, 3)}

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Compare the files."""
        if result.digest != model.digest:
            raise BrokenPromise("the file was to stay as it is, but its bytes changed.")


def to_json(found: Sensitivity) -> dict[str, Any]:
    """Give the form that report.json holds; the layer that would gain most by being left out comes first."""
    return {
        "error_of_all": _rounded(found.error_of_all),
        "error_of_weights": _rounded(found.error_of_weights),
        "error_of_activations": _rounded(found.error_of_activations),
        "guilty": found.guilty,
        "layers": [{key: _rounded(value) for key, value in asdict(cost).items()} for cost in found.layers],
    }


def table(found: Sensitivity) -> list[str]:
    """Say it in lines of text."""
    lines = [
        f"output error with everything quantized {found.error_of_all:.4f}; only weights "
        f"{found.error_of_weights:.4f}, only activations {found.error_of_activations:.4f}: {found.guilty} "
        f"cost more",
        f"{'layer':28} {'operator':20} {'weights':>8} {'activ.':>8} {'alone':>8} {'left out':>8} {'bytes':>9}",
    ]
    for cost in found.layers[:PRINTED]:
        lines.append(
            f"{cost.layer[:28]:28} {cost.operator:20} {_shown(cost.weights)} {_shown(cost.activations)} "
            f"{_shown(cost.alone)} {_shown(cost.left_out)} {cost.bytes:9,}"
        )
    if len(found.layers) > PRINTED:
        lines.append(f"... and {len(found.layers) - PRINTED} more in report.json")
    return lines


def _shown(error: float | None) -> str:
    return f"{'-':>8}" if error is None else f"{error:8.4f}"


def _rounded(value: Any) -> Any:
    return round(value, 7) if isinstance(value, float) else value
