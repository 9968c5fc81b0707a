"""The score from which on answers are believed: chosen on val, shown on test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from annotated_types import Gt, Le

from tflbuild.analyses.thresholding import form, told
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact
from tflbuild.core.decision import Confusion, Decided, Decisions
from tflbuild.core.disagreement import MODEL, TRUTH
from tflbuild.core.exhibit import Exhibit
from tflbuild.core.meaning import Meaning
from tflbuild.core.names import named

VAL, TEST = "val", "test"

STEPS = 100
"""Steps of the threshold between 0 and 1."""

LARGEST = 25
"""Rows of a matrix that is kept whole; of a larger one, the pairs that are confused most are."""

PAIRS = 20
"""Pairs that are kept of a larger one, at most."""


@analysis("thresholds")
class Thresholds(Analysis):
    """Give precision and recall of the delivered file from each score on, and the confusion matrix.

    The threshold is the one with the best F-score on the val split: the test split is never chosen on, and shows what
    that threshold gives. Both are computed from predictions that were measured anyway, and every build does this by
    itself where the data have labels.
    """

    needs = ("numpy",)
    title = "precision and recall by threshold"
    delivered: ClassVar[bool] = True
    chooses: ClassVar[str] = VAL
    asks: ClassVar[str] = "deciding"
    form = form.FORM

    beta: Annotated[float, Gt(0), Le(100)] = 1.0
    """How many times as much as precision recall counts in the F-score that chooses the threshold; 1 is F1. [ratio]"""

    def reads(self) -> tuple[str, ...]:
        """Read no samples: predictions say it all."""
        return ()

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where answers have no score."""
        task = Meaning.of(models[MODEL]).kind
        return "" if task.deciding else f"answers of the task '{type(task).name}' have no threshold"

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Choose on val, and count on test."""
        import numpy as np

        meaning = Meaning.of(models[MODEL])
        if not _labelled(ctx):
            return []
        thresholds = np.linspace(0.0, 1.0, STEPS + 1).round(2)
        chosen_on, held = (self._decided(meaning, ctx, before, thresholds) for before in (f"{VAL}:", ""))
        scores = [self._f(*pair) for pair in _shares(chosen_on)]
        best = max(range(len(scores)), key=lambda place: (scores[place], place))
        at = float(thresholds[best]) if scores[best] > 0 else None
        shares = _shares(held)
        return [
            {
                "what": held.what,
                "beta": self.beta,
                "chosen_on": VAL,
                "measured_on": TEST,
                "threshold": at,
                "val": self._figures(_shares(chosen_on)[best]) if at is not None else None,
                "test": self._figures(shares[best]) if at is not None else None,
                "thresholds": thresholds.tolist(),
                "precision": [precision for precision, _ in shares],
                "recall": [recall for _, recall in shares],
                **_confused(held.confusion(at or 0.0), at if held.by_score else None),
            }
        ]

    def _decided(self, meaning: Meaning, ctx: AnalysisContext, before: str, thresholds: Any) -> Decisions:
        from tflbuild.evaluation.arrays import load

        model, truth = (load(ctx.predicted[f"{before}{name}"]) for name in (MODEL, TRUTH))
        labels = [str(name) for name in truth["names"]]
        given = Decided(model, truth, labels, logits=meaning.head.get("scores") == "logits")
        found: Decisions = named(meaning.kind.deciding)(given, thresholds)
        return found

    def _f(self, precision: float | None, recall: float | None) -> float:
        """Give the F-score; 0 where there is none."""
        if not precision or not recall:
            return 0.0
        weight = self.beta**2
        return (1 + weight) * precision * recall / (weight * precision + recall)

    def _figures(self, pair: tuple[float | None, float | None]) -> dict[str, Any]:
        precision, recall = pair
        return {"precision": precision, "recall": recall, "f": round(self._f(precision, recall), 4)}

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Name the threshold and what it gives."""
        return [told.sentence(finding) for finding in findings]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw both curves and the matrix."""
        return [exhibit for finding in findings for exhibit in told.exhibits_of(finding, self.title)]


def _labelled(ctx: AnalysisContext) -> bool:
    """Say whether the data say what is right on both splits."""
    from tflbuild.evaluation.arrays import load

    truths = [load(ctx.predicted[f"{before}{TRUTH}"]) for before in (f"{VAL}:", "")]
    return all("names" in truth and len(truth["names"]) and len(truth["labels"]) for truth in truths)


def _shares(found: Decisions) -> list[tuple[float | None, float | None]]:
    """Give precision and recall from each threshold on; None where nothing is said, or there is nothing to find."""
    return [
        (
            round(int(right) / int(made), 4) if made else None,
            round(int(right) / found.wanted, 4) if found.wanted else None,
        )
        for right, made in zip(found.right, found.made, strict=True)
    ]


def _confused(found: Confusion, at: float | None) -> dict[str, Any]:
    """Give the matrix, or the pairs of a large one."""
    import numpy as np

    counts = np.asarray(found.counts)
    if len(counts) <= LARGEST:
        whole = {"rows": list(found.rows), "columns": list(found.columns), "counts": counts.tolist()}
        return {"confusion": whole | {"from_score": at}}
    alike = np.array([[row == column for column in found.columns] for row in found.rows])
    apart = np.where(alike, 0, counts)
    order = np.argsort(-apart, axis=None, kind="stable")[:PAIRS]
    places = [divmod(int(place), counts.shape[1]) for place in order]
    pairs = [
        {"right": found.rows[row], "said": found.columns[column], "n": int(apart[row, column])}
        for row, column in places
        if apart[row, column]
    ]
    return {"confused": pairs}
