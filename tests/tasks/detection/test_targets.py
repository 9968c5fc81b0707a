"""Targets of training, on batches made by hand."""

from __future__ import annotations

import numpy as np

from tflbuild.core.modality import Batch
from tflbuild.tasks.detection.boxes import decode
from tflbuild.tasks.detection.targets import detection_targets

ANCHORS = np.array([[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]], np.float32)


def test_matched_anchors_are_told_the_box_and_its_class() -> None:
    box = np.array([[0.5, 0.5, 0.9, 1.0]], np.float32)
    nothing = (np.zeros((0, 4), np.float32), np.zeros(0, np.int32))
    images = np.zeros((2, 8, 8, 3), np.uint8)
    batch = Batch(images, [box, nothing[0]], [np.array([3], np.int32), nothing[1]])
    pixels, code, labels = detection_targets(batch, ANCHORS)
    assert pixels is images
    assert labels.tolist() == [[-1, 3], [-1, -1]]
    np.testing.assert_allclose(decode(code[0], ANCHORS)[1], box[0], atol=1e-6)
    assert not code[0, 0].any()
    assert not code[1].any()


def test_an_overlap_of_half_matches_an_anchor() -> None:
    # The box covers the upper left anchor by half: 0.5 x 0.5 of 1 x 0.5; the lower one likewise by nothing.
    anchors = np.array([[0.25, 0.25, 0.5, 0.5], [0.5, 0.25, 1.0, 0.5], [0.75, 0.75, 0.5, 0.5]], np.float32)
    box = [np.array([[0.0, 0.0, 1.0, 0.5]], np.float32)]
    batch = Batch(np.zeros((1, 8, 8, 3), np.uint8), box, [np.array([7], np.int32)])
    _, code, labels = detection_targets(batch, anchors)
    assert labels.tolist() == [[7, 7, -1]]
    assert (code.dtype, labels.dtype) == (np.float32, np.int32)
    # By hand: the second is the box itself; the first is half as high: 10 x 0.25 / 0.5, 5 x log(2).
    np.testing.assert_allclose(code[0, :2], [[5, 0, 5 * np.log(2), 0], [0, 0, 0, 0]], atol=1e-5)


def test_every_anchor_is_told_the_class_of_its_own_box() -> None:
    boxes = [np.array([[0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5]], np.float32)]
    batch = Batch(np.zeros((1, 8, 8, 3), np.uint8), boxes, [np.array([4, 9], np.int32)])
    assert detection_targets(batch, ANCHORS)[2].tolist() == [[9, 4]]
