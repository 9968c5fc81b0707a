"""The cost of rounding each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Annotated, Any, Literal

from annotated_types import Ge

from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.exhibit import Bar, Bars, Exhibit, Note, Quantity, Row, Table, number
from tflbuild.core.form import NUMBER, TEXT, fields, list_of, maybe, one_of, whole
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.passes.sensitivity import MeasureSensitivity

NAMED = 5
"""Layers in the terminal."""

SHOWN = 15
"""Layers that have bars; a table holds all of them."""

LAYER = fields(
    {
        **dict.fromkeys(("layer", "tensor", "operator"), TEXT),
        "weights": maybe(NUMBER),
        "activations": maybe(NUMBER),
        "alone": NUMBER,
        "left_out": NUMBER,
        "bytes": whole(),
        "macs": whole(),
    }
)

FORM = fields(
    {
        **dict.fromkeys(("error_of_all", "error_of_weights", "error_of_activations", "seconds"), NUMBER),
        "guilty": one_of("weights", "activations"),
        "layers": list_of(LAYER),
    }
)


def _gain(note: Note, layer: Mapping[str, Any]) -> float:
    """Give the gain of leaving a layer in float."""
    left_out, overall = number(layer, "left_out"), number(note, "error_of_all")
    if left_out is None or overall is None:
        return number(layer, "alone") or 0.0
    return overall - left_out


def _costliest(note: Note) -> list[Mapping[str, Any]]:
    return sorted(note.get("layers", []), key=lambda layer: _gain(note, layer), reverse=True)


def _summary(note: Note) -> str:
    """Say what all rounding costs, and whether weights or activations are to blame."""
    known = [
        (number(note, "error_of_all"), "with everything quantized"),
        (number(note, "error_of_weights"), "with only weights quantized"),
        (number(note, "error_of_activations"), "with only activations quantized"),
    ]
    text = ", ".join(f"{value:.3g} {what}" for value, what in known if value is not None)
    guilty = f": {note['guilty']} cost more" if note.get("guilty") else ""
    return f"output error {text}{guilty}" if text else ""


def lines_of(note: Note) -> list[str]:
    """Name the layers that cost most."""
    layers = _costliest(note)[:NAMED]
    if not layers:
        return []
    width = max(len(_name(layer)) for layer in layers)
    summary = _summary(note)
    return [
        f"sensitivity: {summary}" if summary else "sensitivity:",
        *(
            f"  {_name(layer):{width}}  {layer.get('operator', ''):18} quantizing it adds "
            f"{_gain(note, layer):.3g} output error"
            for layer in layers
        ),
    ]


def _name(layer: Mapping[str, Any]) -> str:
    return str(layer.get("layer") or layer.get("tensor") or "?")


def exhibit_of(note: Note) -> Exhibit | None:
    """Draw the costliest layers, weights and activations apart, and list all."""
    layers = _costliest(note)
    if not layers:
        return None
    bars = Bars(
        bars=tuple(
            Bar(
                label=_name(layer),
                text=str(layer.get("operator", "")),
                values=(number(layer, "weights"), number(layer, "activations")),
            )
            for layer in layers[:SHOWN]
        ),
        unit="error",
        series=("weights", "activations"),
        legend="output error when only this layer is quantized; first the layers that gain most in float",
    )
    rows = tuple(
        Row(
            cells=(
                _name(layer),
                str(layer.get("operator", "")),
                *(
                    Quantity(number(layer, key), "error")
                    for key in ("weights", "activations", "alone", "left_out")
                ),
                Quantity(number(layer, "bytes"), "bytes"),
            )
        )
        for layer in layers
    )
    headings = ("layer", "operator", "weights", "activations", "alone", "in float", "weights' bytes")
    summary = _summary(note)
    return Exhibit(
        title="what quantizing each layer costs",
        text=(f"{summary[0].upper()}{summary[1:]}.",) if summary else (),
        parts=(bars, Table(headings=headings, rows=rows, summary=f"all {len(rows)} layers")),
    )


@analysis("sensitivity")
class SensitivityAnalysis(Analysis):
    """Measure what quantizing each layer of a float `.tflite` costs.

    For every layer: the error with nothing else rounded (`alone`, and apart for its `weights` and its output,
    `activations`), and with everything else rounded (`left_out`). Errors are mean absolute differences from the
    float model's outputs on held-out calibration samples, in units of each output's own mean absolute deviation. A
    detector is compared before suppression. `error_of_weights` (W8A32) against `error_of_activations` (W32A8) says
    which of the two is `guilty`: weights ask for `equalize`, `round` or per-channel scales, activations for other
    `ranges` or int16.
    """

    needs = ("litert_quantizer", "ai_edge_litert", "numpy")
    of = ("float",)
    title = "what quantizing each layer costs"
    form = FORM

    scheme: Literal["int8", "int16x8"] = "int8"
    """Number format whose errors are measured."""
    samples: Annotated[int, Ge(1)] = 16
    """Held-out calibration samples that errors are measured on, at most. More give surer results and take
    longer. [samples]"""
    calibration: Calibration = field(default_factory=Calibration)
    """Images to measure ranges on."""

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source."""
        return (self.calibration.source,)

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Quantize, take the rounding apart, and measure what each part costs."""
        model = models["float"]
        assert isinstance(model, TFLiteModel)
        options = MeasureSensitivity(scheme=self.scheme, images=self.samples, calibration=self.calibration)
        return [options.measured(model, ctx)]

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Name the layers that cost most."""
        return [line for finding in findings for line in lines_of(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw the costliest layers, weights and activations apart, and list all."""
        drawn = (exhibit_of(finding) for finding in findings)
        return [exhibit for exhibit in drawn if exhibit is not None]
