"""Regression: from outputs to values, answers and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pictures import meaning_of
from tflbuild.core.disagreement import Compared
from tflbuild.core.meaning import Meaning
from tflbuild.evaluation.examples import Annotation
from tflbuild.tasks.regression.comparing import disagreement
from tflbuild.tasks.regression.task import Regression

TASK = Regression()


def meaning(*labels: str, **head: Any) -> Meaning:
    return meaning_of("regression", labels, head=head)


@pytest.mark.parametrize(
    ("head", "name"), [({}, "values"), ({"outputs": {"values": "Identity"}}, "Identity")]
)
def test_values_are_read_off_their_output(head: dict[str, Any], name: str) -> None:
    found = TASK.decode({name: np.array([[1.5], [-2.0]], np.float32)}, meaning("a", "b", **head), {})
    assert found["values"].tolist() == [1.5, -2.0]


def test_values_are_matched_with_those_of_the_data_by_name() -> None:
    rows = [{"values": np.array([1.0, 2.0], np.float32)}]
    found = TASK.collected(rows, meaning("b", "a"), ("a", "b", "c"))
    assert found["values"][0, :2].tolist() == [2.0, 1.0]
    assert np.isnan(found["values"][0, 2])
    assert found["missing"].tolist() == ["c"]
    assert TASK.collected(rows, meaning(), ("x", "y"))["values"].tolist() == [[1.0, 2.0]]


def test_the_truth_keeps_every_digit() -> None:
    rows = [Annotation(np.zeros((0, 4), np.float32), np.array([0.1, 1e9 + 0.5])) for _ in range(2)]
    found = TASK.truth(rows, ("a", "b"))
    assert found["values"].tolist() == [[0.1, 1e9 + 0.5]] * 2
    assert found["names"].tolist() == ["a", "b"]


def test_answers_name_their_values_in_order() -> None:
    found = TASK.found({"values": np.array([3.0, -1.0], np.float32)}, meaning("angle", "load"))
    assert [(one.label, one.value) for one in found] == [("angle", 3.0), ("load", -1.0)]
    with pytest.raises(ValueError, match="values are not finite"):
        TASK.found({"values": np.array([np.nan], np.float32)}, meaning("angle"))


def test_a_head_of_somebody_else_is_checked() -> None:
    TASK.check_head("head.", {"mean": [1.0], "std": [2.0]})
    with pytest.raises(ValueError, match=r"head\.std"):
        TASK.check_head("head.", {"mean": [1.0], "std": [0.0]})


def test_two_models_differ_from_a_tenth_of_the_deviation_on() -> None:
    right = np.array([[-1.0], [1.0], [-1.0], [1.0]])  # deviation 1
    base = right + np.array([[0.0], [0.0], [0.0], [0.5]])
    model = base + np.array([[0.05], [0.2], [0.0], [0.0]])
    given = Compared({"values": base}, {"values": model}, {"values": right}, ("angle",))
    found = disagreement(given)
    assert found.distances == pytest.approx([0.05, 0.2, 0.0, 0.0])
    assert found.differ.tolist() == [False, True, False, False]
    said = found.said(1)
    assert said.note == "0.2 apart, off by 0 and 0.2"
    assert said.truth is not None
    assert [one.value for one in (*said.truth, *said.base, *said.model)] == pytest.approx([1.0, 1.0, 1.2])
    alone = disagreement(Compared({"values": base}, {"values": model}, {}, ()))
    assert alone.said(1).truth is None
    assert alone.said(1).base[0].label == "class 0"
