"""`TFLite_Detection_PostProcess` in numpy, in the same order and in float32: what the operator is tested against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.tasks.detection.boxes import Floats, Ints, decode, iou
from tflbuild.tasks.detection.detector import Postprocess


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
