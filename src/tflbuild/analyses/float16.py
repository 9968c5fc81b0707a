"""Measure how a device that computes in float16 changes the accuracy of a `.tflite`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from tflbuild.analyses.attribution import judging
from tflbuild.analyses.per_layer import measuring
from tflbuild.core.amount import amount
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, Measured, Variant, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.change import moved
from tflbuild.core.exhibit import Exhibit
from tflbuild.core.form import MAPPING, NUMBER, TEXT, fields, list_of, maybe, whole

if TYPE_CHECKING:
    from tflbuild.quantization.half_range import HalfRange
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.half_precision import Halved

FILE, HALF, FLUSHED = "file", "float16", "flushed"
"""Names of the models that are measured."""

NEAR = 0.5
"""Share of the range of float16 from which an operator is told, though it does not overflow."""

FORM = fields(
    {
        "text": TEXT,
        "metric": TEXT,
        "n": whole(),
        "values": MAPPING,
        "changes": MAPPING,
        "operators": whole(),
        "samples": whole(),
        "outputs": list_of(fields({"name": TEXT, "apart": maybe(NUMBER), "largest": NUMBER})),
        "seen": whole(),
        "beyond": whole(),
        "small": whole(),
        "lost": whole(),
        "constants": list_of(TEXT),
        "overflow": maybe(MAPPING),
        "furthest": maybe(MAPPING),
    }
)
"""The form of the finding: the metric of each model that is measured, its change against the file, and numbers."""


@analysis("float16")
class Float16(Analysis):
    """Simulate a device that computes in float16: measure the file with its weights and results rounded to float16.

    Each result is rounded once, to nearest; sums within an operator are made in float32, so that a device which sums in
    float16, too, loses more. It is also measured with what float16 holds with fewer digits (below 6.1e-5) made 0, as
    some devices do. On a few samples every number is looked at: the first operator with a result beyond 65504, which
    becomes infinite, is named with its layer, and so is the one with the largest number.

    `tflbuild check FILE target=gpu --simulate` runs it with the operators that the device takes.

    References:
        IEEE 754-2019: binary16.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    title = "float16 arithmetic, simulated"
    form = FORM
    measures = "test"
    series = False

    operators: tuple[int, ...] = ()
    """Places of the operators that the device runs, in order of execution from 0. Empty: all built-in. [no unit]"""
    integers: bool = True
    """Whether operators of a quantized file are computed in float16, too, as LiteRT's GPU delegate does; false: they
    stay in integers."""
    samples: Annotated[int, Ge(1)] = 16
    """Samples of the test split whose every number is looked at, at most. More see larger numbers and take longer.
    [samples]"""

    def reads(self) -> tuple[str, ...]:
        """Read some samples."""
        return (measuring.SOURCE,)

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where there is no `.tflite`."""
        return "" if isinstance(models.get("model"), TFLiteModel) else "the model is no .tflite"

    def variants(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Variant]:
        """Make the models."""
        model = models["model"]
        made = [Variant(name=FILE, model=model)]
        for name in (HALF, FLUSHED):
            graph, _ = self._halved(model, flush=name == FLUSHED)
            made.append(Variant(name=name, model=ctx.emit(TFLiteModel, _content(graph), **dict(model.meta))))
        return made

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Say what float16 costs, and what reaches how far."""
        from tflbuild.quantization.half_range import half_range

        model = models["model"]
        halved, made = self._halved(model, flush=False)
        samples = measuring.samples_of(model, ctx, self.samples)
        return [_finding(ctx.measured, half_range(measuring.graph_of(model), halved, made, samples))]

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Give the sentence of the change, and what reaches how far."""
        return [line for finding in findings for line in _lines(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Give the same under the title."""
        return [Exhibit(title=self.title, text=tuple(self.lines(findings)), parts=())]

    def _halved(self, model: Artifact, *, flush: bool) -> tuple[Graph, Halved]:
        from tflbuild.tflite.half_precision import compute_in_float16

        graph = measuring.graph_of(model)
        on = frozenset(self.operators) if self.operators else None
        return graph, compute_in_float16(graph, on, integers=self.integers, flush=flush)


