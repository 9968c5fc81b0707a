"""The layers of a quantized file: how noisy rounding makes each, and which of them lost accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from tflbuild.analyses.attribution import judging, rungs, stages
from tflbuild.analyses.per_layer import candidates, causes, form, measuring, told
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, Variant, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.exhibit import Exhibit

PARTS = (measuring.ACTIVATIONS, measuring.WEIGHTS)
"""Kinds of rounding; each is left out as a whole, and then layer by layer."""


@analysis("layers")
class Layers(Analysis):
    """Measure the noise of every layer of a quantized file, and name the one that lost accuracy.

    Of each activation: the signal-to-quantization-noise ratio (SQNR) in dB against the float model that the file
    computes, with this tensor alone rounded (`sqnr`) and as in the file (`sqnr_carried`); the share of values beyond
    the ends of its grid; scale, zero point, and how many of its steps are used. Of each layer's weights: their SQNR
    against the float model they were made of, where that is at hand and was not equalized, else that of even rounding;
    scales, how far apart the ranges of channels are, and how many steps the poorest channel has. The ratio `by channel`
    averages each channel's share of noise: one channel that is fifty times as large as the others leaves that of the
    whole tensor as it is, and nothing of the others.

    Scales and grids are read off the file, so that a file of any tool is looked at in the same way.

    Where leaving out the rounding of all weights, or of all activations, gives back at least `least` of the metric
    beyond doubt, the layers that promise most by the error of the outputs are left in float one by one, and measured.
    One that gives back half of it, beyond doubt, is a cause.

    References:
        Jacob et al., 2018 (as `dequantize`); LiteRT's Quantization Debugger, which lists layers by their error.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    of = ("base", "model")
    title = "the layers of the quantized file"
    form = form.FORM
    explains = True
    steps = True
    measures = "test"
    series: ClassVar[bool] = False
    rounds: ClassVar[int] = 2 * len(PARTS)

    samples: Annotated[int, Ge(1)] = measuring.SAMPLES
    """Test samples that noise is measured on, at most. More give surer results and take longer. [samples]"""
    outputs: Annotated[int, Ge(1)] = 16
    """Samples that choose the most promising layers, at most. More give surer results and take longer. [samples]"""
    metric: str = ""
    """Metric of the finding. Empty: the first primary metric of the task."""
    least: Annotated[float, Ge(0)] = 0.02
    """Loss of the metric below which no layer is blamed. [unit of the metric]"""

    def reads(self) -> tuple[str, ...]:
        """Read the samples that the ladder is measured on."""
        return (measuring.SOURCE,)

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where there is no `.tflite` to take apart."""
        return "" if isinstance(models["model"], TFLiteModel) else "the model is not a .tflite"

    def variants(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Variant]:
        """Give the file with and without each kind of rounding; where one loses, without that of single layers, too."""
        model = self._model(models, ctx)
        taken = measuring.apart(model, stages.float_step(models))
        if taken is None:
            return ()
        names = {one.variant.name for one in ctx.measured}
        for part in PARTS:
            whole = [] if candidates.FREED[part] in names else candidates.wholes(part, model, taken, ctx)
            if whole:
                return whole
        metric = judging.metric_of(ctx.measured, self.metric) if ctx.measured else ""
        for part in causes.lossy(ctx.measured, metric, self.least) if metric else []:
            if not any(name.startswith(candidates.name_of(part, "")) for name in names):
                samples = measuring.samples_of(model, ctx, self.samples)
                rows = measuring.rows_of(taken, samples)[part]
                return candidates.singles(part, model, taken, rows, samples[: self.outputs], ctx)
        return ()

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Measure the noise of each layer, and say which of them lost accuracy beyond doubt."""
        model = models["model"]
        assert isinstance(model, TFLiteModel)
        taken = measuring.apart(model, stages.float_step(models))
        if taken is None:
            return []
        samples = measuring.samples_of(model, ctx, self.samples)
        rows: dict[str, Any] = measuring.rows_of(taken, samples)
        if not any(rows[part] for part in PARTS):
            return []
        whole: dict[str, Any] = {
            "summary": told.sentence(rows, len(samples)),
            "n": len(samples),
            "split": self.measures,
            **rows,
        }
        metric = judging.metric_of(ctx.measured, self.metric) if ctx.measured else ""
        if not metric:
            return [whole]
        whole["left_in_float"] = causes.left_in_float(ctx.measured, metric)
        steps = stages.labels_in(models)
        return [whole, *causes.of(ctx.measured, metric, rows, steps, self.least)]

    def _model(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> TFLiteModel:
        """Give the file with the base's ends, as the ladder measures it."""
        model = models["model"]
        assert isinstance(model, TFLiteModel)
        return rungs.with_ends_of(models["base"], model, ctx)

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Name the noisiest layers."""
        return [line for finding in findings for line in told.lines_of(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw the worst layers, and list all."""
        drawn = (told.exhibit_of(finding, self.title) for finding in findings)
        return [exhibit for exhibit in drawn if exhibit is not None]
