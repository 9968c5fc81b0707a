"""The samples on which the base and the delivered file disagree most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from tflbuild.analyses.disagreeing import form, told
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact
from tflbuild.core.disagreement import BASE, MODEL, TRUTH, Compared, Disagreement
from tflbuild.core.exhibit import Exhibit
from tflbuild.core.meaning import Meaning
from tflbuild.core.names import named

SPLIT = "data.test"


@analysis("disagreements")
class Disagreements(Analysis):
    """Show the samples on which the base and the delivered file disagree most, the worst first.

    Both are held against one another by the predictions that their accuracy was measured by, on the whole test split;
    nothing is executed again, and every build does this by itself. What a disagreement is, the task says: classifiers
    are as far apart as their probabilities, detectors as the scores of what they find, other models as their outputs.
    Pictures are kept small, so that the page holds them.
    """

    needs = ("numpy", "PIL")
    of = (BASE, MODEL)
    title = "where the base and the delivered file disagree"
    delivered: ClassVar[bool] = True
    form = form.FORM

    shown: Annotated[int, Ge(1), Le(48)] = 12
    """Samples that are shown, at most. [samples]"""
    side: Annotated[int, Ge(16), Le(640)] = 240
    """Longer side of a shown picture, at most. Larger makes the page larger. [pixels]"""

    def reads(self) -> tuple[str, ...]:
        """Read the samples that accuracy was measured on."""
        return (SPLIT,)

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where the two are one, or their answers cannot be compared."""
        base, model = (Meaning.of(models[name]) for name in (BASE, MODEL))
        if models[BASE].digest == models[MODEL].digest:
            return "the base was not changed"
        if base.task != model.task or not model.kind.comparing:
            return f"answers of the task '{model.task}' are not compared with those of '{base.task}'"
        return ""

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Compare the predictions, and read the samples that are shown."""
        import numpy as np

        meanings = {name: Meaning.of(models[name]) for name in (BASE, MODEL)}
        split = ctx.dataset(SPLIT)
        found = self._compared(ctx, meanings, split.classes or meanings[MODEL].labels)
        distances = np.nan_to_num(found.distances, nan=np.inf)
        order = np.argsort(-distances, kind="stable")
        worst = [int(place) for place in order[: self.shown] if distances[place] > 0]
        return [
            {
                "split": split.name,
                "n": len(distances),
                "differ": int(np.count_nonzero(found.differ)),
                "what": found.what,
                "samples": [self._sample(split, place, found, meanings[MODEL]) for place in worst],
            }
        ]

    def _compared(
        self, ctx: AnalysisContext, meanings: Mapping[str, Meaning], labels: Sequence[str]
    ) -> Disagreement:
        from tflbuild.evaluation.arrays import load

        arrays = {name: load(ctx.predicted[name]) for name in (BASE, MODEL, TRUTH)}
        logits = frozenset(name for name, one in meanings.items() if one.head.get("scores") == "logits")
        compare = named(meanings[MODEL].kind.comparing)
        found: Disagreement = compare(Compared(**arrays, labels=labels, logits=logits))
        return found

    def _sample(self, split: Any, place: int, found: Disagreement, meaning: Meaning) -> dict[str, Any]:
        from tflbuild.analyses.disagreeing.picturing import pictured

        said, value = found.said(place), split[place].value
        return {
            "name": split.samples[place].key,
            "distance": told.finite(float(found.distances[place])),
            "picture": pictured(value, self.side),
            "text": "" if isinstance(value, Mapping) else meaning.only.kind.plain(value),
            **told.to_json(said),
        }

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Say on how many samples the two differ."""
        return [told.sentence(finding) for finding in findings]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw what each says of the worst samples."""
        return [told.exhibit_of(finding, self.title) for finding in findings]
