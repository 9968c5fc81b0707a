"""Options that turn a detector's outputs into boxes; without numpy, so that a plan can read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True, kw_only=True)
class AnchorOptions:
    """Declare the default boxes of every feature map.

    Scales rise evenly from `min_scale` on the finest map to `max_scale` on the coarsest; a scale is
    the square root of a box's area, as a fraction of the image.

    References:
        Liu et al., SSD: Single Shot MultiBox Detector, 2016.
        TensorFlow Object Detection API, `create_ssd_anchors`.
    """

    min_scale: Annotated[float, Gt(0), Le(1)] = 0.2
    max_scale: Annotated[float, Gt(0), Le(1)] = 0.95
    aspect_ratios: tuple[float, ...] = (1.0, 2.0, 0.5, 3.0, 1 / 3)  # width : height
    extra_square: bool = True  # one more square, of a scale between this map's and the next one's
    reduced_finest: bool = True  # three boxes on the finest map: 0.1 square, then 2:1 and 1:2

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> AnchorOptions:
        """Read what `Meaning.detector["anchors"]` holds."""
        return cls(**{**options, "aspect_ratios": tuple(options["aspect_ratios"])})


@dataclass(frozen=True, kw_only=True)
class Postprocess:
    """Declare the final suppression, as `TFLite_Detection_PostProcess` does it on the device."""

    max_detections: Annotated[int, Ge(1), Le(1000)] = 100
    nms: Literal["class_wise", "class_agnostic"] = "class_wise"  # agnostic: one class a box, faster
    score_threshold: Annotated[float, Ge(0), Le(1)] = 0.01
    iou_threshold: Annotated[float, Gt(0), Le(1)] = 0.6

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Postprocess:
        """Read what `Meaning.detector["postprocess"]` holds."""
        return cls(**options)


BOX_SCALES = (10.0, 10.0, 5.0, 5.0)
"""Scales of the box code (ycenter, xcenter, height, width), as in the TensorFlow Object Detection API."""
