from __future__ import annotations

import numpy as np
import pytest

from tflbuild.tasks.keypoints.heatmaps import points_of, wanted


def annotation(*points: tuple[float, float, float]) -> np.ndarray:
    rows = [(*point, 0.05) for point in points]
    return np.array([*rows, (24, 48, 100, 0), (0, 0, 1, 1)], np.float64)


def test_a_heatmap_sums_to_one_and_is_highest_where_its_point_is() -> None:
    maps, counts = wanted([annotation((0.5, 0.25, 2), (0.1, 0.9, 1))], (24, 12))
    assert maps.shape == (1, 24, 12, 2)
    assert maps.sum(axis=(1, 2)) == pytest.approx(np.ones((1, 2)), abs=1e-6)
    # y 0.5 of 24 rows lies between the rows 11 and 12, x 0.25 of 12 columns between the columns 2 and 3
    assert maps[0, 11, 2, 0] == pytest.approx(maps[0, 12, 3, 0])
    assert np.unravel_index(maps[0, ..., 1].argmax(), (24, 12)) == (2, 10)
    assert counts.tolist() == [[1, 1]]


def test_points_that_are_not_marked_or_outside_do_not_count() -> None:
    maps, counts = wanted([annotation((0.5, 0.5, 0), (0.5, 1.2, 2), (0.5, 1.0, 1))], (8, 8))
    assert counts.tolist() == [[0, 0, 1]]
    assert maps[..., :2].sum() == 0


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.31, 0.72), (0.13, 0.9)])
def test_points_come_back_from_their_heatmaps(place: tuple[float, float]) -> None:
    maps, _ = wanted([annotation((*place, 2))], (24, 24))
    points, sure = points_of(np.log(np.maximum(maps[0], 1e-30)))
    assert points[0] == pytest.approx(place, abs=0.004)  # a tenth of a cell
    assert 0.9 < sure[0] <= 1


def test_a_point_follows_from_logits_by_hand() -> None:
    maps = np.full((3, 4, 1), -100.0, np.float32)
    maps[1, 2], maps[1, 3] = np.log(3), np.log(1)  # cells at x 2.5 / 4 and 3.5 / 4, weighted 3 to 1
    points, sure = points_of(maps)
    assert points[0] == pytest.approx((0.5, (3 * 2.5 + 3.5) / 4 / 4))
    assert sure[0] == pytest.approx(1.0)
    unsure = points_of(np.zeros((10, 10, 1), np.float32))[1]
    assert unsure[0] == pytest.approx(9 / 100)  # the best cell is the first, and 3 x 3 lie within two of it


def test_what_lies_outside_the_window_is_left_out() -> None:
    maps = np.full((16, 16, 1), -50.0, np.float32)
    maps[3, 3], maps[12, 12] = 1.0, 0.9
    points, sure = points_of(maps)
    assert points[0] == pytest.approx((3.5 / 16, 3.5 / 16))
    assert sure[0] == pytest.approx(1 / (1 + np.exp(-0.1)))
