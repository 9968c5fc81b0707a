"""Where accuracy was lost, from the model as trained to the delivered file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Ge

from tflbuild.analyses.attribution import causes, form, judging, rungs, stages, told
from tflbuild.analyses.per_layer import guilty, measuring
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, Measured, Variant, analysis
from tflbuild.core.artifact import Artifact, KerasModel
from tflbuild.core.exhibit import Exhibit


@analysis("ladder")
class Ladder(Analysis):
    """Measure a series of models on the same samples, each with one thing changed: the steps add up to the drop.

    From the model as it was trained (batch norm by its batch), to its inference form, what each pass gave, the float
    `.tflite` on reference kernels and on this machine's, its weights quantized alone, activations too, input and
    output too, integer arithmetic on reference kernels and on this machine's; and, where the file differs from the base
    in them, its order of classes, its preprocessing and its suppression. What cannot be made of these models is left
    out, and its cost is in the next step.

    Quantized weights and activations are taken from the file itself: its float model (pass `dequantize`), rounded to
    its own grids. So a file that another tool made is taken apart in the same way.

    A step is blamed where it lost at least `least`, and its paired 95 % interval, widened for the number of steps,
    leaves out zero; or where it is the costliest of a drop that is beyond noise, and its own interval leaves out zero.

    References:
        Nagel et al., A White Paper on Neural Network Quantization, 2021, section 3.6: the order of the questions.
    """

    needs = ("ai_edge_litert", "numpy")
    of = ("base", "model")
    title = "where accuracy was lost"
    form = form.FORM
    explains = True
    steps = True
    measures = "test"

    metric: str = ""
    """Metric of the finding. Empty: the first primary metric of the task."""
    least: Annotated[float, Ge(0)] = 0.01
    """Loss of the metric below which no step is blamed. [unit of the metric]"""

    def is_light(self, models: Mapping[str, Artifact]) -> bool:
        """Say that batch norm is measured again in TensorFlow."""
        return not (isinstance(models.get("base"), KerasModel) and rungs.has_norms(models["base"]))

    def reads(self) -> tuple[str, ...]:
        """Read training samples, by which batch norm normalises, and those that layers are looked at on."""
        return ("data.train", measuring.SOURCE)

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where base and file are one."""
        return "the base was not changed" if models["base"].digest == models["model"].digest else ""

    def variants(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Variant]:
        """Make the models."""
        return list(rungs.rungs(models, ctx))

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Say what each step cost, and blame those that lost accuracy beyond doubt."""
        measured = ctx.measured
        metric = judging.metric_of(measured, self.metric)
        if not metric:
            return [{"text": "accuracy could not be measured at every step", "rungs": []}]
        costs = [judging.cost_of(one.changes[metric], metric) for one in measured[1:]]
        total = judging.cost_of(measured[-1].totals[metric], metric)
        marks = judging.blamed(costs, total, self.least)
        rows = _rows(measured, metric, costs, marks)
        named = guilty.under({row["name"] for row in rows if row.get("blamed")}, models, ctx)
        rows = [{**row, "layers": named[row["name"]]} if row["name"] in named else row for row in rows]
        blamed = [row["label"] for row in rows if row.get("blamed")]
        whole = {
            "text": told.verdict(metric, total, blamed, total.n),
            "metric": metric,
            "unit": measured[0].metrics[metric].unit,
            "split": self.measures,
            "n": total.n,
            "total": total.to_json(),
            "rungs": rows,
        }
        steps = stages.labels_in(models)
        return [whole, *causes.of(rows, steps, models)]

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Give the table of steps."""
        return [line for finding in findings for line in told.lines_of(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw what each step cost."""
        drawn = (told.exhibit_of(finding) for finding in findings)
        return [exhibit for exhibit in drawn if exhibit is not None]


def _rows(
    measured: Sequence[Measured], metric: str, costs: Sequence[judging.Cost], marks: Sequence[bool]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(measured):
        found = one.metrics[metric]
        row: dict[str, Any] = {
            "name": one.variant.name,
            "label": told.label_of(one.variant.name, first=place == 0),
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "kernels": found.kernels,
            "file": one.variant.model.digest,
            "kind": one.variant.model.kind,
        }
        if place:
            cost = costs[place - 1]
            row |= {"cost": cost.to_json(), "beyond": judging.beyond(cost), "blamed": marks[place - 1]}
        rows.append(row)
    return rows
