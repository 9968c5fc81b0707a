"""Whether samples from the field are as those that a model was trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from annotated_types import Ge, Le

from tflbuild.analyses.field.form import FORM
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.exhibit import Exhibit

TRAIN = "data.train"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FieldSamples:
    """The samples from the field."""

    source: str = ""
    """Samples from the field, without labels: a folder (with its sub-folders), a glob, a list file,
    an `.npy` or an `.npz`."""
    samples: Annotated[int, Ge(1), Le(100_000)] = 200
    """Samples taken from the field and from training, of each as many, chosen by the recipe's seed. More are surer and
    take longer. [samples]"""


@analysis("drift")
class Drift(Analysis):
    """Hold samples from the field, without labels, to those of training: looks, answers, ranges, agreement.

    Every number of a sample (brightness, contrast, colour, sharpness, noise, ...; score, entropy, detections; share of
    activations outside the calibrated ranges; distance from the float model) is compared by the two-sample
    Kolmogorov-Smirnov test with exact probabilities, shares of classes by a permutation test. Holm's procedure holds
    false alarms at 5 % over all of them, and a distance below `least` does not count however sure it is. The
    population stability index is told beside, with what it would be by chance.

    Samples of one source are taken for independent, unless neighbours by name resemble one another, as frames of a film
    do: then they count as fewer. One film alone, whatever its length, may still differ from training by what it shows.

    The verdict is the first that fits: `undecided` (nothing beyond chance, fewer than 10 field samples), `fine`
    (nothing beyond chance), `mend_preprocessing` (as another camera or a mistake leaves pictures), `recalibrate`
    (activations leave the ranges more than in training, or the file is further from the float model, unless answers
    changed and the file still agrees with the float model), `retrain` (anything else changed).
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    of = ("model", "float")
    title = "field samples against training"
    form = FORM

    field: FieldSamples = dataclasses.field(default_factory=FieldSamples)
    """The samples from the field."""
    least: Annotated[float, Ge(0), Le(1)] = 0.2
    """Distance of two distributions (Kolmogorov-Smirnov) that counts as a change; 0.2 is a shift by half a
    standard deviation. Larger reports less. [distance, 0 to 1]"""
    quantizes: str = ""
    """Label of the pass that calibrates, for the cure. Empty: none."""

    @classmethod
    def of_steps(cls, steps: Mapping[str, Any]) -> Self:
        """Name the pass that calibrates."""
        found = [label for label, options in steps.items() if hasattr(options, "calibration")]
        options: dict[str, Any] = {"quantizes": found[0] if found else ""}
        return cls(**options)

    def reads(self) -> tuple[str, ...]:
        """Read training samples, and those of the field."""
        return (TRAIN, *([self.field.source] if self.field.source else []))

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Ask for field samples and a `.tflite`."""
        if not self.field.source:
            return "no field samples given; set field.source to a folder, a glob or an .npz"
        return "" if isinstance(models["model"], TFLiteModel) else "it needs a .tflite, and this is not one"

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Look at both sources, run the models on them, and judge."""
        from tflbuild.analyses.field import choosing, observing, reporting

        source = self.field.source
        chosen = choosing.chosen(ctx.dataset(TRAIN), ctx.dataset(source), self.field.samples, ctx.seed)
        ranges = observing.Ranges(models["model"])
        total = len(chosen.train) + len(chosen.field)
        train, field = (
            observing.observed(split, models, ranges, _progress(ctx, before, total))
            for split, before in ((chosen.train, 0), (chosen.field, len(chosen.train)))
        )
        report = reporting.Report(train, field, ranges, self.least, ctx.seed)
        cure = f"{self.quantizes}.calibration.source={source}" if self.quantizes else ""
        return report.findings(cure, chosen.notes)

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Give the verdict with its evidence."""
        from tflbuild.analyses.field.told import lines_of

        return [line for finding in findings for line in lines_of(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw what changed."""
        from tflbuild.analyses.field.told import exhibit_of

        drawn = (exhibit_of(finding) for finding in findings)
        return [exhibit for exhibit in drawn if exhibit is not None]


def _progress(ctx: AnalysisContext, before: int, total: int) -> Any:
    return lambda done: ctx.progress(before + done, total, "samples")
