"""Read a detector's anchors and suppression options off the facts of its file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflbuild.core.meaning import Meaning
from tflbuild.tasks.detection.anchors import anchors
from tflbuild.tasks.detection.detector import BOX_SCALES, Postprocess, anchor_options
from tflbuild.tflite.suppression import SuppressionOptions


def anchors_of(facts: Meaning) -> npt.NDArray[np.float32]:
    """Give a detector's anchors, (anchors, 4) float32: ycenter, xcenter, height, width."""
    return anchors(facts.head["feature_maps"], anchor_options(facts.head["anchors"]))


def suppression_of(facts: Meaning) -> SuppressionOptions:
    """Give the options of a detector's final operator."""
    options = Postprocess.of(facts.head["postprocess"])
    return SuppressionOptions(
        classes=len(facts.labels),
        box_scales=BOX_SCALES,
        max_detections=options.max_detections,
        class_wise=options.nms == "class_wise",
        score_threshold=options.score_threshold,
        iou_threshold=options.iou_threshold,
    )
