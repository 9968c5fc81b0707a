"""Answers of classifiers counted from each score on; numbers by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflbuild.core.decision import Decided, Decisions
from tflbuild.metrics.deciding.classification import decisions

AT = np.array([0.0, 0.5, 0.65, 0.85])


def counted(scores: Any, labels: list[int], names: tuple[str, ...], *, logits: bool = False) -> Decisions:
    truth = {"labels": np.array(labels, np.int32), "names": np.array(names)}
    given = Decided({"scores": np.array(scores, np.float32)}, truth, names, logits=logits)
    return decisions(given, AT)


TWO = [(0.9, 0.1), (0.4, 0.6), (0.3, 0.7), (0.1, 0.9)]
THREE = [(0.9, 0.1, 0.0), (0.6, 0.2, 0.2), (0.2, 0.7, 0.1), (0.4, 0.3, 0.3)]


def test_of_two_classes_the_second_is_looked_for() -> None:
    made = counted(TWO, [0, 0, 1, 1], ("no person", "person"))
    assert made.made.tolist() == [4, 3, 2, 1]
    assert made.right.tolist() == [2, 2, 2, 1]
    assert made.wanted == 2
    assert made.what == "A sample is called 'person' where the score of that class reaches the threshold."


def test_of_more_classes_the_best_one_is_an_answer() -> None:
    made = counted(THREE, [0, 1, 1, 2], ("a", "b", "c"))
    assert made.made.tolist() == [4, 3, 2, 1]
    assert made.right.tolist() == [2, 2, 2, 1]
    assert made.wanted == 4


def test_the_matrix_is_of_best_classes_whatever_their_score() -> None:
    made = counted(THREE, [0, 1, 1, 2], ("a", "b", "c"))
    assert not made.by_score
    assert made.confusion(0.99).counts.tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]


def test_logits_are_turned_into_probabilities_and_unknown_classes_are_never_said() -> None:
    made = counted(
        [(np.log(9), 0.0, -np.inf), (0.0, np.log(1.5), -np.inf)], [0, 2], ("a", "b", "c"), logits=True
    )
    assert made.made.tolist() == [2, 2, 1, 1]  # 0.9 and 0.6
    assert made.right.tolist() == [1, 1, 1, 1]


def test_a_class_that_the_data_do_not_have_is_a_column_of_its_own() -> None:
    foreign = [(0.1, 0.2, 0.1, 0.6), (0.7, 0.1, 0.1, 0.1)]
    found = counted(foreign, [1, 0], ("a", "b", "c")).confusion(0.0)
    assert found.columns == ["a", "b", "c", "another class"]
    assert found.counts.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
