"""The operators of a file, each run alone by two kinds of kernels: which one computes otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge

from tflbuild.analyses.attribution import stages
from tflbuild.analyses.per_layer import measuring
from tflbuild.analyses.per_operator import form, report, told
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.exhibit import Exhibit

if TYPE_CHECKING:
    from tflbuild.quantization.one_by_one import Compared


@analysis("operators")
class Operators(Analysis):
    """Run every operator of a file alone, by LiteRT's reference kernels and by this machine's, on the same inputs.

    What an operator reads is what the reference kernels gave before it, so that what differs is its own (`reset`); how
    far the two runs of the whole file are apart there is `carried`. An integer operator is guilty where a value differs
    by more than one step of its grid; a float one where a value differs by more than rounding in another order can
    make (2 gamma(n) times the sum of the sizes of n products), or than approximations of functions are off (2^-18).
    Operators that keep state, run another graph, or that LiteRT itself does not have are left out.

    The first guilty one is cut out as a `.tflite` of its own, with one input on which its kernels differ and what each
    gives, as a bug report needs it; the cut file is run again, and whether it shows the difference, too, is said.

    References:
        Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1: sums in any order.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    of = ("base", "model")
    title = "operators by two kinds of kernels"
    form = form.FORM
    steps = True

    on: Literal["model", "float"] = "model"
    """The file that is taken apart: the delivered one (`model`), or the float one that it was made of."""
    samples: Annotated[int, Ge(1)] = 8
    """Samples of the test split that are run, at most. More give surer results and take longer. [samples]"""

    def reads(self) -> tuple[str, ...]:
        """Read some samples."""
        return (measuring.SOURCE,)

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where there is no such `.tflite`."""
        return (
            ""
            if self._subject(models) is not None
            else f"there is no {told.NAMES[self.on]} that is a .tflite"
        )

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Compare, and cut the first guilty operator out."""
        from tflbuild.quantization.one_by_one import compared

        model = self._subject(models)
        assert model is not None
        graph = measuring.graph_of(model)
        samples = measuring.samples_of(model, ctx, self.samples)
        rows = compared(graph, samples, ctx.progress)
        guilty = [row for row in rows if row.guilty]
        finding: dict[str, Any] = {
            "on": self.on,
            "n": len(samples),
            "operators": len(graph.operators),
            "compared": len({id(row.operator) for row in rows}),
            "rows": [_row(row) for row in rows],
        }
        if guilty:
            finding["cut"] = report.keep(graph, guilty[0], samples, self.on, ctx)
        return [{"summary": told.sentence(finding), **finding}]

    def _subject(self, models: Mapping[str, Artifact]) -> TFLiteModel | None:
        if self.on == "float":
            return stages.float_step(models)
        model = models["model"]
        return model if isinstance(model, TFLiteModel) else None

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Name the guilty operators, or the one that is nearest to it."""
        return [line for finding in findings for line in told.lines_of(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """List all operators."""
        drawn = (told.exhibit_of(finding, self.title) for finding in findings)
        return [exhibit for exhibit in drawn if exhibit is not None]


def _row(row: Compared) -> dict[str, Any]:
    return {
        "operator": row.kind,
        "layer": row.layer,
        "tensor": row.tensor,
        "scale": row.scale,
        "reset": _finite(row.reset),
        "carried": _finite(row.carried),
        "bound": row.bound,
        "beyond": row.beyond,
        "guilty": row.guilty,
    }


def _finite(value: float) -> float | None:
    """Give a number that JSON has; None for one without end: a kernel gave what is no number."""
    return value if math.isfinite(value) else None
