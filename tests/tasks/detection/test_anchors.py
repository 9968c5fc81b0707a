"""Anchors, against numbers of the TensorFlow Object Detection API's `create_ssd_anchors`, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.tasks.detection.anchors import AnchorOptions, anchors, boxes_per_cell

SIX_MAPS = [[6, 6], [3, 3], [2, 2], [1, 1], [1, 1], [1, 1]]


def test_finest_map_has_three_boxes_and_every_other_has_six() -> None:
    assert boxes_per_cell(6, AnchorOptions()) == [3, 6, 6, 6, 6, 6]
    assert anchors(SIX_MAPS, AnchorOptions()).shape == (36 * 3 + (9 + 4 + 1 + 1 + 1) * 6, 4)


def test_300_pixels_give_the_1917_anchors_of_the_object_detection_api() -> None:
    maps = [[19, 19], [10, 10], [5, 5], [3, 3], [2, 2], [1, 1]]
    assert len(anchors(maps, AnchorOptions())) == 1917  # the number its documentation gives for SSD MobileNet


def test_first_cell_has_the_reduced_boxes() -> None:
    # scale 0.2; 2:1 is sqrt(2) wider than high: 0.2 / sqrt(2) = 0.141421, 0.2 * sqrt(2) = 0.282843
    centre = 0.5 / 6
    wanted = [
        [centre, centre, 0.1, 0.1],
        [centre, centre, 0.141421, 0.282843],
        [centre, centre, 0.282843, 0.141421],
    ]
    np.testing.assert_allclose(anchors(SIX_MAPS, AnchorOptions())[:3], wanted, atol=1e-6)


def test_second_map_has_every_ratio_and_a_square_between_two_scales() -> None:
    # scale 0.35, the next one 0.5; 3:1 is 0.35 / sqrt(3) high; the extra square sqrt(0.35 * 0.5) = 0.418330
    first = anchors(SIX_MAPS, AnchorOptions())[108:114, 2:]
    wanted = [
        [0.35, 0.35],
        [0.247487, 0.494975],
        [0.494975, 0.247487],
        [0.202073, 0.606218],
        [0.606218, 0.202073],
        [0.418330, 0.418330],
    ]
    np.testing.assert_allclose(first, wanted, atol=1e-6)


def test_last_square_lies_between_the_largest_scale_and_the_whole_image() -> None:
    np.testing.assert_allclose(anchors(SIX_MAPS, AnchorOptions())[-1, 2:], np.sqrt(0.95), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        (AnchorOptions(reduced_finest=False), [6, 6]),
        (AnchorOptions(extra_square=False), [3, 5]),
        (AnchorOptions(aspect_ratios=(1.0,), reduced_finest=False, extra_square=False), [1, 1]),
    ],
)
def test_options_decide_the_boxes_of_a_cell(options: AnchorOptions, counts: list[int]) -> None:
    assert boxes_per_cell(2, options) == counts
    assert len(anchors([[4, 3], [2, 2]], options)) == 12 * counts[0] + 4 * counts[1]


def test_cells_run_by_row_then_column() -> None:
    only = AnchorOptions(aspect_ratios=(1.0,), reduced_finest=False, extra_square=False)
    wanted = [[0.25, 1 / 6], [0.25, 0.5], [0.25, 5 / 6], [0.75, 1 / 6], [0.75, 0.5], [0.75, 5 / 6]]
    np.testing.assert_allclose(anchors([[2, 3]], only)[:, :2], wanted, atol=1e-6)


def test_options_survive_json() -> None:
    from tflbuild.core.options import to_json

    options = AnchorOptions(min_scale=0.1, aspect_ratios=(1.0, 2.0))
    assert AnchorOptions.of(to_json(options)) == options
