"""Overlap, box code, assignment and suppression; numbers by hand unless a test says otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from tflbuild.tasks.detection.boxes import assign, corners, decode, encode, iou

ANCHORS = np.array(
    [[0.25, 0.25, 0.5, 0.5], [0.25, 0.75, 0.5, 0.5], [0.75, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]],
    np.float32,
)


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_overlap_of_two_boxes_is_shared_area_over_joint_area() -> None:
    # 0.5 x 1 and 1 x 0.5 share 0.25 of 0.75; boxes that touch share nothing
    first = boxes((0, 0, 0.5, 1), (0.5, 0, 1, 1))
    second = boxes((0, 0, 1, 0.5), (0, 0, 0.5, 1))
    np.testing.assert_allclose(iou(first, second), [[1 / 3, 1], [1 / 3, 0]], atol=1e-6)


def test_box_of_no_area_overlaps_nothing() -> None:
    assert iou(boxes((0.2, 0.2, 0.2, 0.8)), boxes((0, 0, 1, 1), (0.2, 0.2, 0.2, 0.8))).tolist() == [[0, 0]]


def test_code_is_the_object_detection_apis() -> None:
    # centre (0.3, 0.25), sides (0.4, 0.25): 10 * 0.05 / 0.5 = 1; 5 * log(0.8) = -1.115718; 5 * log(0.5)
    code = encode(boxes((0.1, 0.125, 0.5, 0.375)), ANCHORS[:1])
    np.testing.assert_allclose(code, [[1.0, 0.0, -1.115718, -3.465736]], atol=1e-5)


def test_decoding_undoes_encoding() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.5, (200, 2))
    wanted = np.concatenate([low, low + rng.uniform(0.01, 0.5, (200, 2))], axis=1).astype(np.float32)
    around = np.concatenate([rng.uniform(0, 1, (200, 2)), rng.uniform(0.05, 1, (200, 2))], axis=1)
    around = around.astype(np.float32)
    np.testing.assert_allclose(decode(encode(wanted, around), around), wanted, atol=1e-5)


def test_anchors_that_overlap_enough_take_the_box_and_others_are_background() -> None:
    # the first anchor lies in the box: 0.25 / 0.3; the second shares 0.05 of 0.5
    assert assign(boxes((0, 0, 0.5, 0.6)), ANCHORS).tolist() == [0, -1, -1, -1]


def test_box_that_no_anchor_overlaps_enough_takes_its_best() -> None:
    assert assign(boxes((0.9, 0.9, 0.95, 0.95)), ANCHORS).tolist() == [-1, -1, -1, 0]


def test_two_boxes_that_want_one_anchor_both_get_one() -> None:
    tiny = boxes((0.2, 0.2, 0.3, 0.3), (0.15, 0.15, 0.35, 0.35))
    matched = assign(tiny, ANCHORS).tolist()
    assert matched[0] == 1  # the larger overlap goes first
    assert 0 in matched[1:]


def test_no_box_leaves_every_anchor_to_the_background() -> None:
    assert assign(boxes(), ANCHORS).tolist() == [-1] * 4


def test_more_boxes_than_anchors_fill_every_anchor() -> None:
    crowd = boxes(*[(0.1 * k, 0.0, 0.1 * k + 0.1, 0.1) for k in range(9)])
    assert set(assign(crowd, ANCHORS).tolist()).isdisjoint({-1})


@pytest.mark.parametrize("seed", range(5))
def test_every_box_is_matched_whatever_the_boxes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.8, (3, 2))
    found = np.concatenate([low, low + rng.uniform(0.01, 0.2, (3, 2))], axis=1).astype(np.float32)
    assert set(assign(found, ANCHORS).tolist()) >= {0, 1, 2}


def test_corners_are_half_a_side_from_the_centre() -> None:
    np.testing.assert_allclose(corners(ANCHORS[:2]), [[0, 0, 0.5, 0.5], [0, 0.5, 0.5, 1]], atol=1e-7)


def test_overlap_of_a_quarter_and_of_a_seventh() -> None:
    # 1/4 of the whole; squares of 1/4 that share 1/16: 1/16 of 7/16; one that is turned inside out has no area
    found = iou(
        boxes((0, 0, 0.5, 0.5)),
        boxes((0, 0, 1, 1), (0.25, 0.25, 0.75, 0.75), (0, 0, 0.25, 0.5), (0.4, 0.4, 0.1, 0.1)),
    )
    np.testing.assert_allclose(found, [[1 / 4, 1 / 7, 1 / 2, 0]], atol=1e-6)
    assert found.dtype == np.float32


def test_code_of_every_coordinate_has_its_own_scale() -> None:
    # anchor (0.5, 0.5, 0.2, 0.4); box with centre (0.52, 0.58) and sides (0.4, 0.2):
    # 10 x 0.02 / 0.2 = 1, 10 x 0.08 / 0.4 = 2, 5 x log(2) = 3.465736, 5 x log(1/2)
    anchor = np.array([[0.5, 0.5, 0.2, 0.4]], np.float32)
    box = boxes((0.32, 0.48, 0.72, 0.68))
    np.testing.assert_allclose(encode(box, anchor), [[1, 2, 3.465736, -3.465736]], atol=1e-5)
    code = np.array([[1, 2, 5 * np.log(2), -5 * np.log(2)]], np.float32)
    np.testing.assert_allclose(decode(code, anchor), box, atol=1e-6)
    np.testing.assert_allclose(decode(np.stack([code] * 3), anchor), [box] * 3, atol=1e-6)


def test_a_box_without_a_side_is_coded_as_a_number() -> None:
    # 5 x log(1e-6 / 0.5) = -65.611817
    code = encode(boxes((0.25, 0.25, 0.25, 0.25)), ANCHORS[:1])
    np.testing.assert_allclose(code, [[0, 0, -65.611817, -65.611817]], atol=1e-3)


def test_an_overlap_of_exactly_the_threshold_matches() -> None:
    # (0, 0, 1, 0.5) covers the first and the third anchor: half of it each
    assert assign(boxes((0, 0, 1, 0.5)), ANCHORS).tolist() == [0, -1, 0, -1]
    assert assign(boxes((0, 0, 1, 0.5)), ANCHORS, threshold=0.51).tolist() == [0, -1, -1, -1]


def test_an_anchor_takes_the_box_it_overlaps_most() -> None:
    crowd = boxes((0, 0, 0.5, 0.4), (0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1))
    matched = assign(crowd, ANCHORS)
    assert matched[0] == 1
    assert matched[3] == 2
    assert 0 in matched  # which goes last, and takes what is left
