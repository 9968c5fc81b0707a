"""Boxes of a detector: overlap, code, and assignment to anchors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tflbuild.tasks.detection.detector import BOX_SCALES
from tflbuild.tasks.detection.overlap import intersection_over_union

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_SCALES = np.asarray(BOX_SCALES, np.float32)
_SMALLEST = 1e-6  # keeps the logarithm of a side finite


def corners(centred: Floats) -> Floats:
    """Turn (..., 4) ycenter, xcenter, height, width into ymin, xmin, ymax, xmax."""
    half = centred[..., 2:] * np.float32(0.5)
    return np.concatenate([centred[..., :2] - half, centred[..., :2] + half], axis=-1)


def iou(first: Floats, second: Floats) -> Floats:
    """Give the overlap of every pair of boxes.

    Args:
        first: (a, 4) float32: ymin, xmin, ymax, xmax.
        second: (b, 4) float32.

    Returns:
        (a, b) float32: intersection over union; 0 where a box has no area.
    """
    return intersection_over_union(first[:, None], second[None, :])


def encode(boxes: Floats, anchors: Floats) -> Floats:
    """Code boxes relative to their anchors.

    Args:
        boxes: (n, 4) float32: ymin, xmin, ymax, xmax.
        anchors: (n, 4) float32: ycenter, xcenter, height, width.

    Returns:
        (n, 4) float32: 10 dy/h, 10 dx/w, 5 log(h'/h), 5 log(w'/w).
    """
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], _SMALLEST)
    centres = (boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5)
    offsets = (centres - anchors[:, :2]) / anchors[:, 2:]
    code: Floats = np.concatenate([offsets, np.log(sides / anchors[:, 2:])], axis=1) * _SCALES
    return code.astype(np.float32)


def decode(code: Floats, anchors: Floats, scales: Sequence[float] = BOX_SCALES) -> Floats:
    """Undo `encode`; the order of operations is the device's.

    Args:
        code: (..., n, 4) float32.
        anchors: (n, 4) float32: ycenter, xcenter, height, width.
        scales: of the code, likewise.

    Returns:
        (..., n, 4) float32: ymin, xmin, ymax, xmax.
    """
    relative = code / np.asarray(scales, np.float32)
    centres = relative[..., :2] * anchors[:, 2:] + anchors[:, :2]
    half = np.float32(0.5) * np.exp(relative[..., 2:]) * anchors[:, 2:]
    return np.concatenate([centres - half, centres + half], axis=-1)


def assign(boxes: Floats, anchors: Floats, threshold: float = 0.5) -> Ints:
    """Match anchors with ground truth.

    An anchor takes the box it overlaps most, from `threshold` on. Then every box, the one with the
    best overlap first, takes its best anchor that no other box has taken this way: no box goes without.

    Args:
        boxes: (objects, 4) float32: ymin, xmin, ymax, xmax.
        anchors: (anchors, 4) float32: ycenter, xcenter, height, width.
        threshold: lowest overlap that matches by itself.

    Returns:
        (anchors,) int32: the box of each anchor; -1 is background.
    """
    if not len(boxes):
        return np.full(len(anchors), -1, np.int32)
    overlap = iou(boxes.astype(np.float32), corners(anchors))
    matched = np.where(overlap.max(axis=0) >= threshold, overlap.argmax(axis=0), -1).astype(np.int32)
    free = np.array(overlap)
    for box in np.argsort(-overlap.max(axis=1), kind="stable")[: len(anchors)]:
        anchor = int(free[box].argmax())
        matched[anchor] = box
        free[:, anchor] = -1.0
    return matched
