"""The first look at a base that came from the user's file."""

from __future__ import annotations

from collections.abc import Sequence

from tflbuild.analyses.first_look.form import FORM
from tflbuild.analyses.first_look.told import exhibit_of, lines_of
from tflbuild.core.analysis import Analysis, Finding, analysis
from tflbuild.core.exhibit import Exhibit


@analysis("chance")
class Chance(Analysis):
    """Hold a base against chance, and try other orders of its classes and other readings of its pixels.

    Runs by itself in every build whose model came from a file and whose data have labels; see
    `tflbuild.engine.first_look`.
    """

    of = ("base",)
    title = "not better than chance"
    form = FORM

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Give a line for each order and reading that was tried, with the override where it is better."""
        return [line for finding in findings for line in lines_of(finding)]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Draw the result of each order and reading that was tried, and list the overrides."""
        return [exhibit_of(finding) for finding in findings]
