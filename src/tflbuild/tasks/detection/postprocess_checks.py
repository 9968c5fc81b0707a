"""Checks of options of suppression that lay in a file."""

from __future__ import annotations

from collections.abc import Mapping

from tflbuild.core.field_checks import Check, number, one_of, whole

POSTPROCESS: Mapping[str, Check] = {
    "max_detections": whole(1, 1000),
    "nms": one_of("class_wise", "class_agnostic"),
    "score_threshold": number(least=0, most=1),
    "iou_threshold": number(above=0, most=1),
}
"""Options of `tflbuild.tasks.detection.detector.Postprocess`."""
