"""Read a detector's anchors and suppression options off the facts of its file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflbuild.core.artifact import ModelFacts
from tflbuild.tasks.detection.anchors import AnchorOptions, anchors
from tflbuild.tasks.detection.detector import BOX_SCALES, Postprocess
from tflbuild.tflite.suppression import SuppressionOptions


def anchors_of(facts: ModelFacts) -> npt.NDArray[np.float32]:
    """Give a detector's anchors, (anchors, 4) float32: ycenter, xcenter, height, width."""
    return anchors(facts.detector["feature_maps"], AnchorOptions.of(facts.detector["anchors"]))


def suppression_of(facts: ModelFacts) -> SuppressionOptions:
    """Give the options of a detector's final operator."""
    options = Postprocess.of(facts.detector["postprocess"])
    return SuppressionOptions(
        classes=len(facts.labels),
        box_scales=BOX_SCALES,
        max_detections=options.max_detections,
        class_wise=options.nms == "class_wise",
        score_threshold=options.score_threshold,
        iou_threshold=options.iou_threshold,
    )
