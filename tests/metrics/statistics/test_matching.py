"""Overlap, and which detection finds which object; every number by hand unless a test says otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflbuild.metrics.statistics import average_precision as precision
from tflbuild.metrics.statistics.average_precision import average_precision, mean_average_precision
from tflbuild.metrics.statistics.matching import THRESHOLDS, found_objects, match
from tflbuild.metrics.statistics.resampling import resamples

WHOLE, UPPER, LEFT = (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.5, 1.0), (0.0, 0.0, 1.0, 0.5)
CORNER, MIDDLE, AWAY = (0.0, 0.0, 0.5, 0.5), (0.25, 0.25, 0.75, 0.75), (0.75, 0.75, 1.0, 1.0)
Row = tuple[tuple[float, float, float, float], int, float]


def detections(*images: list[Row]) -> dict[str, Any]:
    """Give predictions of some images: box, class and score of each detection."""
    rows = [row for image in images for row in image]
    return {
        "boxes": np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        "classes": np.array([row[1] for row in rows], np.int32),
        "scores": np.array([row[2] for row in rows], np.float32),
        "offsets": np.cumsum([0, *map(len, images)]),
    }


def objects(*images: list[tuple[tuple[float, float, float, float], int]]) -> dict[str, Any]:
    """Give the truth of some images: box and class of each object."""
    rows = [row for image in images for row in image]
    return {
        "boxes": np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        "labels": np.array([row[1] for row in rows], np.int32),
        "offsets": np.cumsum([0, *map(len, images)]),
    }


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (WHOLE, WHOLE, 1.0),
        (WHOLE, UPPER, 1 / 2),
        (UPPER, LEFT, 1 / 3),  # 0.25 shared of 0.5 + 0.5 - 0.25
        (CORNER, WHOLE, 1 / 4),
        (CORNER, MIDDLE, 1 / 7),  # 1/16 shared of 1/4 + 1/4 - 1/16
        (CORNER, (0.5, 0.5, 1.0, 1.0), 0.0),  # they touch
        (CORNER, AWAY, 0.0),
        (WHOLE, (0.25, 0.25, 0.25, 0.75), 0.0),  # no area
    ],
)
def test_a_hit_needs_as_much_overlap_as_the_threshold_says(
    first: tuple[float, ...], second: tuple[float, ...], overlap: float
) -> None:
    levels = np.array([overlap - 1e-6, overlap, overlap + 1e-6])
    for one, other in ((first, second), (second, first)):
        hit = match(detections([(one, 0, 0.5)]), objects([(other, 0)]), 1, levels).hit  # type: ignore[arg-type, list-item]
        if overlap in (0.5, 0.25):  # exact in floating point: the threshold itself is enough
            assert hit[:, 0].tolist() == [True, True, False]
        assert hit[0, 0] or not overlap
        assert not hit[2, 0] or overlap == 1.0


def test_thresholds_are_cocos() -> None:
    assert THRESHOLDS.tolist() == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])


def test_the_surest_detection_takes_the_object_it_overlaps_most() -> None:
    near = (0.0, 0.0, 1.0, 0.9)
    found = detections([(WHOLE, 0, 0.5), (WHOLE, 0, 0.9), (near, 0, 0.7)])
    made = match(found, objects([(near, 0), (WHOLE, 0)]), 1, np.array([0.5, 0.95]))
    # In falling order of score: 0.9 takes the whole, 0.7 its own, and nothing is left for 0.5.
    assert made.hit.tolist() == [[True, True, False], [True, True, False]]
    assert made.objects.tolist() == [[2]]


def test_a_detection_finds_objects_of_its_own_image_and_class_only() -> None:
    found = detections([(WHOLE, 1, 0.9)], [(WHOLE, 0, 0.8)], [])
    made = match(found, objects([(WHOLE, 0)], [(WHOLE, 0)], [(WHOLE, 1), (WHOLE, 1)]), 2)
    assert made.image.tolist() == [0, 1]
    assert made.label.tolist() == [1, 0]
    assert made.hit[0].tolist() == [False, True]
    assert made.objects.tolist() == [[1, 0], [1, 0], [0, 2]]
    assert made.images == 3


def test_detections_of_no_known_class_are_left_out() -> None:
    found = detections([(WHOLE, 2, 0.9), (WHOLE, -1, 0.8), (WHOLE, 1, 0.7), (WHOLE, 0, 0.6)])
    assert match(found, objects([(WHOLE, 0)]), 2).label.tolist() == [1, 0]


def test_a_hundred_detections_of_an_image_and_class_are_looked_at() -> None:
    crowd = [(WHOLE, label, 1 - k / 1000) for k in range(101) for label in (0, 1)]
    made = match(detections(crowd, crowd), objects([(WHOLE, 0)], [(WHOLE, 0)]), 2)
    assert np.bincount(made.image * 2 + made.label).tolist() == [100] * 4


def test_an_object_is_paired_with_the_surest_detection_that_found_it() -> None:
    found = detections(
        [(AWAY, 0, 0.99), (WHOLE, 1, 0.4), (WHOLE, 0, 0.6)], [(UPPER, 1, 0.2), (CORNER, 0, 0.9)]
    )
    truth = objects([(CORNER, 0), (WHOLE, 0)], [(WHOLE, 1), (AWAY, 0)])
    rows, targets = found_objects(found, truth)
    # The half of the second image's first object is just enough; nothing finds a quarter of the whole.
    assert (rows.tolist(), targets.tolist()) == ([2, 3], [1, 2])
    assert found_objects(found, truth, least=0.51)[0].tolist() == [2]


def test_average_precision_of_three_detections_by_hand() -> None:
    found = detections([(AWAY, 0, 0.9), (WHOLE, 0, 0.8)], [(WHOLE, 0, 0.7)])
    made = match(found, objects([(WHOLE, 0)], [(WHOLE, 0), (AWAY, 0)]), 2, np.array([0.5]))
    per_class = average_precision(made, np.array([[1, 1], [1, 0], [0, 1], [0, 2]], np.int32))
    # Both: miss, hit, hit of 3 objects: precision at best 2/3 up to recall 2/3 (67 of 101 recalls).
    # First alone: miss, hit of 1: 1/2. Second alone: hit of 2: 1 up to 1/2 (51). Twice: the same.
    assert per_class[:, 0] == pytest.approx([67 / 101 * 2 / 3, 1 / 2, 51 / 101, 51 / 101])
    assert np.isnan(per_class[:, 1]).all()


@pytest.mark.parametrize("count", [*range(1, 130), 999])
def test_a_recall_is_reached_with_the_fewest_hits_that_reach_it(count: int) -> None:
    recalls = np.linspace(0, 1, 101)
    wanted = [next(hits for hits in range(count + 1) if hits / count >= recall) for recall in recalls]
    assert precision._needed(np.array([count])).tolist() == [wanted]


def test_classes_without_objects_do_not_count_in_the_mean() -> None:
    mean = mean_average_precision(np.array([[0.2, np.nan, 0.7], [np.nan, np.nan, 0.0], [np.nan] * 3]))
    assert mean[:2].tolist() == pytest.approx([0.45, 0.0])
    assert np.isnan(mean[2])


@pytest.mark.parametrize("room", [1, 100, 250])
def test_samples_are_weighed_in_parts_where_memory_is_small(
    random_detections: Any, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions, truth = random_detections(5)
    made, weights = match(predictions, truth, 3), resamples(12, 11)
    whole = average_precision(made, weights)
    monkeypatch.setattr(precision, "_ROOM", room)
    np.testing.assert_allclose(average_precision(made, weights), whole, rtol=1e-12)
