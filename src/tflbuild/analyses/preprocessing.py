"""The cost of mistakes in preparing samples, and whether another way than the given one is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from tflbuild.analyses.mistakes import form, measuring, told
from tflbuild.analyses.mistakes.contract import Contract
from tflbuild.analyses.mistakes.mistake import Mistake
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, Variant, analysis
from tflbuild.core.artifact import Artifact
from tflbuild.core.cause import Cure
from tflbuild.core.exhibit import Exhibit
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS, AccuracyMetric


@analysis("preprocessing")
class Preprocessing(Analysis):
    """Measure a model on pictures or recordings that are prepared in another way than its meaning says.

    By default it looks for a mistake in what a base is given: of a picture the order of its channels, its values,
    kernel and aspect; of a recording its loudness, window and bands. The other ways are measured on `first` samples,
    those that seem better, and the two best of them together, on `samples`. One is a cause where it is better by at
    least `least` and its paired 95 % interval, widened for the number of ways (Bonferroni), leaves out zero.

    With `every`, each mistake that an app may make is measured, and told with its cost: those, and what cameras and
    decoders do to a picture before (EXIF orientation, JPEG, YUV 4:2:0), or other code to a recording (rate, frames, mel
    scale, logarithm, normalisation). An integer input is given what such an app would
    give it: the value that is wrong, quantized.
    """

    needs = ("numpy", "PIL")
    of = ("base", "model")
    title = "samples prepared in another way"
    form = form.FORM
    explains = True
    measures = "test"
    series: ClassVar[bool] = False
    rounds: ClassVar[int] = 2

    on: Literal["base", "model"] = "base"
    """The model that is measured: the `base`, or the delivered one (`model`)."""
    every: bool = False
    """Whether every known mistake is measured and told with its cost, those of cameras and decoders included."""
    first: Annotated[int, Ge(1)] = 64
    """Samples, at most, that say which other ways seem better. More give surer results and take longer. [samples]"""
    samples: Annotated[int, Ge(1)] = 200
    """Samples, at most, that decide. More give surer results and take longer. [samples]"""
    least: Annotated[float, Ge(0)] = 0.02
    """Gain of the metric below which another way is not a cause. [unit of the metric]"""

    def reads(self) -> tuple[str, ...]:
        """Read nothing: what is measured is measured by the engine."""
        return ()

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where nothing is known of mistakes in the model's input, or of what is right in its samples."""
        model = models[self.on]
        found = measuring.taken_by(model)
        if found is None or not found.every():
            return "this needs a model whose only input is a picture or a recording"
        if not self.every and not Meaning.of(model).kind.labelled:
            return f"without labels, ways to prepare {found.noun} cannot be compared"
        return ""

    def variants(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Variant]:
        """Give the model as it is, and then with each other way; at last those that seem better."""
        model, ways = models[self.on], self._ways(models)
        if not ctx.measured:
            count = self.samples if self.every else self.first
            return [measuring.variant(model, way, count) for way in (None, *ways)]
        better = [] if self.every else measuring.promising(ctx.measured, ways)
        return [measuring.variant(model, way, self.samples) for way in (None, *better)] if better else []

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Say what each way cost, and which is better beyond doubt."""
        ways = self._ways(models)
        first = [one for one in ctx.measured if one.variant.name == measuring.GIVEN]
        last = ctx.measured[ctx.measured.index(first[-1]) :] if first else []
        metric = measuring.metric_of(last)
        if not metric:
            return [
                {"text": "accuracy could not be measured with the recipe's own preprocessing", "rows": []}
            ]
        seem = [] if self.every else measuring.promising(ctx.measured[: len(ways) + 1], ways)
        by_name = {way.name: way for way in (*ways, *seem)}
        decided = len(first) > 1 or self.every
        rows = measuring.rows_of(last, by_name, metric, self.least, len(by_name)) if decided else []
        given = last[0].metrics[metric]
        whole = {
            "on": self.on,
            "noun": self._contract(models).noun,
            "every": self.every,
            "metric": metric,
            "split": self.measures,
            "n": given.n,
            "tried": len(by_name),
            "value": given.value,
            "low": given.low,
            "high": given.high,
            "rows": rows,
        }
        return [
            {"text": told.sentence(whole), **whole},
            *self._causes(models, metric, rows, by_name, given.n),
        ]

    def _contract(self, models: Mapping[str, Artifact]) -> Contract:
        found = measuring.taken_by(models[self.on])
        assert found is not None, "`fits` refuses a model without one"
        return found

    def _ways(self, models: Mapping[str, Artifact]) -> list[Mistake]:
        contract = self._contract(models)
        return contract.every() if self.every else contract.readings()

    def _causes(
        self,
        models: Mapping[str, Artifact],
        metric: str,
        rows: Sequence[Mapping[str, Any]],
        by_name: Mapping[str, Mistake],
        n: int,
    ) -> list[dict[str, Any]]:
        """Name the cause for which the best way stands, where one is better and labels say so."""
        cls = METRICS.get(metric)
        better = [row for row in rows if row["better"] and row["override"]]
        if not better or not issubclass(cls, AccuracyMetric) or cls.against != "truth":
            return []
        alone = [row for row in better if "+" not in row["kind"]] or better
        best, single = better[-1], alone[-1]
        if single["cost"]["value"] - best["cost"]["value"] < self.least:
            best = single
        cost = best["cost"]
        gain = -cost["value"]
        lost = {"metric": metric, "value": gain, "low": -cost["high"], "high": -cost["low"], "n": n}
        cure = Cure(f"give the model {best['how']}", best["override"], gain, "minutes")
        return [
            {
                "cause": self._contract(models).cause_of(by_name[best["name"]]),
                "stage": "base",
                "text": f"the {told.NAMES[self.on]} is better with {best['how']}: {metric} {best['value']:.4f}",
                "cost": lost,
                "cures": [cure.to_json()],
            }
        ]

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Give a line, or the table of every mistake."""
        return [line for finding in findings for line in told.lines_of(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw what each mistake cost."""
        drawn = (told.exhibit_of(finding, self.title) for finding in findings)
        return [exhibit for exhibit in drawn if exhibit is not None]
