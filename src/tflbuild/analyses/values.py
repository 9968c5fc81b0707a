"""The values that a delivered file gives, against the right ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact
from tflbuild.core.disagreement import MODEL, TRUTH
from tflbuild.core.exhibit import Exhibit, Matrix
from tflbuild.core.form import NUMBER, TEXT, fields, list_of, whole
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain

LONGEST = 40
"""Letters of the name of a value."""

MOST = 8
"""Values that are shown; a model may give more."""


@analysis("values")
class Values(Analysis):
    """Count, for each value of a regression, which numbers the delivered file gives for which right ones.

    It is computed from predictions that were measured anyway; every build of a regression does this by itself.
    """

    needs = ("numpy",)
    title = "given and right values"
    delivered: ClassVar[bool] = True
    asks: ClassVar[str] = ""
    form = fields(
        {
            "said": TEXT,
            "name": TEXT,
            "n": whole(),
            "edges": list_of(NUMBER),
            "counts": list_of(list_of(whole())),
            "mean_error": NUMBER,
            "largest_error": NUMBER,
        }
    )

    bins: Annotated[int, Ge(2), Le(25)] = 10
    """Rows and columns that the range of a value is parted into. [bins]"""

    def reads(self) -> tuple[str, ...]:
        """Read no samples: predictions say it all."""
        return ()

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where answers are no values."""
        task = Meaning.of(models[MODEL]).kind
        return "" if task.stepped else f"answers of the task '{type(task).name}' are no values"

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Count each value."""
        from tflbuild.evaluation.arrays import load

        found, truth = (load(ctx.predicted[name]) for name in (MODEL, TRUTH))
        if "values" not in truth or found["values"].shape != truth["values"].shape:
            return []
        names = [str(name) for name in truth["names"]]
        return [
            self._counted(name, found["values"][:, place], truth["values"][:, place])
            for place, name in enumerate(names[:MOST])
        ]

    def _counted(self, name: str, given: Any, right: Any) -> dict[str, Any]:
        import numpy as np

        known = np.isfinite(given)
        given, right = given[known].astype(np.float64), right[known]
        every = np.concatenate([given, right]) if len(given) else np.zeros(1)
        low, high = float(every.min()), float(every.max())
        edges = np.linspace(low, high if high > low else low + 1.0, self.bins + 1)
        counts, _, _ = np.histogram2d(right, given, bins=(edges, edges))
        errors = given - right
        mean, largest = (float(errors.mean()), float(np.abs(errors).max())) if len(errors) else (0.0, 0.0)
        return {
            "said": f"{plain(name, LONGEST)} is {mean:+.4g} off in the mean, at most {largest:.4g}",
            "name": name,
            "n": int(known.sum()),
            "edges": edges.tolist(),
            "counts": counts.astype(int).tolist(),
            "mean_error": mean,
            "largest_error": largest,
        }

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Say nothing: the metric has the line."""
        return []

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw the counts."""
        return [
            Exhibit(
                title=f"{self.title}: {plain(found['name'], LONGEST)}",
                text=(
                    f"{found['said'][:1].upper()}{found['said'][1:]}, on {int(found['n']):,} test samples.",
                ),
                parts=(_matrix(found),),
            )
            for found in findings
        ]


def _matrix(found: Finding) -> Matrix:
    edges = found["edges"]
    names = tuple(f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges))
    counts = tuple(tuple(int(one) for one in row) for row in found["counts"])
    return Matrix(rows=names, columns=names, counts=counts, row_name="is", column_name="given")
