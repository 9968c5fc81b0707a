"""By how much a step changed accuracy, where that can be told."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.artifact import Artifact, KerasModel
from tflbuild.core.metric import Difference, Measurement
from tflbuild.core.recipe import Recipe
from tflbuild.engine.judging import Judge

CHANGE = Difference(value=-0.1, low=-0.2, high=-0.05, n=4)


class Measures:
    """Measures models by values that are made up, by digest."""

    def __init__(self, base: Artifact | None, **values: float) -> None:
        self.base = base
        self._values = values

    def accuracy(self, model: Artifact, metrics: list[str], split: str) -> dict[str, Measurement]:
        known = model.digest in self._values and split == "val"
        return {name: Measurement(value=self._values[model.digest], unit="1") for name in metrics if known}

    def compare(self, metric: str, before: Artifact, after: Artifact, split: str) -> Difference:
        return CHANGE


def model(digest: str) -> KerasModel:
    return KerasModel(path=Path(), digest=digest, fingerprint="")


A, B = model("a"), model("b")
CASES: dict[str, tuple[Any, Artifact | None, Artifact, dict[str, Any]]] = {
    "behind the base": (Measures(A, a=0.9, b=0.8), A, B, {"score": CHANGE}),
    "before the base": (Measures(None, a=0.9, b=0.8), A, B, {}),
    "without an input": (Measures(A, a=0.9, b=0.8), None, B, {}),
    "the same model": (Measures(A, a=0.9), A, A, {}),
    "not measured": (Measures(A, a=0.9), A, B, {}),
    "no number": (Measures(A, a=0.9, b=math.nan), A, B, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_step_is_held_against_its_input_where_both_were_measured(case: str, recipe: Recipe) -> None:
    measurer, before, after, found = CASES[case]
    assert Judge(recipe, measurer, lambda event: None).differences(before, after) == found
