"""Analyses: what holds of one that says nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.analysis import ANALYSES, Analysis, analysis
from tflbuild.core.exhibit import Exhibit


def test_an_analysis_that_says_nothing_looks_at_one_model_on_validation_data() -> None:
    made = Analysis()
    assert (made.name, made.title, made.needs, made.light, made.of) == ("", "", ("numpy",), True, ("model",))
    assert made.reads() == ("data.val",)
    made.check()
    with pytest.raises(NotImplementedError):
        made.run({}, None)  # type: ignore[arg-type]


def test_an_analysis_that_says_nothing_tells_its_sentences_under_its_title(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Analysis, "name", "mine")
    findings: list[dict[str, Any]] = [{"text": "so"}, {"text": ""}, {"value": 3}, {"text": "and so"}]
    assert Analysis().lines(findings) == ["so", "and so"]
    assert Analysis().exhibits(findings) == [Exhibit(title="mine", text=("so", "and so"), parts=())]
    monkeypatch.setattr(Analysis, "title", "what is wrong")
    assert Analysis().exhibits(findings)[0].title == "what is wrong"
    for nothing in ([], [{"text": ""}]):
        assert (Analysis().lines(nothing), Analysis().exhibits(nothing)) == ([], [])


def test_a_declared_analysis_knows_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ANALYSES, "_classes", {})

    @analysis("mine")
    class Mine(Analysis):
        strength: float = 0.5

    assert ANALYSES.get("mine") is Mine
    assert (Mine.name, Mine(strength=1.0).strength, ANALYSES.noun) == ("mine", 1.0, "analysis")
