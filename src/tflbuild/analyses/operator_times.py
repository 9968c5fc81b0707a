"""The time that each operator of the delivered file takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from tflbuild.analyses.timing import form, told
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.disagreement import MODEL
from tflbuild.core.exhibit import Exhibit

if TYPE_CHECKING:
    from tflbuild.runtimes.profiler import Event

WARM = 3
"""Runs before the first that is timed."""

FEWEST = 5
"""Runs that are timed of any file."""


@analysis("operator_times")
class OperatorTimes(Analysis):
    """Time every operator of the delivered file by LiteRT's own profiler, on one thread of this machine's processor.

    What XNNPACK runs is named as XNNPACK names it: it joins operators, so that these are fewer than the file has. Of
    all runs the faster half counts, since the slower were disturbed. Every build does this by itself for a `.tflite`
    that this machine executes.
    """

    needs = ("ai_edge_litert", "numpy")
    title = "time per operator"
    delivered: ClassVar[bool] = True
    asks: ClassVar[str] = ""
    timed: ClassVar[bool] = True
    form = form.FORM

    runs: Annotated[int, Ge(5), Le(1000)] = 40
    """Runs that are timed, at most. More make the times more reliable. [runs]"""
    seconds: Annotated[float, Gt(0), Le(600)] = 1.0
    """Time after which no further run starts; at least five are made. [seconds]"""

    def reads(self) -> tuple[str, ...]:
        """Read no samples: inputs are zeros."""
        return ()

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say where LiteRT does not run the file."""
        return "" if isinstance(models[MODEL], TFLiteModel) else "what is delivered is not a .tflite"

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Run the file, and give the mean of the faster half."""
        from tflbuild.core.machine import cpu_name
        from tflbuild.runtimes.profiler import CannotProfile, Profiler

        shown: dict[str, Any] = {"cpu": cpu_name(), "threads": 1}
        try:
            with Profiler(models[MODEL].path) as profiler:
                return [shown | self._timed(profiler)]
        except CannotProfile as error:
            return [{**shown, "why": str(error), "runs": 0, "whole_ms": None, "operators": []}]

    def _timed(self, profiler: Any) -> dict[str, Any]:
        from tflbuild.runtimes.profiler import faster_half

        for _ in range(WARM):
            profiler.warm()
        begun = time.perf_counter()
        found: list[tuple[list[Event], int]] = []
        while len(found) < self.runs:
            found.append(profiler.run())
            if len(found) >= FEWEST and time.perf_counter() - begun > self.seconds:
                break
        return faster_half(found)

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Say nothing: the page draws it."""
        return []

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw kinds of operators by time, and list all."""
        drawn = (told.exhibit_of(finding, self.title) for finding in findings)
        return [exhibit for exhibit in drawn if exhibit is not None]
