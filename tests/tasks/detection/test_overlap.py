"""Intersection over union, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.metrics.statistics import matching
from tflbuild.tasks.detection import boxes
from tflbuild.tasks.detection.overlap import intersection_over_union

PAIRS = [
    ((0, 0, 0.5, 1), (0, 0, 1, 0.5), 1 / 3),  # 0.25 of 0.75
    ((0.25, 0.25, 0.75, 0.75), (0, 0, 0.5, 0.5), 1 / 7),  # 1/16 of 7/16
    ((0, 0, 1, 1), (0, 0, 1, 1), 1),
    ((0, 0, 0.5, 1), (0.5, 0, 1, 1), 0),  # they touch
    ((0.2, 0.2, 0.2, 0.8), (0.2, 0.2, 0.2, 0.8), 0),  # no area
    ((0.4, 0.4, 0.1, 0.1), (0, 0, 1, 1), 0),  # turned inside out
    ((0.4, 0.4, 0.1, 0.1), (0.4, 0.4, 0.1, 0.1), 0),
    ((0, 0, 1e-7, 1e-7), (0, 0, 1e-7, 1e-7), 1),  # the smallest box is one
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("first", "second", "wanted"), PAIRS)
def test_an_overlap_is_the_shared_area_over_the_joint_area(
    first: tuple[float, ...], second: tuple[float, ...], wanted: float, dtype: type
) -> None:
    one, other = np.array(first, dtype), np.array(second, dtype)
    for found in (intersection_over_union(one, other), intersection_over_union(other, one)):
        assert found.dtype == dtype
        assert found == pytest.approx(wanted, rel=1e-5)


def test_boxes_are_compared_row_by_row_or_each_with_each() -> None:
    rows = np.array([[0, 0, 1, 1], [0, 0, 0.5, 1]])
    assert intersection_over_union(rows, rows[::-1]).tolist() == [0.5, 0.5]
    assert intersection_over_union(rows[:, None], rows[None]).tolist() == [[1, 0.5], [0.5, 1]]
    assert intersection_over_union(rows[:0], rows[:0]).shape == (0,)


def test_targets_and_matches_are_made_of_the_same_overlap() -> None:
    assert boxes.intersection_over_union is matching.intersection_over_union
