"""Boxes of a detector: overlap, code, assignment to anchors, and the final suppression.

`detections` says in numpy what `TFLite_Detection_PostProcess` does on the device, in the same order and in
float32: the specification that the operator itself is tested against.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.vision.detector import BOX_SCALES, Postprocess

__all__ = [
    "BOX_SCALES",
    "Detections",
    "Postprocess",
    "assign",
    "corners",
    "decode",
    "detections",
    "encode",
    "iou",
]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_SCALES = np.asarray(BOX_SCALES, np.float32)
_SMALLEST = 1e-6  # keeps the logarithm of a side finite


class Detections(NamedTuple):
    """What a detector saw in one image.

    Attributes:
        boxes: (detections, 4) float32: ymin, xmin, ymax, xmax in 0..1 of the model's input.
        classes: (detections,) int32.
        scores: (detections,) float32, falling.
    """

    boxes: Floats
    classes: Ints
    scores: Floats


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
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas_a = np.prod(np.maximum(first[:, 2:] - first[:, :2], 0), axis=1)
    areas_b = np.prod(np.maximum(second[:, 2:] - second[:, :2], 0), axis=1)
    union = areas_a[:, None] + areas_b[None, :] - shared
    overlap: Floats = np.where(union > 0, shared / np.maximum(union, np.float32(1e-12)), 0).astype(np.float32)
    return overlap


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


def decode(code: Floats, anchors: Floats) -> Floats:
    """Undo `encode`; the order of operations is the device's.

    Args:
        code: (..., n, 4) float32.
        anchors: (n, 4) float32: ycenter, xcenter, height, width.

    Returns:
        (..., n, 4) float32: ymin, xmin, ymax, xmax.
    """
    relative = code / _SCALES
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


def detections(code: Floats, scores: Floats, anchors: Floats, options: Postprocess) -> Detections:
    """Decode and suppress the outputs for one image, as `TFLite_Detection_PostProcess` does.

    Args:
        code: (anchors, 4) float32: the `box_encodings` output.
        scores: (anchors, classes) float32 in 0..1.
        anchors: (anchors, 4) float32: ycenter, xcenter, height, width.
        options: thresholds and the form of the suppression.
    """
    overlap = _Overlap(decode(code, anchors))
    if options.nms == "class_agnostic":
        best = scores.argmax(axis=1).astype(np.int32)
        kept = _suppress(overlap, scores.max(axis=1), options)
        return Detections(overlap.boxes[kept], best[kept], scores[kept, best[kept]])
    found = [_suppress(overlap, scores[:, label], options) for label in range(scores.shape[1])]
    classes = np.repeat(np.arange(len(found), dtype=np.int32), [len(kept) for kept in found])
    kept = np.concatenate(found)
    values = scores[kept, classes]
    order = np.argsort(-values, kind="stable")[: options.max_detections]
    return Detections(overlap.boxes[kept[order]], classes[order], values[order])


class _Overlap:
    """Overlaps of a set of boxes, one row at a time and each row once.

    Args:
        boxes: (n, 4) float32: ymin, xmin, ymax, xmax.
    """

    def __init__(self, boxes: Floats) -> None:
        self.boxes = boxes
        self._rows: dict[int, Floats] = {}

    def row(self, box: int) -> Floats:
        """Give the overlap of one box with every box."""
        if box not in self._rows:
            self._rows[box] = iou(self.boxes[box : box + 1], self.boxes)[0]
        return self._rows[box]


def _suppress(overlap: _Overlap, scores: Floats, options: Postprocess) -> npt.NDArray[np.int64]:
    """Keep the best box, drop those that overlap it too much, and so on; give what is kept."""
    candidates = np.flatnonzero(scores >= np.float32(options.score_threshold))
    candidates = candidates[np.argsort(-scores[candidates], kind="stable")]
    kept: list[int] = []
    while len(candidates) and len(kept) < options.max_detections:
        best = int(candidates[0])
        kept.append(best)
        candidates = candidates[1:]
        candidates = candidates[overlap.row(best)[candidates] <= np.float32(options.iou_threshold)]
    return np.asarray(kept, np.int64)
