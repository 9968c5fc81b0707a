"""Analyses: what holds of one that says nothing more."""

from __future__ import annotations

import pytest

from tflbuild.core.analysis import ANALYSES, Analysis, analysis


def test_an_analysis_that_says_nothing_looks_at_one_model_on_validation_data_and_shows_nothing() -> None:
    made = Analysis()
    assert (made.name, made.title, made.needs, made.light, made.of) == ("", "", ("numpy",), True, ("model",))
    assert (made.reads(), made.exhibits([{"text": "so"}])) == (("data.val",), ())
    made.check()
    with pytest.raises(NotImplementedError):
        made.run({}, None)  # type: ignore[arg-type]


def test_a_declared_analysis_knows_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ANALYSES, "_classes", {})

    @analysis("mine")
    class Mine(Analysis):
        strength: float = 0.5

    assert ANALYSES.get("mine") is Mine
    assert (Mine.name, Mine(strength=1.0).strength, ANALYSES.noun) == ("mine", 1.0, "analysis")
