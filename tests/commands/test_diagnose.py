"""What is typed to `tflbuild diagnose`, and what its terminal says of a question that asks for no cause."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.commands.diagnose import diagnose
from tflbuild.core.errors import RecipeError
from tflbuild.show.diagnosis import lines_of
from tflbuild.show.pages.diagnosis import render


def test_two_questions_at_once_are_refused() -> None:
    with pytest.raises(RecipeError, match="--preprocess and --operators cannot be combined; use one of them"):
        diagnose(["outputs/x", "--operators", "--preprocess"])


def of(name: str, **finding: Any) -> dict[str, Any]:
    """Give a diagnosis with one analysis and without a cause."""
    entry = {"name": name, "key": "", "findings": [finding] if finding else []}
    return {"subject": {"run": "x"}, "command": ["diagnose", "x"], "causes": [], "analyses": [entry]}


def test_operators_ask_for_no_cause_and_their_page_begins_with_what_they_found() -> None:
    row = {
        "operator": "CONV_2D",
        "layer": "conv",
        "scale": 0.1,
        "reset": 1.0,
        "carried": 9.0,
        "bound": 1.0,
        "guilty": False,
    }
    made = of("operators", on="model", summary="31 of 31 operators were run alone", compared=31, rows=[row])
    assert lines_of(made) == ["31 of 31 operators were run alone", ""]
    assert "<p>31 of 31 operators were run alone.</p>" in render(made)
    assert lines_of(of("ladder")) == ["no cause was found"]