def _content(graph: Graph) -> bytes:
    from tflbuild.tflite.half_precision import without_unread

    return without_unread(graph).packed()


def _finding(measured: Sequence[Measured], found: HalfRange) -> dict[str, Any]:
    metric = judging.metric_of(measured[:1], "")
    values = {one.variant.name: _finite(one.metrics[metric].value) for one in measured} if metric else {}
    changes = {one.variant.name: asdict(one.totals[metric]) for one in measured[1:]} if metric else {}
    overflow, furthest = found.first, found.furthest
    return {
        "text": _sentence(metric, values, changes),
        "metric": metric,
        "n": measured[0].metrics[metric].n if metric else 0,
        "values": values,
        "changes": {name: {end: _finite(one) for end, one in each.items()} for name, each in changes.items()},
        "operators": len(found.operators),
        "samples": found.samples,
        "outputs": [
            {"name": name, "apart": _finite(apart), "largest": found.sizes[name]}
            for name, apart in found.outputs.items()
        ],
        "seen": sum(one.values for one in found.operators),
        "beyond": sum(one.beyond for one in found.operators),
        "small": sum(one.small for one in found.operators),
        "lost": sum(one.lost for one in found.operators),
        "constants": found.constants,
        "overflow": asdict(overflow) if overflow else None,
        "furthest": asdict(furthest) if furthest else None,
    }


def _finite(value: Any) -> Any:
    """Give a number as JSON has it: what is not finite is none."""
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _sentence(metric: str, values: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> str:
    if not metric:
        return "no metric could be measured"
    change = changes[HALF]
    if values[HALF] is None or not math.isfinite(change["value"]):
        return f"in float16 the file gives no {metric}: {values[FILE]:.4f} before, no number after"
    said = moved(metric, change["value"], change["low"], change["high"])
    return (
        f"in float16: {said}, from {values[FILE]:.4f} to {values[HALF]:.4f} on "
        f"{amount(change['n'], 'sample')}"
    )


def _lines(finding: Finding) -> list[str]:
    said = [str(finding["text"])]
    flushed = finding["changes"].get(FLUSHED)
    if flushed and finding["values"][FLUSHED] is not None and flushed["value"] is not None:
        change = moved(finding["metric"], flushed["value"], flushed["low"], flushed["high"])
        said.append(f"with numbers below 6.1e-5 made 0, too: {change}")
    for output in finding["outputs"]:
        apart = "is not finite" if output["apart"] is None else f"differs by {output['apart']:.3g} at most"
        said.append(
            f"output '{output['name']}' {apart}, on {amount(finding['samples'], 'sample')} with numbers up to "
            f"{output['largest']:.3g}"
        )
    said += [f"the constant '{name}' has a number beyond 65504" for name in finding["constants"]]
    said.append(_reach(finding))
    return said


def _reach(finding: Finding) -> str:
    overflow, furthest = finding["overflow"], finding["furthest"]
    if overflow:
        return (
            f"{overflow['operator']} of the layer '{overflow['layer']}' is the first that overflows: numbers up to "
            f"{overflow['largest']:.4g}, beyond 65504, on {overflow['samples']} of {finding['samples']} samples; "
            f"{amount(finding['beyond'], 'number')} of {finding['seen']:,} in all"
        )
    if furthest is None:
        return "nothing is rounded"
    share = furthest["largest"] / 65504
    near = f", {share:.0%} of what float16 holds" if share >= NEAR else ""
    return (
        f"nothing overflows: the largest of {finding['seen']:,} numbers is {furthest['largest']:.4g}{near} "
        f"({furthest['operator']} of the layer '{furthest['layer']}'); {finding['small']:,} are below 6.1e-5, "
        f"{finding['lost']:,} of them become 0"
    )
