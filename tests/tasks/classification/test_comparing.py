"""How far two classifiers are apart, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tflbuild.core.answer import Answer
from tflbuild.core.disagreement import BASE, MODEL, Compared
from tflbuild.tasks.classification.comparing import disagreement

LABELS = ("cat", "dog", "eel")


def scores(*rows: tuple[float, ...]) -> dict[str, Any]:
    return {"scores": np.array(rows, np.float32)}


def compared(base: dict[str, Any], model: dict[str, Any], truth: Any = None, **more: Any) -> Any:
    known = {} if truth is None else {"labels": np.array(truth, np.int32)}
    return disagreement(Compared(base=base, model=model, truth=known, labels=LABELS, **more))


def test_a_distance_is_half_the_sum_of_differences_and_one_more_for_another_class() -> None:
    base = scores((0.7, 0.2, 0.1), (0.7, 0.2, 0.1), (0.4, 0.35, 0.25))
    model = scores((0.7, 0.2, 0.1), (0.5, 0.4, 0.1), (0.3, 0.45, 0.25))
    found = compared(base, model)
    # By hand: (0.2 + 0.2) / 2, and (0.1 + 0.1) / 2 + 1.
    assert found.distances == pytest.approx([0.0, 0.2, 1.1])
    assert found.differ.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("truth", "note"),
    [
        (0, "only the base is right"),
        (1, "only the delivered file is right"),
        (2, "both are wrong"),
        (None, "another class first"),
    ],
)
def test_a_note_says_who_is_right(truth: int | None, note: str) -> None:
    found = compared(scores((0.6, 0.3, 0.1)), scores((0.3, 0.6, 0.1)), None if truth is None else [truth])
    said = found.said(0)
    assert said.note == note
    assert said.truth == (None if truth is None else (Answer(label=LABELS[truth], score=1.0),))
    assert said.alone == {BASE: (0,), MODEL: (0,)}


def test_the_three_best_classes_are_named_with_probabilities_of_logits() -> None:
    logits = scores((0.0, math.log(3.0), 0.0))
    found = compared(logits, scores((0.2, 0.6, 0.2)), logits=frozenset({BASE}))
    assert found.distances == pytest.approx([0.0], abs=1e-6), "e ** log 3 of 5 is 0.6"
    said = found.said(0)
    assert [answer.label for answer in said.base] == ["dog", "cat", "eel"]
    assert [answer.score for answer in said.base] == pytest.approx([0.6, 0.2, 0.2])
    assert (said.note, said.alone) == ("the same class first", {})


def test_a_class_that_a_model_does_not_know_has_no_probability() -> None:
    found = compared(scores((0.6, 0.4, -np.inf)), scores((0.6, 0.4, 0.0)))
    assert found.distances.tolist() == [0.0]


def test_a_class_that_the_data_do_not_have_is_named_by_its_place() -> None:
    found = compared(scores((0.1, 0.1, 0.1, 0.7)), scores((0.7, 0.1, 0.1, 0.1)))
    assert found.said(0).base[0].label == "class 3, which the data do not have"
