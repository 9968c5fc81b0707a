"""Whether the samples that ranges are measured on are fit for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Self

from tflbuild.analyses.calibrating.form import FORM
from tflbuild.analyses.calibrating.told import exhibits_of, finding_of, lines_of, summary_of
from tflbuild.core.analysis import STEP, Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.exhibit import Exhibit
from tflbuild.passes.quantizing.calibration import Calibration


@analysis("calibration")
class CalibrationLook(Analysis):
    """Look at calibration samples beside training samples, at the ranges that they reach, and at a file's grids.

    Named are: another scale, random noise, copies, one class alone, too few, samples of val, another dtype. A cause is
    claimed where a test says so at 1 % (rank test of Mann and Whitney, Fisher's exact test, or the chance of a draw:
    five tests, so 5 % for good samples together) and a least effect is exceeded, which draws of one source do not
    reach. With a float `.tflite` at hand its activations say how ranges grow with samples, and by how much those of
    training samples exceed them. A quantized file is held to what training samples span: the grid of its input to
    the preprocessing, that of each layer to the layer's values. That is all there is of a file that another tool made.
    """

    needs = ("ai_edge_litert", "numpy")
    of = ("base", "model")
    title = "calibration"
    form = FORM
    explains = True
    steps = True

    calibration: Calibration = field(default_factory=Calibration)
    """The calibration samples that are looked at."""
    step: str = ""
    """Label of the step that calibrates, for the cure. Empty: none."""

    @classmethod
    def of_steps(cls, steps: Mapping[str, Any]) -> Self:
        """Take the calibration of the last step that quantizes, or else measures ranges."""
        known = {
            label: options
            for label, options in steps.items()
            if isinstance(getattr(options, "calibration", None), Calibration)
            and options.calibration.source in options.reads()
        }
        if not known:
            return cls()
        quantizing = [label for label, options in known.items() if options.output_quantized()]
        label = (quantizing or list(known))[0]
        options: dict[str, Any] = {"calibration": known[label].calibration, "step": label}
        return cls(**options)

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source, training samples, and val, of which no sample may be among the former."""
        return tuple(dict.fromkeys((self.calibration.source, "data.train", "data.val")))

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Look."""
        from tflbuild.analyses.calibrating import looking

        figures, found = looking.looked(
            self.calibration, self.step, models, ctx, foreign=self._is_foreign(models)
        )
        wrong = [finding_of(fault) for fault in found]
        return [{"summary": summary_of(figures, len(wrong)), "figures": figures}, *wrong]

    def _is_foreign(self, models: Mapping[str, Artifact]) -> bool:
        """Say whether the model is quantized, and was not by the step whose calibration is known."""
        model = models.get("model")
        made_here = f"{STEP}{self.step}" in models
        quantized = isinstance(model, TFLiteModel) and bool(model.meta.get("quantized"))
        return quantized and not made_here and self.calibration.source == "data.train"

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Say what is wrong, and what cures it."""
        return lines_of(findings)

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw how ranges grow with samples, and the grids that are farthest off."""
        return exhibits_of(findings, self.title)
