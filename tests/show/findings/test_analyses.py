"""Findings of analyses, each described by its analysis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tflbuild.core.analysis import ANALYSES, Analysis, Finding, analysis
from tflbuild.core.exhibit import Exhibit
from tflbuild.show.findings.analyses import exhibits_of_analyses, lines_of_analysis, texts_of

CHANCE = {
    "verdict": "order",
    "metric": "map",
    "text": "the base is no better than chance",
    "orders": [{"how": "as now", "value": 0.1, "n": 40}],
}


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare an analysis that cannot describe what lacks an order, and one that cannot be made."""
    monkeypatch.setattr(ANALYSES, "_classes", dict(ANALYSES._known))

    @analysis("mine")
    class Mine(Analysis):
        title = "mine"

        def lines(self, findings: Sequence[Finding]) -> list[str]:
            return [str(finding["order"]) for finding in findings]

        def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
            return [Exhibit(title=str(finding["order"]), parts=()) for finding in findings]

    @analysis("needing")
    class Needing(Analysis):
        strength: float


def test_analyses_that_are_known_are_told_and_all_their_sentences_are_given() -> None:
    entries: list[dict[str, Any]] = [
        {"name": "other", "findings": [{"text": "of another"}]},
        {"name": "chance", "findings": [CHANCE, {"text": ""}]},
        {"name": "chance"},
    ]
    assert lines_of_analysis(entries[0]) == []
    assert lines_of_analysis(entries[1]) == ["tried:", "  objects found right 0.100 with classes as now"]
    assert [made.title for made in exhibits_of_analyses(entries)] == [
        "classes in another order",
        "not better than chance",
    ]
    assert texts_of(entries) == ["of another", "the base is no better than chance"]


def test_a_line_is_cut_at_two_thousand_letters() -> None:
    order = {"how": "x" * 3000, "value": 0.5}
    _, line = lines_of_analysis({"name": "chance", "findings": [{"orders": [order]}]})
    assert (len(line), line[-1]) == (2000, "…")


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    "odd",
    [
        {"name": "mine", "findings": [{"order": 1}, {}]},
        {"name": "mine", "findings": ["order"]},
        {"name": "mine", "findings": 7},
        {"name": "needing", "findings": [{"order": 1}]},
        {"name": None, "findings": [{"order": 1}]},
        {},
    ],
)
def test_what_an_analysis_cannot_describe_is_left_out_and_the_others_are_told(odd: dict[str, Any]) -> None:
    good = {"name": "mine", "findings": [{"order": "a\x1bb"}]}
    assert lines_of_analysis(good) == ["a\\x1bb"]
    assert lines_of_analysis(odd) == []
    assert [made.title for made in exhibits_of_analyses([odd, good])] == ["a\x1bb"]
