"""The scores of normal and abnormal samples, the ROC curve, and a threshold: chosen on val, shown on test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact
from tflbuild.core.disagreement import MODEL, TRUTH
from tflbuild.core.exhibit import Exhibit, Line, Plot
from tflbuild.core.form import NUMBER, TEXT, fields, list_of, maybe, whole
from tflbuild.core.meaning import Meaning
from tflbuild.tasks.reconstruction.task import ABNORMAL, CLASSES, ERRORS, Reconstruction

VAL, TEST = "val", "test"

BINS = 40
"""Bins of scores that are counted."""

POINTS = 120
"""Points of the curve that are kept, at most."""

RATES = maybe(fields({"false_positive_rate": NUMBER, "true_positive_rate": NUMBER}))

FORM = fields(
    {
        "chosen_on": TEXT,
        "measured_on": TEXT,
        "threshold": maybe(NUMBER),
        "val": RATES,
        "test": RATES,
        "normal": whole(),
        "abnormal": whole(),
        "edges": list_of(NUMBER),
        "normal_counts": list_of(whole()),
        "abnormal_counts": list_of(whole()),
        "false_positive_rates": list_of(NUMBER),
        "true_positive_rates": list_of(NUMBER),
    }
)


@analysis("anomaly_scores")
class AnomalyScores(Analysis):
    """Show how the delivered file's scores of normal and abnormal samples lie, the ROC curve, and a threshold.

    The threshold is the one with the largest difference of the two rates on the val split (Youden's index). The test
    split is never chosen on, and shows what it gives. Every build of a model that detects anomalies does this by
    itself, from predictions that were measured anyway.

    References:
        Youden, Index for Rating Diagnostic Tests, 1950.
    """

    needs = ("numpy",)
    title = "anomaly scores"
    delivered: ClassVar[bool] = True
    chooses: ClassVar[str] = VAL
    asks: ClassVar[str] = ""
    form = FORM

    def reads(self) -> tuple[str, ...]:
        """Read no samples: predictions say it all."""
        return ()

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where answers are no anomaly scores."""
        task = Meaning.of(models[MODEL]).kind
        return "" if isinstance(task, Reconstruction) else "the model does not detect anomalies"

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Choose on val, and count on test."""
        import numpy as np

        from tflbuild.metrics.statistics.ranking import curve

        splits = {VAL: _scored(ctx, f"{VAL}:"), TEST: _scored(ctx, "")}
        if any(scores is None for scores, _ in splits.values()):
            return []
        scores, abnormal = splits[TEST]
        false, true, _ = curve(scores, abnormal)
        at = _chosen(*splits[VAL])
        edges = np.linspace(float(scores.min()), float(scores.max()), BINS + 1)
        kept = np.unique(np.linspace(0, len(false) - 1, min(POINTS, len(false))).round().astype(int))
        found: dict[str, Any] = {
            "chosen_on": VAL,
            "measured_on": TEST,
            "threshold": at,
            **{split: _rates(*splits[split], at) for split in (VAL, TEST)},
            "normal": int((~abnormal).sum()),
            "abnormal": int(abnormal.sum()),
            "edges": edges.tolist(),
            "normal_counts": np.histogram(scores[~abnormal], edges)[0].tolist(),
            "abnormal_counts": np.histogram(scores[abnormal], edges)[0].tolist(),
            "false_positive_rates": false[kept].tolist(),
            "true_positive_rates": true[kept].tolist(),
        }
        return [found]

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Name the threshold and what it gives."""
        return [sentence(finding) for finding in findings]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw both distributions, and the curve."""
        return [exhibit for finding in findings for exhibit in _exhibits(finding)]


def sentence(found: Mapping[str, Any]) -> str:
    """Say which threshold was chosen, and what it gives on test."""
    at, test = found["threshold"], found["test"]
    if at is None or test is None:
        return f"no threshold tells normal from abnormal samples on {found['chosen_on']}"
    return (
        f"threshold {at:.4g} tells normal from abnormal samples best on {found['chosen_on']}; on "
        f"{found['measured_on']} {test['true_positive_rate']:.3f} of the abnormal samples reach it, and "
        f"{test['false_positive_rate']:.3f} of the normal ones"
    )


def _scored(ctx: AnalysisContext, before: str) -> tuple[Any, Any]:
    """Give the scores of a split with who is abnormal; None where a score is no number, or a side is missing."""
    import numpy as np

    from tflbuild.evaluation.arrays import load

    model, truth = (load(ctx.predicted[f"{before}{name}"]) for name in (MODEL, TRUTH))
    labels = truth.get("labels", np.zeros(0, np.int32))
    abnormal = labels == ABNORMAL
    known = len(labels) and abnormal.any() and not abnormal.all() and np.isfinite(model[ERRORS]).all()
    return (np.asarray(model[ERRORS], np.float64) if known else None), abnormal


def _chosen(scores: Any, abnormal: Any) -> float | None:
    """Give the threshold with the largest difference of the rates; the highest of equal ones, None for none."""
    import numpy as np

    from tflbuild.metrics.statistics.ranking import curve

    false, true, thresholds = curve(scores, abnormal)
    best = int(np.argmax(true - false))
    return float(thresholds[best]) if true[best] > false[best] else None


def _rates(scores: Any, abnormal: Any, at: float | None) -> dict[str, float] | None:
    if at is None:
        return None
    reached = scores >= at
    return {
        "false_positive_rate": round(float(reached[~abnormal].mean()), 4),
        "true_positive_rate": round(float(reached[abnormal].mean()), 4),
    }


def _exhibits(found: Mapping[str, Any]) -> list[Exhibit]:
    edges, at, measured = found["edges"], found["threshold"], found["measured_on"]
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    lines = tuple(
        Line(
            name=side,
            points=tuple(
                (middle, count / max(1, found[side]))
                for middle, count in zip(middles, found[f"{side}_counts"], strict=True)
            ),
        )
        for side in CLASSES
    )
    spread = Plot(
        lines=lines,
        x_name="anomaly score",
        y_name=f"share of the samples of {measured}",
        at=at if at is not None and middles[0] <= at <= middles[-1] else None,
        mark="" if at is None else f"{at:.4g}, chosen on {found['chosen_on']}",
    )
    points = tuple(zip(found["false_positive_rates"], found["true_positive_rates"], strict=True))
    curve = Plot(
        lines=(
            Line(name="delivered file", points=points),
            Line(name="chance", points=((0.0, 0.0), (1.0, 1.0))),
        ),
        x_name="share of the normal samples that reach the threshold",
        y_name="share of the abnormal ones",
        ends=(0.0, 1.0),
    )
    said = sentence(found)
    counted = (
        f"{found['normal']} normal and {found['abnormal']} abnormal samples of {measured}, in {BINS} bins."
    )
    return [
        Exhibit(title="anomaly scores", text=(f"{said[:1].upper()}{said[1:]}.", counted), parts=(spread,)),
        Exhibit(title="ROC curve", text=("Each point is one threshold.",), parts=(curve,)),
    ]
