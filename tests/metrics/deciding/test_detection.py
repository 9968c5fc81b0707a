"""Detections counted from each score on, and which classes are confused; numbers by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflbuild.core.decision import Decided, Decisions
from tflbuild.metrics.deciding.detection import decisions

HERE, THERE, NOWHERE = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0), (0.0, 0.6, 0.2, 0.9)


def arrays(rows: list[tuple[Any, int, float]], offsets: list[int], labels: str) -> dict[str, Any]:
    return {
        "boxes": np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        labels: np.array([label for _, label, _ in rows], np.int32),
        "scores": np.array([score for _, _, score in rows], np.float32),
        "offsets": np.array(offsets, np.int64),
    }


TRUTH = arrays([(HERE, 0, 1.0), (THERE, 1, 1.0), (HERE, 0, 1.0)], [0, 2, 3], "labels") | {
    "names": np.array(["cat", "dog"])
}
"""A cat and a dog in the first picture, a cat in the second."""

FOUND = arrays([(THERE, 0, 0.6), (HERE, 0, 0.9), (NOWHERE, 1, 0.4), (HERE, 0, 0.3)], [0, 2, 4], "classes")
"""In the first picture the cat, and a cat that is the dog; in the second a dog that is nothing, and the cat."""


def counted(found: dict[str, Any] = FOUND, truth: dict[str, Any] = TRUTH) -> Decisions:
    return decisions(Decided(found, truth, ["cat", "dog"]), np.array([0.0, 0.35, 0.5, 0.7, 1.0]))


def test_detections_count_from_their_score_on_and_are_right_where_they_overlap_their_class() -> None:
    made = counted()
    assert made.made.tolist() == [4, 3, 2, 1, 0]
    assert made.right.tolist() == [2, 1, 1, 1, 0]
    assert made.wanted == 3
    assert made.by_score


def test_a_matrix_has_a_row_for_what_is_nothing_and_a_column_for_what_was_missed() -> None:
    whole = counted().confusion(0.0)
    assert (whole.rows, whole.columns) == (["cat", "dog", "nothing"], ["cat", "dog", "nothing"])
    assert whole.counts.tolist() == [[2, 0, 0], [1, 0, 0], [0, 1, 0]]
    # From 0.5 on, the cat of the second picture is missed, and nothing is seen where nothing is.
    assert counted().confusion(0.5).counts.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_a_box_of_the_right_class_goes_before_a_surer_one_of_another() -> None:
    both = arrays([(HERE, 1, 0.9), (HERE, 0, 0.4)], [0, 2, 2], "classes")
    counts = counted(both).confusion(0.0).counts.tolist()
    assert counts == [[1, 0, 1], [0, 0, 1], [0, 1, 0]], "the dog of 0.9 is left with nothing"


def test_an_object_is_found_once_and_scores_that_are_no_numbers_are_never_reached() -> None:
    twice = arrays([(HERE, 0, 0.9), (HERE, 0, 0.8), (THERE, 1, float("nan"))], [0, 3, 3], "classes")
    made = counted(twice)
    assert made.made.tolist() == [2, 2, 2, 2, 0]
    assert made.right.tolist() == [1, 1, 1, 1, 0]


def test_a_picture_without_objects_or_without_detections_is_counted() -> None:
    empty = arrays([], [0, 0, 0], "classes")
    assert counted(empty).confusion(0.5).counts.tolist() == [[0, 0, 2], [0, 0, 1], [0, 0, 0]]
    nothing = arrays([], [0, 0, 0], "labels") | {"names": TRUTH["names"]}
    made = counted(truth=nothing)
    assert made.wanted == 0
    assert made.confusion(0.0).counts.tolist() == [[0, 0, 0], [0, 0, 0], [3, 1, 0]]
