"""Training targets of a batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflbuild.core.modality import Batch
from tflbuild.tasks.detection.boxes import assign, encode

MATCH_IOU = 0.5


def detection_targets(
    batch: Batch, anchors: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Match a batch's objects with anchors.

    Args:
        batch: images with their objects.
        anchors: (anchors, 4) float32: ycenter, xcenter, height, width.

    Returns:
        Codes (batch, height, width, channels) uint8, coded boxes (batch, anchors, 4) float32, and labels
        (batch, anchors) int32, -1 for background.
    """
    count = len(batch.codes)
    code = np.zeros((count, len(anchors), 4), np.float32)
    labels = np.full((count, len(anchors)), -1, np.int32)
    for number, (boxes, classes) in enumerate(zip(batch.boxes, batch.labels, strict=True)):
        matched = assign(boxes, anchors, MATCH_IOU)
        taken = np.flatnonzero(matched >= 0)
        if len(taken):
            code[number, taken] = encode(boxes[matched[taken]], anchors[taken])
            labels[number, taken] = classes[matched[taken]]
    return batch.codes, code, labels
