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
    """Side of the default boxes on the finest map, as the square root of their area. Smaller finds smaller
    objects. [fraction of the image]"""
    max_scale: Annotated[float, Gt(0), Le(1)] = 0.95
    """Side of the default boxes on the coarsest map; scales rise evenly from `min_scale` to it. [fraction of
    the image]"""
    aspect_ratios: tuple[Annotated[float, Gt(0)], ...] = (1.0, 2.0, 0.5, 3.0, 1 / 3)
    """Width : height of the default boxes of a cell; one box for each. [ratio]"""
    extra_square: bool = True
    """Whether a cell has one more square, of a size between this map's and the next one's."""
    reduced_finest: bool = True
    """Whether the finest map has three boxes a cell alone: a square of 0.1, then 2:1 and 1:2."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> AnchorOptions:
        """Read what `Meaning.detector["anchors"]` holds."""
        return cls(**{**options, "aspect_ratios": tuple(options["aspect_ratios"])})


@dataclass(frozen=True, kw_only=True)
class PyramidAnchors:
    """Declare the default boxes of a feature pyramid, whose maps halve their sides from one to the next.

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017.
        TensorFlow Object Detection API, `multiscale_grid_anchor_generator`.
    """

    scale: Annotated[float, Gt(0), Le(64)] = 4.0
    """Side of the smallest default boxes of a map, as the square root of their area. Smaller finds smaller
    objects. [cells]"""
    octaves: Annotated[int, Ge(1), Le(4)] = 2
    """Sizes of default boxes on each map, evenly from `scale` to twice that, which the next map has. [sizes]"""
    aspect_ratios: tuple[Annotated[float, Gt(0)], ...] = (1.0, 2.0, 0.5)
    """Width : height of the default boxes of each size; one box for each. [ratio]"""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PyramidAnchors:
        """Read what `Meaning.detector["anchors"]` holds."""
        return cls(**{**options, "aspect_ratios": tuple(options["aspect_ratios"])})


def anchor_options(options: Mapping[str, Any]) -> AnchorOptions | PyramidAnchors:
    """Read what `Meaning.detector["anchors"]` holds, of either kind."""
    return PyramidAnchors.of(options) if "octaves" in options else AnchorOptions.of(options)


@dataclass(frozen=True, kw_only=True)
class Postprocess:
    """Declare the final suppression, as `TFLite_Detection_PostProcess` does it on the device."""

    max_detections: Annotated[int, Ge(1), Le(1000)] = 100
    """Most boxes that are given for an image. Fewer are faster; further objects are lost. [boxes]"""
    nms: Literal["class_wise", "class_agnostic"] = "class_wise"
    """`class_wise` suppresses overlapping boxes of the same class alone; `class_agnostic` gives each box one
    class and suppresses across classes, which is faster."""
    score_threshold: Annotated[float, Ge(0), Le(1)] = 0.01
    """Score below which a box is dropped. Higher gives fewer boxes and is faster; mAP falls once true objects
    go. [score]"""
    iou_threshold: Annotated[float, Gt(0), Le(1)] = 0.6
    """Overlap (intersection over union) above which the lower-scored of two boxes is suppressed. Higher keeps
    more neighbours and more duplicates. [fraction]"""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Postprocess:
        """Read what `Meaning.detector["postprocess"]` holds."""
        return cls(**options)


BOX_SCALES = (10.0, 10.0, 5.0, 5.0)
"""Scales of the box code (ycenter, xcenter, height, width), as in the TensorFlow Object Detection API."""
